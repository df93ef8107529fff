import { watchDevices } from "../../sdk/src/index.js";
import { deviceSelect, devicesOrNone } from "../device-select.js";
import { element, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { icon, setIcon } from "../icons.js";
import { LevelBar } from "../level-bar.js";
import { describeDeviceProblem } from "../problems.js";
import { showTrack } from "../video.js";

/** @import { Equipment } from "../equipment.js" */

/** Before the call: see and hear that camera and microphone work, choose others, join. */
export class PrepareView {
  #equipment;
  #abort = new AbortController();
  #stopWatching = () => {};

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
  #cameraSelect;
  #microphoneSelect;
  #level = new LevelBar();
  #problem = element("div", { class: "problem", role: "alert", hidden: true });
  #joinButton;
  node;

  /**
   * @param {Equipment} equipment
   * @param {string | null} name
   * @param {() => void} join
   */
  constructor(equipment, name, join) {
    this.#equipment = equipment;
    this.#video.muted = true;
    this.#microphoneButton = roundButton("microphone", () => equipment.setMicrophoneOn(!equipment.microphoneOn));
    this.#cameraButton = roundButton("camera", () => equipment.setCameraOn(!equipment.cameraOn));
    this.#cameraSelect = deviceSelect("camera", (id) => equipment.chooseCamera(id));
    this.#microphoneSelect = deviceSelect("microphone", (id) => equipment.chooseMicrophone(id));
    this.#joinButton = element("button", { type: "button", class: "button primary large", onclick: join }, t("join"));
    const preview = element(
      "div",
      { class: "preview" },
      this.#video,
      this.#placeholder,
      element("div", { class: "preview-controls" }, this.#microphoneButton, this.#cameraButton),
    );
    const choices = element(
      "div",
      { class: "choices" },
      this.#cameraSelect.node,
      this.#microphoneSelect.node,
      element("div", { class: "level-field" }, this.#level.node, element("p", { class: "help" }, t("speakToTest"))),
    );
    this.node = element(
      "main",
      { class: "prepare" },
      element(
        "header",
        { class: "prepare-head" },
        element("h1", { tabindex: "-1" }, t("prepareTitle")),
        name !== null && element("p", { class: "greeting" }, t("prepareAs", { name })),
        element("p", { class: "lead" }, t("prepareLead")),
      ),
      preview,
      element("div", { class: "prepare-side" }, this.#problem, choices, element("div", { class: "join-bar" }, this.#joinButton)),
    );
    equipment.addEventListener("change", () => this.#update(), { signal: this.#abort.signal });
    this.#update();
    this.#watch();
  }

  /** @param {boolean} joining */
  setJoining(joining) {
    // Not `disabled`: the button would lose the focus.
    setAttribute(this.#joinButton, "aria-disabled", joining ? "true" : undefined);
    this.#labelJoinButton(joining);
  }

  close() {
    this.#abort.abort();
    this.#stopWatching();
    this.#level.close();
    this.#video.srcObject = null;
  }

  #watch() {
    try {
      this.#stopWatching = watchDevices(() => this.#updateDevices());
    } catch {
      // A page that is not secure has no devices to watch; opening them has said so already.
    }
  }

  #update() {
    const { camera, microphone, cameraOn, microphoneOn, opening } = this.#equipment;
    showTrack(this.#video, camera);
    setAttribute(this.#video, "hidden", camera === null);
    setAttribute(this.#placeholder, "hidden", camera !== null);
    setText(this.#placeholder, opening ? t("askingPermission") : t("cameraIsOff"));
    labelToggle(this.#microphoneButton, microphoneOn, t(microphoneOn ? "mute" : "unmute"));
    setIcon(this.#microphoneButton, microphoneOn ? "microphone" : "microphone-off");
    labelToggle(this.#cameraButton, cameraOn, t(cameraOn ? "cameraOff" : "cameraOn"));
    setIcon(this.#cameraButton, cameraOn ? "camera" : "camera-off");
    this.#level.show(microphone);
    this.#updateProblem();
    this.#labelJoinButton(this.#joinButton.getAttribute("aria-disabled") === "true");
    this.#updateDevices();
  }

  #updateProblem() {
    const { cameraProblem, microphoneProblem, opening } = this.#equipment;
    const problem = cameraProblem ?? microphoneProblem;
    setAttribute(this.#problem, "hidden", problem === null || opening);
    if (problem === null) return;
    const both = cameraProblem !== null && cameraProblem.code === microphoneProblem?.code;
    const device = both ? "cameraAndMicrophone" : cameraProblem ? "theCamera" : "theMicrophone";
    const { title, body } = describeDeviceProblem(problem, device);
    const retry = element("button", { type: "button", class: "button", onclick: () => this.#equipment.open() }, t("tryAgain"));
    this.#problem.replaceChildren(element("h2", {}, icon("warning"), title), element("p", {}, body), retry);
  }

  /** @param {boolean} joining */
  #labelJoinButton(joining) {
    const { camera, microphone, opening, cameraOn } = this.#equipment;
    const bare = !opening && cameraOn && camera === null && microphone === null;
    setText(this.#joinButton, t(joining ? "joining" : bare ? "joinWithout" : "join"));
  }

  async #updateDevices() {
    const devices = await devicesOrNone();
    this.#cameraSelect.update(devices, this.#equipment.cameraId);
    this.#microphoneSelect.update(devices, this.#equipment.microphoneId);
  }
}

/**
 * @param {import("../icons.js").IconName} name
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
