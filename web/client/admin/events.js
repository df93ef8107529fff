/** What has happened, newest first. */
import { element } from "../dom.js";
import { time } from "./figures.js";
import { say, sayWord } from "./texts.js";

/** @import { BridgeEvent } from "./api.js" */

const KEPT = 500;
const MARKS = { info: "·", warning: "!", error: "×" };

export class EventList {
  constructor() {
    /** @type {Map<number, BridgeEvent>} */
    this.events = new Map();
    this.list = element("ol", { class: "events" });
    this.trouble = element("input", { type: "checkbox", id: "only-trouble", onchange: () => this.render() });
    const field = element("div", { class: "check-field" }, this.trouble, element("label", { for: "only-trouble" }, say("onlyTrouble")));
    const frame = element("div", { class: "events-frame", role: "group", tabindex: "0", "aria-label": say("events") }, this.list);
    this.node = element(
      "section",
      { class: "panel", "aria-labelledby": "events-title" },
      element("div", { class: "panel-head" }, element("h2", { id: "events-title" }, say("events")), field),
      element("p", { class: "small-print" }, say("eventsNote")),
      frame,
    );
  }

  /** @param {BridgeEvent[]} news */
  add(news) {
    if (news.length === 0 && this.list.childElementCount > 0) return;
    for (const event of news) {
      this.events.delete(event.id);
      this.events.set(event.id, event);
    }
    for (const id of [...this.events.keys()].slice(0, -KEPT)) this.events.delete(id);
    this.render();
  }

  render() {
    const shown = [...this.events.values()].filter(({ severity }) => !this.trouble.checked || severity !== "info");
    const rows = shown.sort((one, other) => other.at - one.at || other.id - one.id).map(row);
    this.list.replaceChildren(...(rows.length > 0 ? rows : [element("li", { class: "empty" }, say("noEvents"))]));
  }
}

/** @param {BridgeEvent} event */
function row({ kind, severity, room, details, at, count }) {
  const { message, logger, ...more } = details;
  const reason = sayWord("why", more["reason"] ?? "");
  const words = kind === "log" ? (message ?? "") : sayWord("event", kind, { ...more, reason });
  const facts = kind === "log" ? [logger, ...Object.entries(more).map(([name, value]) => `${name}=${value}`)].join(" ") : "";
  return element(
    "li",
    { class: `event ${severity}` },
    element("time", { datetime: new Date(at * 1000).toISOString() }, time(at)),
    element("span", { class: "mark", role: "img", "aria-label": say(severity) }, MARKS[severity]),
    element(
      "div",
      {},
      // The bridge logs in English whatever the page's language.
      element("span", { lang: kind === "log" ? "en" : undefined }, words),
      room !== "" && element("span", { class: "event-room" }, room),
      count > 1 && element("span", { class: "event-count" }, say("times", { count })),
      facts !== "" && element("span", { class: "event-facts" }, facts),
    ),
  );
}
