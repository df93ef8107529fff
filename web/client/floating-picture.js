import { watchPicture } from "../sdk/src/index.js";
import { element, setAttribute } from "./dom.js";
import { t } from "./i18n.js";
import { icon, setIcon } from "./icons.js";
import { notify } from "./notices.js";
import { Tile } from "./tile.js";
import { showTrack } from "./video.js";

/** @import { TileState } from "./tile.js" */
/** @import { Watched } from "../sdk/src/picture-watch.js" */

/**
 * @typedef {object} FloatingActions
 * @property {() => void} microphone
 * @property {() => void} leave
 * @property {() => void} changed it was opened or closed, also by the window's own controls
 */

/**
 * @typedef {object} FloatingState
 * @property {TileState} picture
 * @property {boolean} microphoneOn
 * @property {boolean} canSpeak
 */

/** How large a window is asked for: CSS pixels. */
const SIZE = { width: 400, height: 300 };
/** What it is opened and closed with. One key alone would be in the way of who speaks to the device (WCAG 2.1.4). */
export const SHORTCUT = "Alt+P";

/** @param {KeyboardEvent} event */
export function isShortcut({ altKey, ctrlKey, metaKey, shiftKey, code }) {
  return altKey && !ctrlKey && !metaKey && !shiftKey && code === "KeyP";
}

/** Document Picture-in-Picture: https://wicg.github.io/document-picture-in-picture/. Not in TypeScript's DOM yet. */
function documents() {
  return /** @type {{ requestWindow: (size: object) => Promise<Window> } | undefined} */ (/** @type {any} */ (globalThis).documentPictureInPicture);
}

/**
 * The main picture in a small window over other programs: with buttons, in a document of its own, where the browser has that, else
 * as a video, with the buttons that the browser gives.
 */
export class FloatingPicture {
  #actions;
  /** @type {DocumentWindow | VideoWindow | null} */
  #window = null;
  #opening = false;
  /** The call is over. */
  #ended = false;
  /** @type {FloatingState | null} */
  #state = null;

  /** @param {FloatingActions} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** Whether the browser has any such window. One that puts a button of its own on each picture needs none from us. */
  get possible() {
    return documents() !== undefined || (document.pictureInPictureEnabled === true && "requestPictureInPicture" in HTMLVideoElement.prototype);
  }

  get open() {
    return this.#window !== null;
  }

  /** By a gesture of the user only, as browsers demand. */
  async toggle() {
    if (this.#window) return this.#window.close();
    if (this.#state === null || this.#opening || this.#ended || !this.possible) return;
    this.#opening = true;
    try {
      const closed = () => {
        this.#window = null;
        this.#actions.changed();
      };
      const kind = documents() ? DocumentWindow : VideoWindow;
      this.#window = await kind.open(this.#state, { ...this.#actions, toggle: () => this.toggle(), closed });
      this.#window.update(this.#state);
      if (this.#ended) this.#window.close();
    } catch {
      notify(t("floatingFailed"));
    } finally {
      this.#opening = false;
      this.#actions.changed();
    }
  }

  /** @param {FloatingState} state */
  update(state) {
    this.#state = state;
    this.#window?.update(state);
  }

  /** For good. */
  close() {
    this.#ended = true;
    this.#window?.close();
  }
}

/** @typedef {FloatingActions & { toggle: () => void, closed: () => void }} WindowActions */

/** A tile as on the page, with the buttons that one needs while one looks at something else. */
class DocumentWindow {
  #window;
  #tile = new Tile();
  #microphone;
  #bar;

  /** @param {FloatingState} _state @param {WindowActions} actions */
  static async open(_state, actions) {
    return new DocumentWindow(await /** @type {NonNullable<ReturnType<typeof documents>>} */ (documents()).requestWindow(SIZE), actions);
  }

  /** @param {Window} window @param {WindowActions} actions */
  constructor(window, actions) {
    this.#window = window;
    const { document: page } = window;
    page.documentElement.lang = document.documentElement.lang;
    page.title = document.title;
    for (const sheet of document.querySelectorAll("link[rel=stylesheet]")) {
      page.head.append(element("link", { rel: "stylesheet", href: /** @type {HTMLLinkElement} */ (sheet).href }));
    }
    this.#microphone = element("button", { type: "button", class: "round-button", onclick: actions.microphone }, icon("microphone"));
    const leave = element(
      "button",
      { type: "button", class: "round-button leave", "aria-label": t("leaveLong"), title: t("leaveLong"), onclick: actions.leave },
      icon("leave"),
    );
    this.#bar = element("div", { class: "floating-bar", role: "group", "aria-label": t("callControls") }, this.#microphone, leave);
    page.body.className = "floating";
    page.body.append(element("ul", { "aria-label": t("participants") }, this.#tile.node), this.#bar);
    page.addEventListener("keydown", (event) => isShortcut(event) && actions.toggle());
    window.addEventListener("pagehide", () => {
      this.#tile.close();
      actions.closed();
    });
  }

  /** @param {FloatingState} state */
  update({ picture, microphoneOn, canSpeak }) {
    this.#tile.update({ ...picture, pinned: false });
    const label = t(microphoneOn ? "mute" : "unmute");
    setIcon(this.#microphone, microphoneOn ? "microphone" : "microphone-off");
    setAttribute(this.#microphone, "aria-label", label);
    setAttribute(this.#microphone, "title", label);
    setAttribute(this.#microphone, "hidden", !canSpeak);
    this.#microphone.classList.toggle("is-off", !microphoneOn);
  }

  close() {
    this.#window.close();
  }
}

/** Buttons that browsers put on such a window when a page says what they do: W3C Media Session. */
const SESSION_ACTIONS = /** @type {const} */ (["togglemicrophone", "hangup"]);

/** A video alone, whose window the browser draws. */
class VideoWindow {
  #video;
  #standIn = new StandIn();
  /** @type {Watched | null} */
  #watched = null;
  #unwatch = () => {};
  #closed;

  /** @param {FloatingState} state @param {WindowActions} actions */
  static async open(state, actions) {
    const video = element("video", { class: "floating-source", playsinline: true, muted: true, autoplay: true, tabindex: "-1", "aria-hidden": "true" });
    video.muted = true;
    document.body.append(video);
    const floating = new VideoWindow(video, actions);
    try {
      floating.update(state);
      if (video.readyState < HTMLMediaElement.HAVE_METADATA) await firstPicture(video);
      await video.requestPictureInPicture();
    } catch (error) {
      floating.#end();
      throw error;
    }
    return floating;
  }

  /** @param {HTMLVideoElement} video @param {WindowActions} actions */
  constructor(video, actions) {
    this.#video = video;
    this.#closed = actions.closed;
    video.addEventListener("leavepictureinpicture", () => {
      this.#end();
      this.#closed();
    });
    const handlers = { togglemicrophone: actions.microphone, hangup: actions.leave };
    for (const action of SESSION_ACTIONS) setSessionAction(action, handlers[action]);
  }

  /** @param {FloatingState} state */
  update({ picture, microphoneOn }) {
    const { track, letters, source, watched = null } = picture;
    showTrack(this.#video, track ?? this.#standIn.show(letters));
    this.#watch(track ? (watched ?? source) : null);
    navigator.mediaSession?.setMicrophoneActive?.(microphoneOn);
  }

  close() {
    document.exitPictureInPicture().catch(() => undefined);
  }

  /** @param {Watched | null} watched */
  #watch(watched) {
    if (watched === this.#watched) return;
    this.#unwatch();
    this.#watched = watched;
    this.#unwatch = watched ? watchPicture(this.#video, watched) : () => {};
  }

  #end() {
    this.#watch(null);
    this.#standIn.stop();
    for (const action of SESSION_ACTIONS) setSessionAction(action, null);
    this.#video.srcObject = null;
    this.#video.remove();
  }
}

/** How long a picture is waited for that does not come, as over a line that is gone: milliseconds. Browsers forget the gesture then. */
const PATIENCE = 3_000;

/** @param {HTMLVideoElement} video */
function firstPicture(video) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no picture")), PATIENCE);
    video.addEventListener("loadedmetadata", () => resolve(clearTimeout(timer)), { once: true });
  });
}

/** What is shown of somebody without a picture: the browser closes a window whose video has none. */
class StandIn {
  #canvas = element("canvas", { width: "640", height: "360" });
  /** @type {MediaStreamTrack | null} */
  #track = null;
  #letters = "";

  /** @param {string} letters */
  show(letters) {
    const context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    const { width, height } = this.#canvas;
    const track = this.#track ?? /** @type {MediaStreamTrack} */ (this.#canvas.captureStream().getVideoTracks()[0]);
    if (this.#track === null || letters !== this.#letters) {
      context.fillStyle = "#0f2a31";
      context.fillRect(0, 0, width, height);
      context.fillStyle = "#fff";
      context.font = "600 120px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(letters, width / 2, height / 2);
    }
    this.#letters = letters;
    this.#track = track;
    return track;
  }

  stop() {
    this.#track?.stop();
    this.#track = null;
  }
}

/** @param {typeof SESSION_ACTIONS[number]} action @param {(() => void) | null} handler */
function setSessionAction(action, handler) {
  try {
    navigator.mediaSession?.setActionHandler(/** @type {MediaSessionAction} */ (/** @type {string} */ (action)), handler);
  } catch {
    // A browser that does not know the action puts no button there.
  }
}
