/** Screens of those who run the bridge and of those who connect to it. */

const NOW = 1_760_000_000;
const LOAD = Array.from({ length: 180 }, (_, index) => {
  const swing = 1 + 0.4 * Math.sin(index / 17) + 0.15 * Math.sin(index / 3);
  return {
    at: NOW - 900 + index * 5,
    busy: 0.28 * swing,
    lag: 0.004 * swing,
    packets_received: 21_000 * swing,
    packets_sent: 58_000 * swing,
    bytes_received: 19e6 * swing,
    bytes_sent: 51e6 * swing,
    rooms: 42,
    participants: 118,
    waiting: 17,
    legs: 9,
  };
});
const room = (id, opened, participants, waiting, more = {}) => ({
  room: id,
  participants,
  test_legs: 0,
  waiting,
  connected: participants,
  sources: participants * 2,
  legs: 0,
  opened_at: NOW - opened,
  queue: false,
  recording: "off",
  ...more,
});
const event = (id, kind, severity, ago, where = "", details = {}, count = 1) => ({ id, kind, severity, room: where, details, first_at: NOW - ago - 60, at: NOW - ago, count });
const worker = (index, busy) => ({ index, load: { busy, packets_received: 0, packets_sent: 0, bytes_received: 0, bytes_sent: 0 }, transports: 74 - index * 9, producers: 118, consumers: 301, tcp_connections: 6, kernel_drops: 0, send_failures: 0, errors: 2 });
const OVERVIEW = {
  now: NOW,
  nodes: [
    { name: "bro-1", version: "0.9.0", started_at: NOW - 910_000, draining: false, checks: { not_draining: true, workers: true, audit: true }, rooms: 42, participants: 118, test_legs: 1, waiting: 17 },
    { name: "bro-2", version: "0.9.0", started_at: NOW - 870_000, draining: true, checks: { not_draining: false, workers: true, audit: true }, rooms: 3, participants: 7, test_legs: 0, waiting: 0 },
  ],
  workers: [worker(0, 0.31), worker(1, 0.27)],
  rooms: {
    found: 42,
    shown: [
      room("oslo/legevakt_sentrum", 7_400, 0, 11, { queue: true }),
      room("helse-midt/c0ffee42-9b1d-4f7e-8a1b-1cb2f0d7e111", 1_310, 4, 0, { legs: 2, recording: "on" }),
      room("oslo/7d1f03aa-52c8", 890, 2, 1, { test_legs: 1 }),
      room("oslo/konsultasjon-2025-10-09", 640, 3, 0, { legs: 1 }),
      room("oslo/19af8e60-77d3", 95, 2, 2, { recording: "asking" }),
    ],
  },
  legs: {
    running: 9,
    max: 24,
    started: 310,
    restarts: 2,
    failures: 0,
    refused: 0,
    shown: [
      { room: "helse-midt/c0ffee42-9b1d-4f7e-8a1b-1cb2f0d7e111", kind: "video", source: "VP8", target: "H.264", reason: "codec", receivers: 1, restarts: 0, state: "running" },
      { room: "helse-midt/c0ffee42-9b1d-4f7e-8a1b-1cb2f0d7e111", kind: "recording", source: "VP8", target: "WebM", reason: "recording", receivers: 1, restarts: 0, state: "running" },
      { room: "oslo/konsultasjon-2025-10-09", kind: "video", source: "VP8", target: "VP8", reason: "composed", receivers: 2, restarts: 1, state: "starting" },
    ],
  },
  load: LOAD,
  events: {
    revision: 9,
    new: [
      event(1, "room_opened", "info", 1_310, "helse-midt/c0ffee42-9b1d-4f7e-8a1b-1cb2f0d7e111"),
      event(2, "session_lost", "warning", 700, "oslo/7d1f03aa-52c8", { reason: "timed_out" }),
      event(3, "leg_restarted", "warning", 420, "oslo/konsultasjon-2025-10-09", { more: "1" }),
      event(4, "operator_signed_in", "info", 130, "", { by: "drift-vakt" }),
      event(5, "log", "error", 61, "", { message: "The webhook's receiver answers 503.", logger: "bridge.webhooks" }, 4),
      event(6, "room_opened", "info", 95, "oslo/19af8e60-77d3"),
    ],
  },
};
/** Asked again, the bridge tells what is new. */
const LOOKED_AT = { "/admin/overview": [{ body: OVERVIEW }, { body: { ...OVERVIEW, load: [], events: { revision: 9, new: [] } } }] };
const OPERATOR = { "/admin/session": { body: { key: "op-1", label: "drift-vakt", rights: ["look", "drain"], csrf: "token" } } };

/** @type {import("./list.js").Screen[]} */
export const OPERATORS = [
  {
    id: "admin-signin",
    title: "Operators' sign-in, a key refused",
    answers: { "/admin/session": { status: 401, body: { code: "operator_key_refused" } } },
    play: async (view) => {
      await view.visit("/admin");
      await view.page.evaluate(() => (document.getElementById("key").value = "0".repeat(40)));
      await view.press("Logg inn");
      await view.until(() => document.querySelector(".trouble").checkVisibility());
    },
  },
  {
    id: "admin-signin-provider",
    title: "Operators' sign-in at a provider, by an account that is no operator's",
    answers: {
      "/admin/session": { status: 403, body: { code: "operator_signin_required" } },
      "/admin/providers": { body: { providers: [{ id: "work", title: "Arbeidskonto" }, { id: "helseid", title: "HelseID" }] } },
    },
    play: async (view) => {
      await view.visit("/admin?problem=operator_not_allowed");
      await view.until(() => document.querySelector("a.button")?.checkVisibility());
    },
  },
  {
    id: "admin",
    title: "Nodes, rooms, load, legs and events",
    answers: { ...OPERATOR, ...LOOKED_AT },
    play: async (view) => {
      await view.visit("/admin");
      await view.until(() => /L/.test(document.querySelector(".chart-line")?.getAttribute("d") ?? ""));
    },
  },
  {
    id: "admin-drain",
    title: "Asked before a node is drained",
    answers: { ...OPERATOR, ...LOOKED_AT },
    play: async (view) => {
      await view.visit("/admin");
      await view.until(() => document.querySelector(".chart-line")?.getAttribute("d"));
      await view.press("Tøm noden");
    },
  },
  {
    id: "sandbox",
    title: "Developers' page, every step done",
    language: "en-GB",
    play: async (view) => {
      await view.visit("/sandbox#aaa.bbb.ccc");
      await view.page.evaluate(() => {
        fakeBridge.addParticipant({ name: "Echo", role: "echo" });
        document.getElementById("all").click();
      });
      await view.until(() => document.querySelectorAll("[data-state=done]").length === 7 || !document.getElementById("trouble").hidden);
    },
  },
];
