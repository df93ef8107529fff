import { LevelMeter } from "../sdk/src/index.js";
import { element } from "./dom.js";
import { t } from "./i18n.js";

/** A bar that moves with the sound of a microphone. */
export class LevelBar {
  #bar = element("div", { class: "level-fill" });
  /** For people who see; the words beside it say what it is. */
  node = element("div", { class: "level", role: "img", "aria-label": t("soundLevel") }, this.#bar);
  /** @type {LevelMeter | null} */
  #meter = null;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  #frame = 0;
  #heard;

  /** @param {(level: number) => void} [heard] called with each level that is shown */
  constructor(heard = () => undefined) {
    this.#heard = heard;
  }

  /** @param {MediaStreamTrack | null} track */
  show(track) {
    if (track === this.#track) return;
    this.close();
    this.#track = track;
    if (track === null) return;
    this.#meter = new LevelMeter(track);
    this.#draw();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#meter?.close();
    this.#meter = null;
    this.#track = null;
    this.#bar.style.setProperty("--level", "0");
  }

  #draw() {
    const level = this.#meter?.read() ?? 0;
    this.#bar.style.setProperty("--level", level.toFixed(3));
    this.#heard(level);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }
}
