import { BridgeError, Preparation, connect } from "../sdk/src/index.js";
import { askForConsent } from "./consent.js";
import { Equipment } from "./equipment.js";
import { language, t } from "./i18n.js";
import { clearNotices, notify } from "./notices.js";
import { describeCallProblem } from "./problems.js";
import { textsLoaded } from "./texts.js";
import { nameInToken, takeToken } from "./token.js";
import { CallView } from "./views/call.js";
import { LobbyView } from "./views/lobby.js";
import { messageView } from "./views/message.js";
import { PrepareView } from "./views/prepare.js";

/** @import { Call } from "../sdk/src/index.js" */

/** One after the other: prepare, perhaps the lobby, call, message. */
class Page {
  #holder = /** @type {HTMLElement} */ (document.getElementById("view"));
  /** @type {{ close: () => void } | null} */
  #view = null;
  /** @type {Call | null} */
  #call = null;
  #joining = false;

  start() {
    document.documentElement.lang = language;
    document.title = t("title");
    const token = takeToken();
    if (token === null) this.#showProblem(new BridgeError("no_token", "There is no token in the link."));
    else this.#prepare(token);
    // Another link opened in the same tab.
    window.addEventListener("hashchange", () => {
      if (location.hash !== "") location.reload();
    });
    // Whoever closes the page is gone at once, instead of standing still in front of the others.
    window.addEventListener("pagehide", () => this.#call?.leave());
  }

  /** @param {string} token */
  #prepare(token) {
    const equipment = new Equipment();
    const preparation = new Preparation(signallingUrl());
    const view = new PrepareView(equipment, nameInToken(token), {
      join: () => this.#join(token, equipment, view, preparation),
      expectJoin: () => preparation.renew(),
      test: async () => (await import("./self-test/dialog.js")).openSelfTest(equipment, signallingUrl(), token),
      close: () => preparation.close(),
    });
    this.#show(view.node, view);
    equipment.open();
  }

  /**
   * @param {string} token
   * @param {Equipment} equipment
   * @param {PrepareView} prepare
   * @param {Preparation} preparation
   */
  async #join(token, equipment, prepare, preparation) {
    if (this.#joining) return;
    this.#joining = true;
    prepare.setJoining(true);
    try {
      const call = await connect(signallingUrl(), token, { preparation });
      this.#enter(call, token, equipment);
    } catch (error) {
      equipment.release();
      this.#showProblem(error, () => this.#prepare(token));
    } finally {
      this.#joining = false;
    }
  }

  /**
   * @param {Call} call
   * @param {string} token
   * @param {Equipment} equipment
   */
  #enter(call, token, equipment) {
    this.#call = call;
    /** What the lobby shows and the call takes over. @type {Equipment | null} */
    let waiting = null;
    const wait = () => {
      waiting ??= equipment;
      const view = new LobbyView(call, waiting, () => call.leave());
      this.#show(view.node, view);
    };
    const talk = () => {
      const view = new CallView(call, nameInToken(token), () => call.leave());
      this.#show(view.node, view);
      view.start(waiting ?? equipment);
      waiting = null;
    };
    call.on("admitted", () => {
      talk();
      notify(t("admittedAnnouncement"));
    });
    call.on("senttolobby", () => {
      if (waiting !== null) return;
      // The devices went with the call.
      waiting = new Equipment();
      wait();
      waiting.open();
      notify(t("lobbySentBack"));
    });
    call.on("closed", (error) => {
      this.#call = null;
      waiting?.release();
      if (error === null) this.#showLeft(() => this.#prepare(token));
      else this.#showProblem(error, () => this.#prepare(token));
    });
    askForConsent(call);
    if (call.lobby === null) talk();
    else wait();
  }

  /** @param {() => void} rejoin */
  #showLeft(rejoin) {
    this.#show(messageView({ title: t("leftTitle"), body: t("leftBody"), action: { label: t("rejoin"), act: rejoin } }));
  }

  /**
   * @param {unknown} error
   * @param {() => void} [tryAgain]
   */
  #showProblem(error, tryAgain) {
    const { title, body, code, retry } = describeCallProblem(error);
    const action = retry && tryAgain ? { action: { label: t("tryAgain"), act: tryAgain } } : {};
    this.#show(messageView({ title, body, code, ...action }));
  }

  /**
   * @param {HTMLElement} node
   * @param {{ close: () => void } | null} [view]
   */
  #show(node, view = null) {
    this.#view?.close();
    this.#view = view;
    this.#holder.replaceChildren(node);
    clearNotices();
    // Screen readers and keyboards start at the top of what is new.
    node.querySelector("h1")?.focus();
  }
}

/** Beside this page: `/join` and `/v1/signal` stand next to each other, also behind a path prefix. */
function signallingUrl() {
  const url = new URL("v1/signal", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  url.hash = "";
  return url.href;
}

// Without it there is no call: too-old.js says so, where nothing runs.
if ("RTCPeerConnection" in window) {
  document.documentElement.dataset["runs"] = "";
  textsLoaded.then(() => new Page().start());
}
