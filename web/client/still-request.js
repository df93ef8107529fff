import { t } from "./i18n.js";
import { notify } from "./notices.js";
import { nameOf } from "./person-menu.js";

/** @import { Call, RemoteParticipant } from "../sdk/src/index.js" */
/** @import { TextKey } from "./i18n.js" */

/** What to say of a picture that does not come. One that was cancelled is nothing to speak of. @type {Record<string, TextKey>} */
const ENDS = { still_refused: "stillRefused", still_timed_out: "stillTimedOut", still_gone: "stillTimedOut", still_at_hand: "stillIsAsked" };

/** The pictures that a doctor has asked for and waits for. */
export class StillRequests {
  #call;
  #changed;
  /** By participant id. @type {Map<string, AbortController>} */
  #asked = new Map();

  /**
   * @param {Call} call
   * @param {() => void} changed
   */
  constructor(call, changed) {
    this.#call = call;
    this.#changed = changed;
  }

  /** @param {RemoteParticipant} participant */
  mayAsk(participant) {
    return this.#call.grants.includes("still") && participant.source("camera") !== null;
  }

  /** @param {RemoteParticipant} participant */
  isAsked({ id }) {
    return this.#asked.has(id);
  }

  /** Asks for a picture, or takes that back. @param {RemoteParticipant} participant */
  async toggle(participant) {
    const camera = participant.source("camera");
    const before = this.#asked.get(participant.id);
    if (before || camera === null) return before?.abort();
    const name = nameOf(participant);
    const controller = new AbortController();
    this.#asked.set(participant.id, controller);
    this.#changed();
    notify(t("stillIsAsked", { name }));
    try {
      const picture = await this.#call.stills.ask(camera, controller);
      // Loaded when there is something to look at.
      const { showStill } = await import("./still-viewer.js");
      await showStill(picture, name);
    } catch (error) {
      const code = /** @type {{ code?: string }} */ (error).code ?? "";
      if (code !== "still_cancelled") notify(t(ENDS[code] ?? "stillFailed", { name }));
    } finally {
      this.#asked.delete(participant.id);
      this.#changed();
    }
  }
}
