import { watchDevices } from "../sdk/src/index.js";
import { blurSwitch } from "./blur-switch.js";
import { deviceSelect, devicesOrNone } from "./device-select.js";
import { element, setAttribute } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { LevelBar } from "./level-bar.js";

/** @import { PictureLayout } from "../sdk/src/protocol.js" */

/** @typedef {"auto" | "separate" | "composed"} View */

const VIEWS = /** @type {const} */ ({ auto: "viewAuto", separate: "viewSeparate", composed: "viewComposed" });

/** @satisfies {Record<PictureLayout, string>} */
const LAYOUT_TEXTS = /** @type {const} */ ({
  auto: "layoutAuto",
  grid: "layoutGrid",
  speaker: "layoutSpeaker",
  interpreter: "layoutInterpreter",
  screen: "layoutScreen",
});
export const LAYOUTS = /** @type {PictureLayout[]} */ (Object.keys(LAYOUT_TEXTS));

/**
 * @typedef {object} SettingsActions
 * @property {(id: string) => void} chooseCamera
 * @property {(id: string) => void} chooseMicrophone
 * @property {(id: string) => void} chooseSpeaker
 * @property {(on: boolean) => void} blur
 * @property {(on: boolean) => void} saveData
 * @property {(view: View) => void} view
 * @property {(layout: PictureLayout) => void} layout
 */

/**
 * @typedef {object} SettingsState
 * @property {string | undefined} cameraId
 * @property {string | undefined} microphoneId
 * @property {string | undefined} speakerId
 * @property {boolean} saveData
 * @property {View} view
 * @property {PictureLayout} layout
 * @property {MediaStreamTrack | null} camera
 * @property {MediaStreamTrack | null} microphone
 */

/** Devices, during the call. */
export class SettingsDialog {
  #camera;
  #microphone;
  #speaker;
  #blur;
  #saveData;
  #view;
  #layout;
  #layoutField;
  #level = new LevelBar();
  #stopWatching = () => {};
  #state;
  node;

  /**
   * @param {SettingsActions} actions
   * @param {() => SettingsState} state
   */
  constructor(actions, state) {
    this.#state = state;
    this.#camera = deviceSelect("camera", actions.chooseCamera);
    this.#microphone = deviceSelect("microphone", actions.chooseMicrophone);
    this.#speaker = deviceSelect("speaker", actions.chooseSpeaker);
    this.#blur = blurSwitch(actions.blur);
    this.#saveData = element("input", { type: "checkbox", id: "save-data", onchange: () => actions.saveData(this.#saveData.checked) });
    const views = Object.entries(VIEWS).map(([value, text]) => element("option", { value }, t(text)));
    this.#view = element(
      "select",
      {
        id: "choose-view",
        "aria-describedby": "view-help",
        onchange: () => {
          actions.view(/** @type {View} */ (this.#view.value));
          this.#offerLayouts();
        },
      },
      ...views,
    );
    this.#layout = element(
      "select",
      { id: "choose-layout", onchange: () => actions.layout(/** @type {PictureLayout} */ (this.#layout.value)) },
      ...LAYOUTS.map((value) => element("option", { value }, t(LAYOUT_TEXTS[value]))),
    );
    this.#layoutField = element("div", { class: "field" }, element("label", { for: "choose-layout" }, t("layout")), this.#layout);
    const close = element("button", { type: "button", class: "button primary", onclick: () => this.node.close() }, t("close"));
    const cross = element(
      "button",
      { type: "button", class: "icon-button", "aria-label": t("close"), onclick: () => this.node.close() },
      icon("close"),
    );
    this.node = element(
      "dialog",
      { class: "dialog", "aria-labelledby": "settings-title", onclose: () => this.#closed() },
      element("header", {}, element("h2", { id: "settings-title" }, t("settingsTitle")), cross),
      this.#camera.node,
      this.#blur.node,
      this.#microphone.node,
      element("div", { class: "level-field" }, this.#level.node, element("p", { class: "help" }, t("speakToTest"))),
      this.#speaker.node,
      element(
        "div",
        { class: "field" },
        element("label", { for: "choose-view" }, t("view")),
        this.#view,
        element("p", { class: "help", id: "view-help" }, t("viewHelp")),
      ),
      this.#layoutField,
      element(
        "div",
        { class: "check-field" },
        this.#saveData,
        element("label", { for: "save-data" }, t("saveData"), element("span", { class: "help" }, t("saveDataHelp"))),
      ),
      element("footer", {}, close),
    );
  }

  async open() {
    this.node.showModal();
    this.#stopWatching = watchDevices(() => this.update());
    await this.update();
  }

  /** Shows what is in use now. */
  async update() {
    if (!this.node.open) return;
    const { cameraId, microphoneId, speakerId, camera, microphone, saveData, view, layout } = this.#state();
    this.#view.value = view;
    this.#layout.value = layout;
    this.#offerLayouts();
    this.#saveData.checked = saveData;
    this.#blur.update(camera);
    this.#level.show(microphone);
    const devices = await devicesOrNone();
    this.#camera.update(devices, cameraId);
    this.#microphone.update(devices, microphoneId);
    this.#speaker.update(devices, speakerId);
  }

  /** Where each picture comes on its own, there is none to be laid out. */
  #offerLayouts() {
    setAttribute(this.#layoutField, "hidden", this.#view.value === "separate");
  }

  #closed() {
    this.#stopWatching();
    this.#level.close();
  }
}
