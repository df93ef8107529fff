import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { icon, setIcon } from "./icons.js";
import { showTrack } from "./video.js";

/** @import { Equipment } from "./equipment.js" */
/** @import { IconName } from "./icons.js" */

/** One's own picture while nobody else sees it, with a microphone and a camera that can be turned off. */
export class Preview {
  #equipment;
  #abort = new AbortController();
  #video = element("video", {
    class: "mirrored",
    playsinline: true,
    muted: true,
    autoplay: true,
    // Firefox would stop at it with the Tab key, though there is nothing to operate.
    tabindex: "-1",
    "aria-label": t("preview"),
  });
  #placeholder = element("p", { class: "preview-placeholder" });
  #microphoneButton;
  #cameraButton;
  node;

  /** @param {Equipment} equipment */
  constructor(equipment) {
    this.#equipment = equipment;
    this.#video.muted = true;
    this.#microphoneButton = roundButton("microphone", () => equipment.setMicrophoneOn(!equipment.microphoneOn));
    this.#cameraButton = roundButton("camera", () => equipment.setCameraOn(!equipment.cameraOn));
    const controls = element("div", { class: "preview-controls" }, this.#microphoneButton, this.#cameraButton);
    this.node = element("div", { class: "preview" }, this.#video, this.#placeholder, controls);
    equipment.addEventListener("change", () => this.#update(), { signal: this.#abort.signal });
    this.#update();
  }

  close() {
    this.#abort.abort();
    this.#video.srcObject = null;
  }

  #update() {
    const { camera, cameraOn, microphoneOn, opening } = this.#equipment;
    showTrack(this.#video, camera);
    setAttribute(this.#video, "hidden", camera === null);
    setAttribute(this.#placeholder, "hidden", camera !== null);
    setText(this.#placeholder, opening ? t("askingPermission") : t("cameraIsOff"));
    labelToggle(this.#microphoneButton, microphoneOn, t(microphoneOn ? "mute" : "unmute"));
    setIcon(this.#microphoneButton, microphoneOn ? "microphone" : "microphone-off");
    labelToggle(this.#cameraButton, cameraOn, t(cameraOn ? "cameraOff" : "cameraOn"));
    setIcon(this.#cameraButton, cameraOn ? "camera" : "camera-off");
  }
}

/**
 * @param {IconName} name
 * @param {() => void} act
 */
function roundButton(name, act) {
  return element("button", { type: "button", class: "round-button", onclick: act }, icon(name));
}

/**
 * The label says what pressing does; it changes with the state, so that no pressed state is needed beside it.
 *
 * @param {HTMLElement} button
 * @param {boolean} on
 * @param {string} label
 */
function labelToggle(button, on, label) {
  setAttribute(button, "aria-label", label);
  setAttribute(button, "title", label);
  button.classList.toggle("is-off", !on);
}
