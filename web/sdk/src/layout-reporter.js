/** @import { Session } from "./session.js" */
/** @import { PictureLayout, PictureShape, View } from "./protocol.js" */

/** A page settles before the bridge is told: milliseconds. */
const SETTLED_AFTER = 250;
/** Most videos that one layout may name: docs/protocol. */
const TILES_LIMIT = 64;

/** Tells the bridge how the page shows the others, whenever that has changed; and anew to a bridge that was joined anew. */
export class LayoutReporter {
  /** Lines in device pixels by source id; 0: out of sight. @type {Map<string, number>} */
  #heights = new Map();
  /** By ids; null leaves it to the hosts. @type {string[] | null} */
  #pinned = null;
  #saveData = false;
  /** Undefined leaves it to the participant's role. @type {View | undefined} */
  #view;
  /** How one picture of everybody is shown, if it comes. @type {{ layout: PictureLayout, shape: PictureShape, hidden: boolean }} */
  #composed = { layout: "auto", shape: "wide", hidden: false };
  /** As the bridge was told last. */
  #told = JSON.stringify({ tiles: [], save_data: false });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #session;

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
    session.on("joined", () => {
      this.#told = "";
      this.#later();
    });
    session.on("closed", () => clearTimeout(this.#timer));
  }

  get saveData() {
    return this.#saveData;
  }

  set saveData(saveData) {
    this.#saveData = saveData;
    this.#later();
  }

  get view() {
    return this.#view;
  }

  set view(view) {
    this.#view = view;
    this.#later();
  }

  get composed() {
    return this.#composed;
  }

  set composed(composed) {
    this.#composed = composed;
    this.#later();
  }

  /**
   * @param {string} sourceId
   * @param {number | null} height null: unknown, or the source is gone
   */
  setHeight(sourceId, height) {
    if (height === null) this.#heights.delete(sourceId);
    else this.#heights.set(sourceId, Math.min(Math.round(height), 16384));
    this.#later();
  }

  /** @param {string[] | null} participantIds */
  pin(participantIds) {
    this.#pinned = participantIds;
    this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), SETTLED_AFTER);
  }

  #tell() {
    const tiles = [...this.#heights].slice(-TILES_LIMIT).map(([id, height]) => ({ source_id: id, height }));
    const { layout: name, shape, hidden } = this.#composed;
    const composed = name === "auto" && shape === "wide" && !hidden ? null : this.#composed;
    const layout = {
      tiles,
      ...(this.#pinned && { pinned: this.#pinned }),
      save_data: this.#saveData,
      ...(this.#view && { view: this.#view }),
      ...(composed && { composed }),
    };
    const text = JSON.stringify(layout);
    if (text === this.#told || !this.#session.joined) return;
    this.#told = text;
    // Lost with the signalling: it is told again once that is back. An older bridge does not know it, and sends all.
    this.#session.request({ type: "layout", ...layout }).catch(() => undefined);
  }
}
