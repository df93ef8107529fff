/** The operators' page: signs in, then asks the bridge every two seconds for as long as somebody looks. */
import { language } from "../i18n.js";
import { Refusal, look, signOut, whoAmI } from "./api.js";
import { Dashboard } from "./dashboard.js";
import { time } from "./figures.js";
import { signInView } from "./signin.js";
import { say, sayProblem } from "./texts.js";

/** @import { Operator } from "./api.js" */

const EVERY = 2_000;

const view = document.getElementById("view");
if (view === null) throw new Error("the page has no view");
/** @type {Dashboard | null} */
let dashboard = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let revision = 0;
let told = 0;
/** Counts the questions: an answer that another has overtaken is not shown. */
let asked = 0;

document.documentElement.lang = language;
document.title = say("title");
// A development bridge's link holds the key, in the fragment, which reaches no server; it does not stay in the address bar.
const keyOfLink = location.hash.slice(1);
if (keyOfLink !== "") history.replaceState(null, "", location.pathname);
document.addEventListener("visibilitychange", () => void ask());
whoAmI().then(enter, () => leave(""));

/** @param {Operator} operator */
function enter(operator) {
  revision = 0;
  dashboard = new Dashboard(operator, { onSignOut: () => void end(), onAsk: () => void ask(), onFailed: fail });
  show(dashboard.node);
  void ask();
}

/** @param {string} problem */
function leave(problem) {
  clearTimeout(timer);
  dashboard = null;
  show(signInView({ key: problem === "" ? keyOfLink : "", problem, onSignedIn: enter, describe }));
}

async function end() {
  await signOut().catch(() => undefined);
  leave("");
}

/** @param {HTMLElement} node */
function show(node) {
  view?.replaceChildren(node);
  node.querySelector("h1")?.focus();
}

async function ask() {
  clearTimeout(timer);
  if (dashboard === null || document.hidden) return;
  const shown = dashboard;
  const number = (asked += 1);
  try {
    const overview = await look(revision, shown.sampled, shown.find.value.trim());
    if (shown !== dashboard || number !== asked) return;
    shown.show(overview);
    revision = overview.events.revision;
    told = overview.now;
    shown.warn("");
  } catch (error) {
    if (shown !== dashboard || number !== asked) return;
    fail(error);
  }
  if (dashboard !== null) timer = setTimeout(() => void ask(), EVERY);
}

/** @param {unknown} error */
function fail(error) {
  if (error instanceof Refusal && error.code === "operator_signin_required") leave(sayProblem(error.code));
  else dashboard?.warn(describe(error));
}

/** @param {unknown} error */
function describe(error) {
  if (error instanceof Refusal) return sayProblem(error.code);
  return say("unreachable", { time: told === 0 ? "–" : time(told) });
}
