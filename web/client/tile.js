import { watchPicture } from "../sdk/src/index.js";
import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { showTrack } from "./video.js";

/** @import { PersonMenu } from "./person-menu.js" */
/** @import { RemoteSource } from "../sdk/src/index.js" */
/** @import { Watched } from "../sdk/src/picture-watch.js" */

/**
 * What a tile shows.
 *
 * @typedef {object} TileState
 * @property {string} name
 * @property {string} letters shown where there is no picture
 * @property {MediaStreamTrack | null} track
 * @property {boolean} muted the microphone is off
 * @property {boolean} speaking
 * @property {boolean} active the one who speaks, or spoke last
 * @property {boolean} [pinned] shown large, and sent before others
 * @property {string} status a line over the picture, such as that sound is missing; empty for none
 * @property {RemoteSource | null} source where the picture comes from, if from somebody else
 * @property {Watched | null} [watched] who is told how it is shown, if not the source
 * @property {0 | 1 | 2 | 3 | null} quality
 * @property {"camera" | "screen"} content
 * @property {boolean} mirrored as people expect of themselves
 */

const QUALITY_TEXTS = /** @type {const} */ (["qualityNone", "qualityPoor", "qualityFair", "qualityGood"]);

/** One participant's picture, name and state; or a shared screen. */
export class Tile {
  #video = element("video", { playsinline: true, muted: true, autoplay: true, tabindex: "-1", "aria-hidden": "true" });
  #avatar = element("div", { class: "avatar", "aria-hidden": "true" });
  #status = element("p", { class: "tile-status" });
  #name = element("span", { class: "tile-name" });
  #muted = element("span", { class: "tile-muted", role: "img", "aria-label": t("muted"), hidden: true }, icon("microphone-off"));
  #bars = element("span", { class: "bars", role: "img", hidden: true }, element("i"), element("i"), element("i"));
  #pin = element("button", { type: "button", class: "tile-pin", hidden: true }, icon("pin"));
  node = element(
    "li",
    { class: "tile" },
    this.#avatar,
    this.#video,
    this.#status,
    this.#pin,
    element("div", { class: "tile-label" }, this.#muted, this.#name, this.#bars),
  );

  /** @type {Watched | null} */
  #watched = null;
  #unwatch = () => {};
  #menu;

  /**
   * @param {(() => void) | null} [togglePin] for those who may be pinned
   * @param {PersonMenu | null} [menu] for those with whom a host may do something
   */
  constructor(togglePin = null, menu = null) {
    this.#menu = menu;
    if (menu !== null) this.node.insertBefore(menu.node, this.#pin);
    this.#video.muted = true;
    if (togglePin !== null) {
      this.#pin.hidden = false;
      this.#pin.addEventListener("click", togglePin);
    }
    this.#video.addEventListener("resize", () => this.#fit());
  }

  /** @param {TileState} state */
  update({ name, letters, track, muted, speaking, active, status, quality, content, mirrored, source, watched = null, pinned = false }) {
    const { node } = this;
    this.#menu?.update();
    showTrack(this.#video, track);
    this.#watch(watched ?? source);
    node.classList.toggle("is-standing", source !== null && source.standing && track !== null);
    node.classList.toggle("has-picture", track !== null);
    node.classList.toggle("is-speaking", speaking && !muted);
    node.classList.toggle("is-active", active);
    node.classList.toggle("is-screen", content === "screen");
    node.classList.toggle("is-mirrored", mirrored);
    setAttribute(this.#pin, "aria-label", t(pinned ? "unpin" : "pin", { name }));
    setAttribute(this.#pin, "aria-pressed", String(pinned));
    setText(this.#avatar, letters);
    setText(this.#name, name);
    setText(this.#status, status);
    setAttribute(this.#status, "hidden", status === "");
    setAttribute(this.#muted, "hidden", !muted);
    setAttribute(this.#bars, "hidden", quality === null);
    setAttribute(this.#bars, "data-quality", quality === null ? undefined : String(quality));
    setAttribute(this.#bars, "aria-label", quality === null ? undefined : t(QUALITY_TEXTS[quality]));
  }

  /** @param {Watched | null} watched */
  #watch(watched) {
    if (watched === this.#watched) return;
    this.#unwatch();
    this.#watched = watched;
    this.#unwatch = watched ? watchPicture(this.#video, watched) : () => {};
  }

  close() {
    this.#watch(null);
    this.#video.srcObject = null;
    this.node.remove();
  }

  /** A picture that stands where the tile lies would lose more than half when it filled the tile: it is shown whole. */
  #fit() {
    const { videoWidth, videoHeight } = this.#video;
    this.node.classList.toggle("is-upright", videoHeight > videoWidth);
  }
}
