/** What an operator sees, written anew with each answer of the bridge. */
import { element, setText } from "../dom.js";
import { Chart, WINDOW } from "./chart.js";
import { DrainControl, condition } from "./draining.js";
import { EventList } from "./events.js";
import { bits, count, duration, milliseconds, percent, perSecond } from "./figures.js";
import { breakable } from "./names.js";
import { Table } from "./table.js";
import { say, sayWord } from "./texts.js";

/** @import { Overview, Operator, Sample } from "./api.js" */

export class Dashboard {
  /**
   * @param {Operator} operator
   * @param {{ onSignOut: () => void, onAsk: () => void, onFailed: (error: unknown) => string }} acts
   */
  constructor(operator, { onSignOut, onAsk, onFailed }) {
    /** @type {Sample[]} */
    this.samples = [];
    this.drain = new DrainControl(operator.rights.includes("drain"), onAsk, onFailed);
    this.events = new EventList();
    this.trouble = element("p", { class: "trouble", role: "alert", hidden: true });
    this.refusal = element("p", { class: "trouble", role: "alert", hidden: true });
    this.figures = {
      rooms: element("dd"),
      participants: element("dd"),
      waiting: element("dd"),
      legs: element("dd"),
    };
    this.charts = [
      new Chart(say("busy"), [{ of: ({ busy }) => busy }], percent, 0.25),
      new Chart(say("lag"), [{ of: ({ lag }) => lag }], milliseconds, 0.02),
      new Chart(
        say("traffic"),
        [
          { of: ({ bytes_received: bytes }) => bytes, name: say("received") },
          { of: ({ bytes_sent: bytes }) => bytes, name: say("sent") },
        ],
        bits,
        125_000,
      ),
      new Chart(
        say("packets"),
        [
          { of: ({ packets_received: packets }) => packets, name: say("received") },
          { of: ({ packets_sent: packets }) => packets, name: say("sent") },
        ],
        perSecond,
        100,
      ),
    ];
    this.nodes = new Table(say("nodes"), [
      { title: say("node"), kind: "name" },
      { title: say("state") },
      { title: say("up"), kind: "number" },
      { title: say("version"), kind: "extra" },
    ]);
    this.workers = new Table(say("workers"), [
      { title: say("worker"), kind: "name" },
      { title: say("cpu"), kind: "number" },
      { title: say("connections"), kind: "number" },
      { title: say("tcp"), kind: "number extra" },
      { title: say("streamsIn"), kind: "number" },
      { title: say("streamsOut"), kind: "number" },
      { title: say("drops"), kind: "number" },
      { title: say("notSent"), kind: "number extra" },
      { title: say("unusable"), kind: "number extra" },
    ]);
    this.rooms = new Table(say("rooms"), [
      { title: say("room"), kind: "name" },
      { title: say("openFor"), kind: "number" },
      { title: say("participants"), kind: "number" },
      { title: say("waiting"), kind: "number" },
      { title: say("connected"), kind: "number extra" },
      { title: say("sources"), kind: "number extra" },
      { title: say("legs"), kind: "number" },
      { title: say("recording") },
    ]);
    this.legs = new Table(say("legs"), [
      { title: say("room"), kind: "name" },
      { title: say("kind") },
      { title: say("state") },
      { title: say("fromTo") },
      { title: say("reason") },
      { title: say("receivers"), kind: "number" },
      { title: say("restarts"), kind: "number" },
    ]);
    this.legTotals = element("p", { class: "small-print" });
    this.find = element("input", { id: "find", type: "search", autocomplete: "off", spellcheck: "false", oninput: onAsk });
    this.found = element("p", { class: "small-print", role: "status" });
    this.node = element(
      "div",
      { class: "admin" },
      element(
        "header",
        { class: "admin-head" },
        element("div", {}, element("h1", { tabindex: "-1" }, say("title")), element("p", { class: "small-print" }, say("subtitle"))),
        element(
          "div",
          { class: "who" },
          element("p", { class: "small-print" }, say("signedInAs", { label: operator.label || say("noLabel") })),
          element("button", { class: "button", type: "button", onclick: onSignOut }, say("signOut")),
        ),
      ),
      element(
        "main",
        {},
        this.refusal,
        this.trouble,
        this.summary(),
        panel("load", element("div", { class: "charts" }, ...this.charts.map(({ node }) => node)), say("lastMinutes")),
        element("div", { class: "halves" }, panel("nodes", this.nodes.node), panel("workers", this.workers.node)),
        this.roomPanel(),
        panel("legs", element("div", {}, this.legTotals, this.legs.node)),
        this.events.node,
      ),
    );
  }

  summary() {
    const { rooms, participants, waiting, legs } = this.figures;
    return element(
      "section",
      { class: "panel summary", "aria-label": say("state") },
      this.drain.node,
      element(
        "dl",
        { class: "totals" },
        element("div", {}, element("dt", {}, say("rooms")), rooms),
        element("div", {}, element("dt", {}, say("participants")), participants),
        element("div", {}, element("dt", {}, say("waiting")), waiting),
        element("div", {}, element("dt", {}, say("legs")), legs),
      ),
    );
  }

  roomPanel() {
    const field = element("div", { class: "field find" }, element("label", { for: "find" }, say("find")), this.find);
    return element(
      "section",
      { class: "panel", "aria-labelledby": "rooms-title" },
      element("div", { class: "panel-head" }, element("h2", { id: "rooms-title" }, say("rooms")), field),
      this.found,
      this.rooms.node,
    );
  }

  /** Time of the latest sample that is shown. */
  get sampled() {
    return this.samples.at(-1)?.at ?? 0;
  }

  /** @param {string} words why the sign-out failed, until the next try; empty for nothing */
  refuse(words) {
    this.refusal.hidden = words === "";
    setText(this.refusal, words);
  }

  /** @param {string} words what is wrong with what is shown; empty for nothing */
  warn(words) {
    this.trouble.hidden = words === "";
    setText(this.trouble, words);
  }

  /** @param {Overview} overview */
  show({ now, nodes, workers, rooms, legs, load, events }) {
    this.samples = [...this.samples, ...load].filter(({ at }) => at > now - WINDOW);
    for (const chart of this.charts) chart.show(this.samples, now);
    const [own] = nodes;
    if (own !== undefined) this.drain.show(own);
    const sum = (/** @type {"rooms" | "participants" | "test_legs" | "waiting"} */ name) => nodes.reduce((total, node) => total + node[name], 0);
    setText(this.figures.rooms, count(sum("rooms")));
    const programs = sum("test_legs");
    this.figures.participants.replaceChildren(count(sum("participants")), ...(programs > 0 ? [" ", element("small", {}, say("andTestLegs", { count: count(programs) }))] : []));
    setText(this.figures.waiting, count(sum("waiting")));
    this.figures.legs.replaceChildren(count(legs.running), " ", element("small", {}, say("ofMax", { max: count(legs.max) })));
    this.nodes.show(
      nodes.map((node) => [
        breakable(node.name),
        condition(node, { draining: say("drains"), well: say("ok") }),
        duration(now - node.started_at),
        node.version,
      ]),
    );
    this.workers.show(
      workers.map((worker) => [
        String(worker.index + 1),
        worker.load === null ? "–" : percent(worker.load.busy),
        ...[worker.transports, worker.tcp_connections, worker.producers, worker.consumers, worker.kernel_drops].map(count),
        ...[worker.send_failures, worker.errors].map(count),
      ]),
    );
    this.showRooms(now, rooms);
    this.showLegs(legs);
    this.events.add(events.new);
  }

  /**
   * @param {number} now
   * @param {Overview["rooms"]} rooms
   */
  showRooms(now, { found, shown }) {
    setText(this.found, found > shown.length ? say("someRooms", { shown: count(shown.length), found: count(found) }) : "");
    this.rooms.show(
      shown.map((room) => [
        element("span", {}, breakable(room.room), room.queue && element("span", { class: "tag" }, say("queue"))),
        room.opened_at === null ? "–" : duration(now - room.opened_at),
        room.test_legs > 0 ? say("withTestLegs", { count: count(room.participants), programs: count(room.test_legs) }) : count(room.participants),
        ...[room.waiting, room.connected, room.sources, room.legs].map(count),
        sayWord("recording", room.recording),
      ]),
      say(this.find.value === "" ? "noRooms" : "nothingFound"),
    );
  }

  /** @param {Overview["legs"]} legs */
  showLegs({ started, restarts, failures, refused, shown }) {
    const totals = { started: count(started), restarts: count(restarts), failures: count(failures), refused: count(refused) };
    setText(this.legTotals, say("legTotals", totals));
    this.legs.show(
      shown.map((leg) => [
        breakable(leg.room),
        sayWord("kind", leg.kind),
        say(leg.state),
        `${leg.source} → ${leg.target}`,
        sayWord("reason", leg.reason),
        count(leg.receivers),
        count(leg.restarts),
      ]),
      say("noLegs"),
    );
  }
}

/**
 * @param {"load" | "nodes" | "workers" | "legs"} name
 * @param {Node} content
 * @param {string} [note]
 */
function panel(name, content, note) {
  const title = element("h2", { id: `${name}-title` }, say(name), note && element("small", {}, ` ${note}`));
  return element("section", { class: "panel", "aria-labelledby": `${name}-title` }, title, content);
}
