import { Emitter } from "./emitter.js";

/** @import { LocalSource } from "./local-source.js" */
/** @import { Session } from "./session.js" */

/**
 * Which sources of one's own do not reach the bridge, as the bridge says. What is sent anew over other connections, after
 * a new join or a stay in the lobby, is not known to be among them.
 *
 * @extends {Emitter<{ change: { source: LocalSource, stalled: boolean } }>}
 */
export class Unheard extends Emitter {
  /** @type {Set<LocalSource>} */
  #stalled = new Set();

  /**
   * @param {Pick<Session, "on">} session
   * @param {() => LocalSource[]} sources one's own
   */
  constructor(session, sources) {
    super();
    session.on("joined", ({ resumed }) => resumed || this.#forget());
    session.on("notice", (notice) => {
      if (notice.type === "sent_to_lobby") this.#forget();
      if (notice.type !== "media_flow" || notice.direction !== "to_bridge") return;
      const source = sources().find(({ id }) => id === notice.source_id);
      if (source) this.#take(source, notice.state === "stalled");
    });
  }

  #forget() {
    for (const source of this.#stalled) this.#take(source, false);
  }

  /**
   * @param {LocalSource} source
   * @param {boolean} stalled
   */
  #take(source, stalled) {
    if (stalled) this.#stalled.add(source);
    else this.#stalled.delete(source);
    this.emit("change", { source, stalled });
  }
}
