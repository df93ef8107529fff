import { DeviceError, listDevices, originOf, releaseTrack } from "../sdk/src/index.js";
import { BLUR_FAILED, background } from "./background.js";
import { t } from "./i18n.js";
import { isInterrupted } from "./interruptions.js";
import { notify } from "./notices.js";
import { describeDeviceProblem } from "./problems.js";
import { ask } from "./questions.js";
import { remember } from "./remembered.js";
import { maySendCamera } from "./video-consent.js";

/** @import { Call, LocalSource } from "../sdk/src/index.js" */
/** @import { BlurFailure } from "./blur/processor.js" */
/** @import { Equipment } from "./equipment.js" */
/** @import { TextKey } from "./i18n.js" */

/** Why a background cannot be blurred, and what became of the camera. @type {Record<BlurFailure, TextKey>} */
const BLUR_FAILURES = { too_slow: "blurTooSlow", not_loaded: "blurNotLoaded", broken: "blurBroken" };

/** What one sends oneself during the call: microphone, camera, screen. `changed` is called whenever any of it changed. */
export class OwnMedia {
  #call;
  #changed;
  /** @type {LocalSource | null} */
  #microphone = null;
  /** @type {LocalSource | null} */
  #camera = null;
  /** @type {LocalSource | null} */
  #screen = null;
  /** One change of a device at a time: impatient clicks shall not open it twice. @type {Set<string>} */
  #busy = new Set();
  #cameras = 0;
  /** The background is to be applied anew, once the camera is not busy. */
  #backgroundDue = false;

  /**
   * @param {Call} call
   * @param {() => void} changed
   * @param {AbortSignal} signal ends it
   */
  constructor(call, changed, signal) {
    this.#call = call;
    this.#changed = changed;
    background.addEventListener("change", () => this.#applyBackground(), { signal });
    background.addEventListener("failed", () => this.#backgroundFailed(), { signal });
    call.on("localsourcechange", changed);
    call.on("localsourceended", (source) => this.#ended(source));
    call.on("stoppedbyhost", (source) => {
      if (source === this.#screen) this.#screen = null;
      if (source === this.#camera) this.#camera = null;
      changed();
    });
  }

  get microphoneOn() {
    return this.#microphone !== null && !this.#microphone.muted;
  }

  get cameraOn() {
    return this.#camera !== null && !this.#camera.muted;
  }

  get sharing() {
    return this.#screen !== null;
  }

  get cameraInterrupted() {
    return isInterrupted(this.#camera);
  }

  get cameraTrack() {
    return this.cameraOn ? (this.#camera?.track ?? null) : null;
  }

  get screenTrack() {
    return this.#screen?.track ?? null;
  }

  get microphoneTrack() {
    return this.#microphone?.track ?? null;
  }

  get canSpeak() {
    return this.#call.grants.includes("publish_microphone");
  }

  get canShow() {
    return this.#call.grants.includes("publish_camera");
  }

  get canShare() {
    // Phones have no such thing.
    return this.#call.grants.includes("publish_screen") && typeof navigator.mediaDevices?.getDisplayMedia === "function";
  }

  get canSwitchCamera() {
    return this.#cameras > 1;
  }

  /**
   * Publishes what was chosen before the call.
   *
   * @param {Equipment} equipment
   */
  async start(equipment) {
    const taking = this.#take(equipment);
    // Both are busy from now on, so that no button opens another one meanwhile; and both go in one offer.
    const microphone = this.#once("microphone", async () => {
      const { microphone: track, microphoneOn } = await taking;
      if (track) this.#microphone = await this.#call.publishMicrophone({ track, muted: !microphoneOn, ...deviceOf(track) });
    });
    const camera = this.#once("camera", async () => {
      const { camera: track } = await taking;
      if (track === null) return;
      const may = !this.#call.videoConsent.missing || (await maySendCamera(this.#call));
      if (may) this.#camera = await this.#call.publishCamera({ track, open: background.open, ...deviceOf(track) });
      else releaseTrack(track);
    });
    await Promise.all([microphone, camera, this.#countCameras()]);
    this.#changed();
  }

  /**
   * Takes over what may be sent. Whoever joins while the browser still asks, or a slow camera starts, is in the call
   * already, and sends then.
   *
   * @param {Equipment} equipment
   */
  async #take(equipment) {
    await equipment.opened;
    const over = this.#call.state === "closed";
    const microphone = this.canSpeak && !over ? equipment.microphone : null;
    const camera = this.canShow && !over ? equipment.camera : null;
    equipment.release({ keep: [microphone, camera] });
    return { microphone, camera, microphoneOn: equipment.microphoneOn };
  }

  toggleMicrophone() {
    return this.#once("microphone", async () => {
      if (this.#microphone === null) this.#microphone = await this.#call.publishMicrophone();
      else if (this.#microphone.muted) await this.#microphone.unmute();
      else await this.#microphone.mute();
      notify(t(this.microphoneOn ? "microphoneOnAnnouncement" : "microphoneOffAnnouncement"));
    });
  }

  toggleCamera() {
    return this.#once("camera", async () => {
      if (this.#camera === null) {
        if (!(await maySendCamera(this.#call))) return;
        this.#camera = await this.#call.publishCamera({ open: background.open });
      } else if (this.#camera.muted) await this.#camera.unmute();
      else await this.#camera.mute();
      notify(t(this.cameraOn ? "cameraOnAnnouncement" : "cameraOffAnnouncement"));
    });
  }

  toggleScreen() {
    return this.#once("screen", async () => {
      if (this.#screen === null) {
        this.#screen = await this.#call.publishScreen({ audio: true });
        notify(t("sharingAnnouncement"));
      } else {
        const screen = this.#screen;
        this.#screen = null;
        await screen.stop();
        notify(t("sharingStoppedAnnouncement"));
      }
    });
  }

  /** Takes the next camera: from the face to what the doctor should see, and back. */
  switchCamera() {
    return this.#once("camera", async () => {
      const { cameras } = await listDevices();
      const present = this.cameraTrack && originOf(this.cameraTrack).getSettings().deviceId;
      const next = cameras[(cameras.findIndex(({ id }) => id === present) + 1) % cameras.length];
      if (next) await this.#camera?.switchDevice(next.id);
    });
  }

  /** @param {string} id */
  chooseCamera(id) {
    remember("camera", id);
    return this.#once("camera", async () => {
      if (this.#camera === null) this.#camera = await this.#call.publishCamera({ deviceId: id, open: background.open });
      else await this.#camera.switchDevice(id);
    });
  }

  /** @param {string} id */
  chooseMicrophone(id) {
    remember("microphone", id);
    return this.#once("microphone", async () => {
      if (this.#microphone === null) this.#microphone = await this.#call.publishMicrophone({ deviceId: id });
      else await this.#microphone.switchDevice(id);
    });
  }

  /**
   * @param {"microphone" | "camera" | "screen"} what
   * @param {() => Promise<void>} change
   */
  async #once(what, change) {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    try {
      await change();
    } catch (error) {
      if (what === "camera") await this.#admitNoPicture();
      this.#explain(what, error);
    } finally {
      this.#busy.delete(what);
      this.#changed();
      if (what === "camera") this.#settleBackground();
    }
  }

  /** A camera that was given up for another one, or for a background that cannot be blurred, is off: others shall not look at its last picture. */
  async #admitNoPicture() {
    const track = this.#camera?.track;
    if (track && originOf(track).readyState === "live") return;
    await this.#camera?.mute().catch(() => undefined);
  }

  /** What came about the background while the camera was busy. */
  #settleBackground() {
    if (this.#backgroundDue) this.#applyBackground();
    else this.#backgroundFailed();
  }

  /** Goes on with the same camera: only what is made of its picture changes. */
  #applyBackground() {
    this.#backgroundDue = this.#busy.has("camera");
    const track = this.#camera?.track;
    // A camera that is off is opened as it is wanted then.
    if (this.#backgroundDue || !track) return;
    this.#once("camera", async () => {
      const next = await background.applyTo(track);
      if (next !== track) await this.#camera?.replace(next);
    });
  }

  /** What is behind one shall not be seen because a device was too slow: the camera goes off, until its owner says otherwise. */
  async #backgroundFailed() {
    const { failure } = background;
    if (failure === null || failure.track !== this.#camera?.track) return;
    await this.#camera.mute();
    this.#changed();
    await this.#askWithoutBlur(failure.reason);
  }

  /** @param {BlurFailure} reason */
  async #askWithoutBlur(reason) {
    const question = { title: t("blurFailedTitle"), body: t(BLUR_FAILURES[reason]), yes: t("showWithoutBlur"), no: t("leaveCameraOff") };
    if ((await ask(question)) !== true || this.#call.state === "closed") return;
    background.set(false);
    if (!this.cameraOn) await this.toggleCamera();
  }

  /**
   * @param {"microphone" | "camera" | "screen"} what
   * @param {unknown} error
   */
  #explain(what, error) {
    // Whoever closed the chooser knows that nothing is shared. A call that is over has said so itself.
    if (!(error instanceof DeviceError) || error.code === "screen_cancelled") return;
    if (what === "screen") {
      notify(`${t("cannotShareTitle")}. ${t("cannotShareBody")}`);
      return;
    }
    if (error.code === BLUR_FAILED) {
      this.#askWithoutBlur("broken");
      return;
    }
    const { title, body } = describeDeviceProblem(error, what === "camera" ? "theCamera" : "theMicrophone");
    notify(`${title}. ${body}`);
  }

  /** @param {LocalSource} source a device was unplugged, or sharing was stopped in the browser's own controls */
  #ended(source) {
    if (source === this.#screen) {
      this.#screen = null;
      notify(t("sharingStoppedAnnouncement"));
    } else if (source === this.#camera) {
      this.#camera = null;
      notify(t("deviceLost", { kind: t("camera") }));
    } else if (source === this.#microphone) {
      this.#microphone = null;
      notify(t("deviceLost", { kind: t("microphone") }));
      if (!source.muted) this.#takeOtherMicrophone();
    }
    this.#changed();
  }

  /** Whoever was heard goes on being heard, by what the browser takes now: a headset whose battery is empty ends no consultation. */
  #takeOtherMicrophone() {
    return this.#once("microphone", async () => {
      this.#microphone = await this.#call.publishMicrophone();
      notify(t("microphoneReplaced"));
    });
  }

  async #countCameras() {
    const devices = await listDevices().catch(() => null);
    this.#cameras = devices?.cameras.length ?? 0;
  }
}

/** @param {MediaStreamTrack} track */
function deviceOf(track) {
  const { deviceId } = originOf(track).getSettings();
  return deviceId === undefined ? {} : { deviceId };
}
