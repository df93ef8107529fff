/** The developers' page of a development bridge. In English, as the protocol's documents are. */
import { element } from "../dom.js";
import { takeToken } from "../token.js";
import { MessageLog } from "./log.js";
import { Session } from "./session.js";

/** @typedef {"connect" | "join" | "publish" | "receive" | "ask" | "resume" | "leave"} Act */
/** @type {[Act, string, string][]} */
const STEPS = [
  ["connect", "Connect", "A WebSocket to /v1/signal, subprotocol bridge.v1. The token is not part of the URL."],
  ["join", "Join", "The first message carries the join token. The reply holds the session and who is there."],
  ["publish", "Publish", "The client offers (SDP) and says what its m-lines carry; the bridge answers."],
  ["receive", "Receive", "The bridge offers what the others send, here the echo; the client answers by its number."],
  ["ask", "Ask", "get_stats: what the bridge counts on both connections."],
  ["resume", "Lose the network", "The WebSocket ends; another one resumes the session by its id and secret. Media goes on."],
  ["leave", "Leave", "The others are told at once, and the bridge closes with 1000."],
];

/**
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
function part(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

const own = part("own", HTMLVideoElement);
const echo = part("echo", HTMLVideoElement);
const trouble = part("trouble", HTMLParagraphElement);
const all = part("all", HTMLButtonElement);
const log = new MessageLog(part("log", HTMLOListElement));
const url = `${location.origin.replace(/^http/, "ws")}/v1/signal`;
const token = takeToken();
/** @type {Session | null} */
let session = null;
let next = 0;

const rows = STEPS.map(([, title, explanation], index) => {
  const button = element("button", { class: "button", type: "button", onclick: () => void run(index + 1) }, title);
  const text = element("div", {}, element("h3", {}, `${index + 1}. ${title}`), element("p", {}, explanation));
  return { row: element("li", { class: "step", "data-state": "open" }, text, button), button };
});
part("steps", HTMLOListElement).append(...rows.map(({ row }) => row));
all.addEventListener("click", () => void run(STEPS.length));
show();
if (token === null) {
  all.disabled = true;
  fail(new Error("Open this page by the link that `make run` prints: it has the join token."));
}

/**
 * Goes on until so many steps are done; from the beginning if all are.
 *
 * @param {number} end
 */
async function run(end) {
  if (token === null) return;
  if (next === STEPS.length) {
    next = 0;
    session = null;
  }
  trouble.hidden = true;
  all.disabled = true;
  session ??= new Session(url, token, log, own, echo);
  try {
    for (; next < end; next += 1) {
      const step = STEPS[next];
      if (step === undefined) break;
      show("running");
      await session[step[0]]();
    }
  } catch (error) {
    next = 0;
    session.end();
    session = null;
    fail(error);
  }
  all.disabled = false;
  show();
}

/** @param {"open" | "running"} [state] of the next step */
function show(state = "open") {
  rows.forEach(({ row, button }, index) => {
    row.dataset["state"] = index < next ? "done" : index === next ? state : "open";
    button.disabled = token === null || state === "running" || index !== next % STEPS.length;
  });
  all.textContent = next === STEPS.length ? "Run all steps again" : "Run all steps";
}

/** @param {unknown} error */
function fail(error) {
  trouble.textContent = error instanceof Error ? error.message : String(error);
  trouble.hidden = false;
}
