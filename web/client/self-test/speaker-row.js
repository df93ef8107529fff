import { deviceSelect } from "../device-select.js";
import { element, setAttribute } from "../dom.js";
import { remember, remembered } from "../remembered.js";
import { t } from "../i18n.js";
import { Row } from "./row.js";

/** @import { Devices } from "../../sdk/src/devices.js" */

/** Two notes: hertz, and seconds from the beginning. */
const NOTES = [[523.25, 0], [783.99, 0.35]];
const NOTE_LENGTH = 0.6;

/** Plays a sound and asks whether it was heard. Nobody but the user can tell. */
export class SpeakerRow {
  #row = new Row(t("speaker"));
  #player = new Audio();
  /** @type {AudioContext | null} */
  #context = null;
  #question;
  #select = deviceSelect("speaker", (id) => remember("speaker", id));
  node = this.#row.node;

  constructor() {
    const play = element("button", { type: "button", class: "button small", onclick: () => this.#play() }, t("speakerPlay"));
    /** @param {boolean} heard */
    const answer = (heard) => {
      this.#row.say(heard ? "good" : "poor", t(heard ? "speakerWorks" : "speakerSilent"));
      setAttribute(this.#question, "hidden", true);
      play.focus();
    };
    this.#question = element(
      "div",
      { class: "test-question", role: "group", "aria-label": t("speakerQuestion"), hidden: true },
      element("span", {}, t("speakerQuestion")),
      element("button", { type: "button", class: "button small", onclick: () => answer(true) }, t("speakerYes")),
      element("button", { type: "button", class: "button small", onclick: () => answer(false) }, t("speakerNo")),
    );
    this.#row.body.append(this.#select.node, play, this.#question);
  }

  /** @param {Devices} devices */
  update(devices) {
    this.#select.update(devices, remembered("speaker"));
  }

  close() {
    this.#player.pause();
    this.#context?.close().catch(() => undefined);
  }

  async #play() {
    setAttribute(this.#question, "hidden", false);
    const context = (this.#context ??= new AudioContext());
    const destination = context.createMediaStreamDestination();
    for (const [frequency = 440, at = 0] of NOTES) {
      const note = new OscillatorNode(context, { frequency });
      const gain = new GainNode(context, { gain: 0 });
      const start = context.currentTime + 0.1 + at;
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(0.3, start + 0.03);
      gain.gain.exponentialRampToValueAtTime(0.001, start + NOTE_LENGTH);
      note.connect(gain).connect(destination);
      note.start(start);
      note.stop(start + NOTE_LENGTH);
    }
    this.#player.srcObject = destination.stream;
    const speaker = remembered("speaker");
    if (speaker !== undefined) await this.#player.setSinkId?.(speaker).catch(() => undefined);
    await this.#player.play().catch(() => undefined);
  }
}
