import { BridgeError, Preparation, connect } from "../sdk/src/index.js";
import { titled } from "./brand.js";
import { askForConsent } from "./consent.js";
import { Equipment } from "./equipment.js";
import { language, t } from "./i18n.js";
import { clearNotices, notify } from "./notices.js";
import { describeCallProblem } from "./problems.js";
import { textsLoaded } from "./texts.js";
import { keepRenewed, nameInToken, renewedToken, takeToken } from "./token.js";
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
    document.title = titled(t("title"));
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
      test: async () => (await import("./self-test/dialog.js")).openSelfTest(equipment, signallingUrl(), renewedToken() ?? token),
      close: () => preparation.close(),
    });
    this.#show(view.node, view);
    equipment.open();
    // While one prepares and waits: what is not of use before need not be waited for.
    loadCall().catch(() => undefined);
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
      const call = await connect(signallingUrl(), token, { preparation, renewed: renewedToken(), onRenewed: keepRenewed });
      await this.#enter(call, token, equipment);
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
  async #enter(call, token, equipment) {
    this.#call = call;
    /** What the lobby shows and the call takes over. @type {Equipment | null} */
    let devices = equipment;
    let waits = false;
    const rejoin = () => this.#prepare(token);
    const wait = () => {
      waits = true;
      devices ??= new Equipment();
      const view = new LobbyView(call, devices, () => call.leave());
      this.#show(view.node, view);
    };
    const talk = async () => {
      const loaded = await loadCall().catch(() => null);
      // It may be over meanwhile, or one may be back in the lobby.
      if (this.#call !== call || call.lobby !== null || devices === null) return;
      if (loaded === null) {
        this.#call = null;
        devices.release();
        call.leave();
        // What did not load is asked for again only by a page that is loaded anew.
        this.#showProblem(new BridgeError("unreachable", "The page did not load all of its files."), () => location.reload());
        return;
      }
      const view = new loaded.CallView(call, nameInToken(token), () => call.leave());
      this.#show(view.node, view);
      view.start(devices);
      waits = false;
      devices = null;
    };
    call.on("admitted", async () => {
      await talk();
      if (this.#call === call && !waits) notify(t("admittedAnnouncement"));
    });
    call.on("senttolobby", () => {
      if (waits) return;
      // The devices went with the call.
      const gone = devices === null;
      wait();
      if (gone) devices?.open();
      notify(t("lobbySentBack"));
    });
    call.on("closed", (error) => {
      if (this.#call !== call) return;
      this.#call = null;
      devices?.release();
      if (error === null) this.#showLeft(rejoin, waits);
      else this.#showProblem(error, rejoin, waits ? "lobby" : "call");
    });
    askForConsent(call);
    if (call.lobby === null) await talk();
    else wait();
  }

  /**
   * @param {() => void} rejoin
   * @param {boolean} waited whether one was in the waiting room, and in no call
   */
  #showLeft(rejoin, waited) {
    const [title, body] = waited ? [t("leftLobbyTitle"), t("leftLobbyBody")] : [t("leftTitle"), t("leftBody")];
    this.#show(messageView({ title, body, action: { label: t("rejoin"), act: rejoin } }));
  }

  /**
   * @param {unknown} error
   * @param {() => void} [tryAgain]
   * @param {"lobby" | "call"} [place] what it ended
   */
  #showProblem(error, tryAgain, place) {
    const { title, body, code, retry, help } = describeCallProblem(error, place);
    const action = retry && tryAgain ? { action: { label: t("tryAgain"), act: tryAgain } } : {};
    this.#show(messageView({ title, body, code, help, ...action }));
  }

  /**
   * @param {HTMLElement} node
   * @param {{ close: () => void } | null} [view]
   */
  #show(node, view = null) {
    this.#view?.close();
    this.#view = view;
    document.title = titled(t("title"));
    this.#holder.replaceChildren(node);
    clearNotices();
    // Screen readers and keyboards start at the top of what is new.
    node.querySelector("h1")?.focus();
  }
}

/** The call itself: a third of the page. */
function loadCall() {
  return import("./views/call.js");
}

/** Beside this page: `/join` and `/v1/signal` stand next to each other, also behind a path prefix. */
function signallingUrl() {
  const url = new URL("v1/signal", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  url.hash = "";
  return url.href;
}

// Without it there is no call: not-started.js says so, where nothing runs.
if ("RTCPeerConnection" in window) {
  document.documentElement.dataset["runs"] = "";
  textsLoaded.then(
    () => {
      document.dispatchEvent(new Event("started"));
      new Page().start();
    },
    () => document.dispatchEvent(new Event("notloaded")),
  );
}
