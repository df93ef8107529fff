import { SHORTCUT } from "./floating-picture.js";
import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { icon, setIcon } from "./icons.js";

/** @import { IconName } from "./icons.js" */

/**
 * @typedef {object} ToolbarActions
 * @property {() => void} microphone
 * @property {() => void} camera
 * @property {() => void} screen
 * @property {() => void} switchCamera
 * @property {() => void} floating
 * @property {() => void} settings
 * @property {() => void} leave
 */

/**
 * @typedef {object} ToolbarState
 * @property {boolean} microphoneOn
 * @property {boolean} cameraOn
 * @property {boolean} sharing
 * @property {boolean} canShare
 * @property {boolean} canSwitchCamera
 * @property {boolean} canSpeak
 * @property {boolean} canShow
 * @property {boolean} canFloat whether the browser can show the picture in a small window
 * @property {boolean} floating
 */

/** The buttons of the call, each with a word under its icon. */
export class Toolbar {
  #microphone;
  #camera;
  #screen;
  #switchCamera;
  #floating;
  node;

  /** @param {ToolbarActions} actions */
  constructor(actions) {
    this.#microphone = toolButton("microphone", t("shortMicrophone"), actions.microphone);
    this.#camera = toolButton("camera", t("shortCamera"), actions.camera);
    this.#switchCamera = toolButton("switch", t("switchCamera"), actions.switchCamera);
    this.#screen = toolButton("screen", t("shareScreen"), actions.screen);
    this.#floating = toolButton("floating", t("floatingShort"), actions.floating);
    setAttribute(this.#floating, "aria-keyshortcuts", SHORTCUT);
    const settings = toolButton("settings", t("settings"), actions.settings);
    const leave = toolButton("leave", t("leave"), actions.leave);
    leave.classList.add("leave");
    leave.setAttribute("aria-label", t("leaveLong"));
    this.node = element(
      "div",
      { class: "toolbar", role: "group", "aria-label": t("callControls") },
      this.#microphone, this.#camera, this.#switchCamera, this.#screen, this.#floating, settings, leave,
    );
  }

  /** @param {ToolbarState} state */
  update({ microphoneOn, cameraOn, sharing, canShare, canSwitchCamera, canSpeak, canShow, canFloat, floating }) {
    show(this.#microphone, microphoneOn ? "microphone" : "microphone-off", t(microphoneOn ? "mute" : "unmute"), !microphoneOn);
    show(this.#camera, cameraOn ? "camera" : "camera-off", t(cameraOn ? "cameraOff" : "cameraOn"), !cameraOn);
    show(this.#screen, sharing ? "screen-off" : "screen", t(sharing ? "stopSharing" : "shareScreen"), false);
    setText(wordOf(this.#screen), t(sharing ? "stopSharing" : "shareScreen"));
    this.#screen.classList.toggle("is-active", sharing);
    const label = t(floating ? "floatingClose" : "floatingOpen");
    show(this.#floating, "floating", label, false);
    setAttribute(this.#floating, "title", `${label} (${SHORTCUT})`);
    this.#floating.classList.toggle("is-active", floating);
    setAttribute(this.#floating, "hidden", !canFloat);
    setAttribute(this.#microphone, "hidden", !canSpeak);
    setAttribute(this.#camera, "hidden", !canShow);
    setAttribute(this.#screen, "hidden", !canShare);
    setAttribute(this.#switchCamera, "hidden", !canSwitchCamera || !cameraOn);
  }
}

/**
 * @param {IconName} name
 * @param {string} word
 * @param {() => void} act
 */
function toolButton(name, word, act) {
  return element(
    "button",
    { type: "button", class: "tool", "aria-label": word, onclick: act },
    element("span", { class: "tool-icon" }, icon(name)),
    element("span", { class: "tool-word" }, word),
  );
}

/**
 * @param {HTMLElement} button
 * @param {IconName} name
 * @param {string} label what pressing does
 * @param {boolean} off
 */
function show(button, name, label, off) {
  setIcon(button, name);
  setAttribute(button, "aria-label", label);
  setAttribute(button, "title", label);
  button.classList.toggle("is-off", off);
}

/** @param {HTMLElement} button */
function wordOf(button) {
  return /** @type {HTMLElement} */ (button.querySelector(".tool-word"));
}
