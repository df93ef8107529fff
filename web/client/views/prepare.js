import { watchDevices } from "../../sdk/src/index.js";
import { blurSwitch } from "../blur-switch.js";
import { brand, support } from "../brand.js";
import { deviceSelect, devicesOrNone } from "../device-select.js";
import { element, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { LevelBar } from "../level-bar.js";
import { Preview } from "../preview.js";
import { describeDeviceProblem } from "../problems.js";

/** @import { Equipment } from "../equipment.js" */

/** Before the call: see and hear that camera and microphone work, choose others, join. */
export class PrepareView {
  #equipment;
  #actions;
  #abort = new AbortController();
  #stopWatching = () => {};

  #preview;
  #cameraSelect;
  #blur;
  #microphoneSelect;
  #level = new LevelBar();
  #problem = element("div", { class: "problem", role: "alert", hidden: true });
  #joinButton;
  node;

  /**
   * @param {Equipment} equipment
   * @param {string | null} name
   * @param {{ join: () => void, expectJoin: () => void, test: () => void, close: () => void }} actions `expectJoin`: somebody is about to
   */
  constructor(equipment, name, actions) {
    this.#equipment = equipment;
    this.#actions = actions;
    this.#preview = new Preview(equipment);
    this.#cameraSelect = deviceSelect("camera", (id) => equipment.chooseCamera(id));
    this.#blur = blurSwitch((on) => equipment.setBlur(on));
    this.#microphoneSelect = deviceSelect("microphone", (id) => equipment.chooseMicrophone(id));
    this.#joinButton = element("button", { type: "button", class: "button primary large", onclick: actions.join }, t("join"));
    const choices = element(
      "div",
      { class: "choices" },
      this.#cameraSelect.node,
      this.#blur.node,
      this.#microphoneSelect.node,
      element("div", { class: "level-field" }, this.#level.node, element("p", { class: "help" }, t("speakToTest"))),
      element("div", {}, element("button", { type: "button", class: "button", onclick: actions.test }, t("selfTest"))),
    );
    this.node = element(
      "main",
      { class: "prepare" },
      element(
        "header",
        { class: "prepare-head" },
        brand(),
        element("h1", { tabindex: "-1" }, t("prepareTitle")),
        name !== null && element("p", { class: "greeting" }, t("prepareAs", { name })),
        element("p", { class: "lead" }, t("prepareLead")),
      ),
      this.#preview.node,
      element("div", { class: "prepare-side" }, this.#problem, choices, element("div", { class: "join-bar" }, this.#joinButton)),
    );
    for (const sign of ["pointerenter", "pointerdown", "focus"]) {
      this.#joinButton.addEventListener(sign, actions.expectJoin, { signal: this.#abort.signal });
    }
    actions.expectJoin();
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
    this.#preview.close();
    this.#actions.close();
  }

  #watch() {
    try {
      this.#stopWatching = watchDevices(() => this.#updateDevices());
    } catch {
      // A page that is not secure has no devices to watch; opening them has said so already.
    }
  }

  #update() {
    this.#level.show(this.#equipment.microphone);
    this.#blur.update(this.#equipment.camera);
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
    this.#problem.replaceChildren(element("h2", {}, icon("warning"), title), element("p", {}, body), retry, support() ?? "");
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
