/** What is said over the WebSocket, both ways, as it comes. The newest stands last; the oldest go when there are many. */
import { element } from "../dom.js";

const MOST = 300;
/** Fields that open something: they are shown by their beginning. */
const SECRET = new Set(["token", "secret"]);

export class MessageLog {
  /** @param {HTMLElement} list */
  constructor(list) {
    this._list = list;
    this._start = performance.now();
  }

  /** @param {Record<string, unknown>} message */
  sent(message) {
    this._add("→", "sent", message);
  }

  /** @param {Record<string, unknown>} message */
  received(message) {
    this._add("←", "received", message);
  }

  /** @param {string} text something that is no message, such as the end of a connection */
  note(text) {
    this._append(element("li", { class: "noted" }, element("p", {}, text)));
  }

  /**
   * @param {string} arrow
   * @param {string} direction
   * @param {Record<string, unknown>} message
   */
  _add(arrow, direction, message) {
    const seconds = ((performance.now() - this._start) / 1000).toFixed(2);
    const text = JSON.stringify(message, (key, value) => (SECRET.has(key) ? shortened(value) : value), 2);
    this._append(
      element(
        "li",
        { class: direction },
        element(
          "details",
          {},
          element(
            "summary",
            {},
            element("span", { class: "time" }, `${seconds} s`),
            element("span", { class: "arrow" }, arrow),
            element("span", {}, summary(message)),
          ),
          // Descriptions are texts of many lines: they are easier to read as such.
          element("pre", {}, text.replaceAll("\\r\\n", "\n    ")),
        ),
      ),
    );
  }

  /** @param {HTMLElement} entry */
  _append(entry) {
    this._list.append(entry);
    while (this._list.childElementCount > MOST) this._list.firstElementChild?.remove();
  }
}

/** @param {Record<string, unknown>} message */
function summary(message) {
  const about = ["code", "state", "connection", "negotiation", "source_id"]
    .filter((name) => message[name] !== undefined)
    .map((name) => `${name}: ${message[name]}`);
  const number = message["id"] ?? message["reply_to"];
  const which = number === undefined ? "" : ` #${number}`;
  return `${message["type"]}${which}${about.length > 0 ? `  ${about.join(", ")}` : ""}`;
}

/** @param {unknown} value */
function shortened(value) {
  return typeof value === "string" ? `${value.slice(0, 6)}…` : value;
}
