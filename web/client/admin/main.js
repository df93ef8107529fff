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
let keyOfLink = location.hash.slice(1);
// A sign-in at a provider that came to nothing comes back with the reason.
const problemOfLink = new URLSearchParams(location.search).get("problem");
if (keyOfLink !== "" || problemOfLink !== null) history.replaceState(null, "", location.pathname);
document.addEventListener("visibilitychange", () => void ask());
whoAmI().then(enter, () => leave(problemOfLink === null ? "" : wordsOfLink(problemOfLink)));

/** @param {string} code as the bridge writes them; what looks otherwise is nobody's to have shown here */
function wordsOfLink(code) {
  if (code === "rate_limited") return say("rateLimited");
  return /^[a-z_]{1,40}$/.test(code) ? sayProblem(code) : "";
}

/** @param {Operator} operator */
function enter(operator) {
  // It has done its part: whoever signs out is not to find it filled in.
  keyOfLink = "";
  revision = 0;
  dashboard = new Dashboard(operator, { onSignOut: () => void end(), onAsk: () => void ask(), onFailed: wordsFor });
  show(dashboard.node);
  void ask();
}

/** @param {string} problem */
function leave(problem) {
  clearTimeout(timer);
  dashboard = null;
  show(signInView({ key: keyOfLink, problem, onSignedIn: enter, describe }));
}

async function end() {
  const shown = dashboard;
  shown?.refuse("");
  try {
    const answer = await signOut();
    leave("");
    if (answer !== null) location.assign(answer.location);
  } catch (error) {
    // The session lives on, and the next one at this machine would have it.
    const words = wordsFor(error);
    if (words !== "") shown?.refuse(say("notSignedOut", { problem: words }));
  }
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
    shown.warn(wordsFor(error));
  }
  if (dashboard !== null) timer = setTimeout(() => void ask(), EVERY);
}

/**
 * What to say of a failure beside what is shown: nothing where the sign-in page says it, as the session is over.
 *
 * @param {unknown} error
 */
function wordsFor(error) {
  if (!(error instanceof Refusal && error.code === "operator_signin_required")) return describe(error);
  leave(sayProblem(error.code));
  return "";
}

/** @param {unknown} error */
function describe(error) {
  if (error instanceof Refusal) return sayProblem(error.code);
  return say("unreachable", { time: told === 0 ? "–" : time(told) });
}
