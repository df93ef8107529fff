import { watchDevices } from "../../sdk/src/index.js";
import { devicesOrNone } from "../device-select.js";
import { element } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { LevelBar } from "../level-bar.js";
import { describeDeviceProblem } from "../problems.js";
import { LineRow } from "./line-row.js";
import { Row } from "./row.js";
import { SpeakerRow } from "./speaker-row.js";

/** @import { Equipment } from "../equipment.js" */

/** What the microphone has to give once, for it to be taken for heard: a share of the bar. */
const HEARD = 0.35;

/** Camera, microphone, speaker and line, tested before the call, in plain words. It is a help, and nobody has to pass it. */
class SelfTestDialog {
  #equipment;
  #camera = new Row(t("camera"));
  #microphone = new Row(t("microphone"));
  #level = new LevelBar((level) => this.#listen(level));
  #speaker = new SpeakerRow();
  #line;
  #heard = false;
  #abort = new AbortController();
  #stopWatching = () => {};
  #dialog;

  /**
   * @param {Equipment} equipment
   * @param {string} url
   * @param {string} token
   */
  constructor(equipment, url, token) {
    this.#equipment = equipment;
    this.#line = new LineRow(url, token);
    this.#microphone.body.append(this.#level.node);
    this.#dialog = element(
      "dialog",
      { class: "dialog self-test", "aria-labelledby": "self-test-title", onclose: () => this.#closed() },
      element(
        "header",
        {},
        element("h2", { id: "self-test-title" }, t("selfTestTitle")),
        element("button", { type: "button", class: "icon-button", "aria-label": t("close"), onclick: () => this.#dialog.close() }, icon("close")),
      ),
      element("p", { class: "help" }, t("selfTestLead")),
      this.#camera.node,
      this.#microphone.node,
      this.#speaker.node,
      this.#line.node,
      element("footer", {}, element("button", { type: "button", class: "button primary", onclick: () => this.#dialog.close() }, t("close"))),
    );
    equipment.addEventListener("change", () => this.#update(), { signal: this.#abort.signal });
  }

  open() {
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#update();
    try {
      this.#stopWatching = watchDevices(() => this.#update());
    } catch {
      // A page that is not secure has no devices to watch.
    }
    this.#line.start();
  }

  async #update() {
    const { camera, cameraOn, cameraProblem, microphone, microphoneProblem } = this.#equipment;
    if (camera) this.#camera.say("good", t("cameraWorks"));
    else if (cameraProblem) this.#camera.say("poor", inWords(cameraProblem, "theCamera"));
    else if (!cameraOn) this.#camera.say("unknown", t("cameraOffNow"));
    if (microphoneProblem) this.#microphone.say("poor", inWords(microphoneProblem, "theMicrophone"));
    else if (!this.#heard) this.#microphone.say("unknown", t(microphone ? "microphoneListens" : "microphoneMissing"));
    this.#level.show(microphone);
    this.#speaker.update(await devicesOrNone());
  }

  /** @param {number} level */
  #listen(level) {
    if (this.#heard || level < HEARD) return;
    this.#heard = true;
    this.#microphone.say("good", t("microphoneHears"));
  }

  #closed() {
    this.#abort.abort();
    this.#stopWatching();
    this.#level.close();
    this.#speaker.close();
    this.#line.close();
    this.#dialog.remove();
  }
}

/**
 * Opens the test, and begins with the line. To be called from a click.
 *
 * @param {Equipment} equipment
 * @param {string} url of the bridge's signalling
 * @param {string} token
 */
export function openSelfTest(equipment, url, token) {
  new SelfTestDialog(equipment, url, token).open();
}

/**
 * @param {import("../../sdk/src/index.js").DeviceError} problem
 * @param {"theCamera" | "theMicrophone"} device
 */
function inWords(problem, device) {
  const { title, body } = describeDeviceProblem(problem, device);
  return `${title}. ${body}`;
}
