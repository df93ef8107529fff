/** Screens under an operator's name and logo, and what they say when the page does not start. */
import { enterLobby } from "./before.js";

const marked = (view) => (view.url = view.url.replace("/join", "/join?mark"));

/** The files at addresses that match do not come. */
async function lose(view, pattern) {
  await view.page.setRequestInterception(true);
  view.page.on("request", (request) => (pattern.test(request.url()) ? request.abort() : request.continue()));
}

/** @type {import("./list.js").Screen[]} */
export const MARKED = [
  {
    id: "marked-signin",
    title: "Sign-in refused, and whom to turn to",
    answers: { "/signin/invitation": { status: 404, body: { code: "invitation_not_found" } } },
    play: (view) => view.visit("/signin?mark#nonsense"),
  },
  {
    id: "marked-prepare",
    title: "Preparation, the camera refused (nynorsk)",
    language: "nn-NO",
    play: async (view) => {
      marked(view);
      await view.prepare(() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
      });
      await view.until(() => document.querySelector(".problem .support"));
    },
  },
  {
    id: "marked-lobby",
    title: "Waiting room",
    play: async (view) => {
      marked(view);
      await enterLobby(view, { position: 2, expected_seconds: 600 });
    },
  },
  {
    id: "marked-call",
    title: "The call",
    play: async (view) => {
      marked(view);
      await view.join(() => fakeBridge.grants.push("chat", "propose"));
      await view.meet({ name: "Åse Lege", role: "fastlege", colour: "#557799" });
    },
  },
  {
    id: "marked-unreachable",
    title: "The bridge cannot be reached (English)",
    language: "en-GB",
    play: async (view) => {
      marked(view);
      await view.page.evaluateOnNewDocument(() => (fakeBridge.unreachable = true));
      await view.join(undefined, "Join");
    },
  },
  {
    id: "front",
    title: "Somebody typed the address of the service: three languages, no script",
    play: (view) => view.visit("/"),
  },
  {
    id: "nothing",
    title: "Somebody typed an address at which there is nothing",
    play: (view) => view.visit("/jion"),
  },
  {
    id: "not-loaded",
    title: "The texts did not load, nor when asked for again",
    play: async (view) => {
      await lose(view, /\/client\/text\//);
      await view.prepare();
      await view.until(() => document.documentElement.hasAttribute("data-failed"));
    },
  },
  {
    id: "not-started",
    title: "No script loaded: three languages, in the document itself",
    play: async (view) => {
      await lose(view, /\.js$/);
      await view.page.goto(view.url);
      // It would stand there after twenty seconds.
      await view.page.evaluate(() => document.documentElement.setAttribute("data-failed", ""));
    },
  },
];
