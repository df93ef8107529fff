/** What has happened, newest first. */
import { element } from "../dom.js";
import { count, time } from "./figures.js";
import { breakable } from "./names.js";
import { say, sayWord } from "./texts.js";

/** @import { BridgeEvent } from "./api.js" */

/** Of what went wrong, and of the rest, as the bridge keeps. */
const KEPT = 250;
/** What is counted in numbers of its own; of the rest is told how often it happened. */
const COUNTED = new Set(["leg_restarted", "leg_given_up", "leg_refused", "kernel_drops", "events_dropped"]);
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
    for (const trouble of [true, false]) {
      const kept = [...this.events.values()].filter(({ severity }) => (severity !== "info") === trouble);
      for (const { id } of kept.slice(0, -KEPT)) this.events.delete(id);
    }
    this.render();
  }

  render() {
    const shown = [...this.events.values()].filter(({ severity }) => !this.trouble.checked || severity !== "info");
    const rows = shown.sort((one, other) => other.at - one.at || other.id - one.id).map(row);
    this.list.replaceChildren(...(rows.length > 0 ? rows : [element("li", { class: "empty" }, say("noEvents"))]));
  }
}

/** @param {BridgeEvent} event */
function row({ kind, severity, room, details, first_at: since, at, count: times }) {
  const { message, logger, ...more } = details;
  const reason = sayWord("why", more["reason"] ?? "");
  const words = kind === "log" ? (message ?? "") : sayWord("event", kind, { ...more, reason, count: count(times) });
  const facts = kind === "log" ? [logger, ...Object.entries(more).map(([name, value]) => `${name}=${value}`)].join(" ") : "";
  const repeated = COUNTED.has(kind) ? say("since", { since: time(since) }) : say("times", { count: count(times), since: time(since) });
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
      room !== "" && element("span", { class: "event-room" }, breakable(room)),
      times > 1 && element("span", { class: "event-count" }, repeated),
      facts !== "" && element("span", { class: "event-facts" }, facts),
    ),
  );
}
