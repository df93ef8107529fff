import { CONSENT_TEXT } from "./consent.js";
import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";

/** @import { Call } from "../sdk/src/index.js" */
/** @import { RoomInfo } from "../sdk/src/protocol.js" */
/** @import { TextKey } from "./i18n.js" */

/** @type {Record<RoomInfo["recording"], TextKey>} */
export const RECORDING_WORDS = { off: "recordingOff", asking: "recordingAsking", on: "recordingOn", paused: "recordingPaused" };

/** Whether the call is recorded, and what one may do about it. */
export class RecordingSection {
  #call;
  #state = element("p");
  #ask;
  #stop;
  #withdraw;
  node;

  /**
   * @param {Call} call
   * @param {(done: Promise<void>) => void} decide
   */
  constructor(call, decide) {
    this.#call = call;
    const { recording } = call;
    /**
     * @param {TextKey} word
     * @param {() => Promise<void>} act
     */
    const button = (word, act) => element("button", { type: "button", class: "button small", onclick: () => decide(act()) }, t(word));
    this.#ask = button("askToRecord", () => recording.ask(CONSENT_TEXT));
    this.#stop = button("stopRecording", () => recording.stop());
    this.#withdraw = button("withdrawConsent", () => recording.answer(false));
    const actions = element("div", { class: "panel-actions" }, this.#ask, this.#stop, this.#withdraw);
    this.node = element("section", {}, element("h3", {}, t("recordingTitle")), this.#state, actions);
  }

  update() {
    const { room, grants, recording } = this.#call;
    const may = grants.includes("record");
    const off = room.recording === "off";
    setAttribute(this.node, "hidden", !room.recordable);
    setText(this.#state, t(RECORDING_WORDS[room.recording]));
    const buttons = [this.#ask, this.#stop, this.#withdraw];
    const pressed = buttons.find((button) => button === document.activeElement);
    setAttribute(this.#ask, "hidden", !may || !off);
    setAttribute(this.#stop, "hidden", !may || off);
    setAttribute(this.#withdraw, "hidden", may || off || recording.consent?.consented !== true);
    // What takes a button away that has the focus leaves it with the one in its place, not at the top of the page.
    if (pressed?.hidden) buttons.find((button) => !button.hidden)?.focus();
  }
}
