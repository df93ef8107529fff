import { brand } from "../brand.js";
import { element, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { Preview } from "../preview.js";
import { lobbyMessageWords } from "../words.js";

/** @import { Call } from "../../sdk/src/index.js" */
/** @import { Equipment } from "../equipment.js" */

/** Waiting times are told in steps of so many minutes: they are no promise. */
const STEP = 5;

/** The waiting room: one's place, what to expect, what the hosts say, and one's own picture that nobody sees. */
export class LobbyView {
  #call;
  #preview;
  #abort = new AbortController();
  #place = element("p", { class: "lobby-place" });
  #expected = element("p", { class: "lobby-expected" });
  #trouble = element("p", { class: "banner", hidden: true });
  #messages = element("ol", { class: "lobby-messages" });
  #messageBox;
  node;

  /**
   * @param {Call} call
   * @param {Equipment} equipment
   * @param {() => void} leave
   */
  constructor(call, equipment, leave) {
    this.#call = call;
    this.#preview = new Preview(equipment);
    this.#messageBox = element(
      "section",
      { class: "lobby-box", "aria-labelledby": "lobby-messages", hidden: true },
      element("h2", { id: "lobby-messages" }, t("lobbyMessages")),
      this.#messages,
    );
    this.node = element(
      "main",
      { class: "prepare lobby" },
      element("header", { class: "prepare-head" }, brand(), element("h1", { tabindex: "-1" }, t("lobbyTitle"))),
      this.#preview.node,
      element(
        "div",
        { class: "prepare-side" },
        element(
          "section",
          { class: "lobby-box lobby-queue" },
          // Read out whenever it changes: whoever waits need not look at it all the time.
          element("div", { role: "status", "aria-live": "polite" }, this.#trouble, this.#place, this.#expected),
          element("p", { class: "help" }, t("lobbyLead")),
        ),
        element("div", { role: "log", "aria-live": "polite" }, this.#messageBox),
        element(
          "div",
          { class: "join-bar" },
          element("button", { type: "button", class: "button", onclick: leave }, icon("leave"), t("lobbyLeave")),
        ),
      ),
    );
    const options = { signal: this.#abort.signal };
    call.on("lobbychange", () => this.#update(), options);
    call.on("statechange", () => this.#update(), options);
    this.#update();
  }

  close() {
    this.#abort.abort();
    this.#preview.close();
  }

  #update() {
    const { lobby, state } = this.#call;
    setText(this.#trouble, t("lobbyReconnecting"));
    setAttribute(this.#trouble, "hidden", state !== "reconnecting");
    if (lobby === null) return;
    const { position, expectedSeconds, hostPresent, messages } = lobby;
    setText(this.#place, position === 1 ? t("lobbyNext") : t("lobbyPosition", { position }));
    setText(this.#expected, expectation(expectedSeconds, hostPresent));
    setAttribute(this.#messageBox, "hidden", messages.length === 0);
    const shown = new Set([...this.#messages.children].map((node) => node.getAttribute("data-id")));
    for (const message of messages) {
      if (!shown.has(message.id)) this.#messages.append(element("li", { "data-id": message.id }, lobbyMessageWords(message)));
    }
  }
}

/**
 * @param {number | null} seconds
 * @param {boolean} hostPresent
 */
function expectation(seconds, hostPresent) {
  if (seconds === null) return hostPresent ? "" : t("lobbyNoHost");
  const minutes = Math.ceil(seconds / 60 / STEP) * STEP;
  return minutes === 0 ? t("lobbySoon") : t("lobbyExpected", { minutes });
}
