import { DeviceError, openCameraAndMicrophone, openMicrophone, originOf, releaseTrack } from "../sdk/src/index.js";
import { BLUR_FAILED, background } from "./background.js";
import { t } from "./i18n.js";
import { notify } from "./notices.js";
import { forgetDevices, remember, remembered } from "./remembered.js";

/**
 * The camera and microphone before the call: opened, switched, turned off and on. `change` says that any of it changed.
 */
export class Equipment extends EventTarget {
  /** @type {MediaStreamTrack | null} */
  camera = null;
  /** @type {MediaStreamTrack | null} */
  microphone = null;
  /** @type {DeviceError | null} */
  cameraProblem = null;
  /** @type {DeviceError | null} */
  microphoneProblem = null;
  /** Whether the user wants to be seen. */
  cameraOn = true;
  /** Whether the user wants to be heard. */
  microphoneOn = true;
  /** The browser is asking the user, or a device is starting. */
  opening = false;

  get cameraId() {
    return (this.camera && originOf(this.camera).getSettings().deviceId) ?? remembered("camera");
  }

  get microphoneId() {
    return this.microphone?.getSettings().deviceId ?? remembered("microphone");
  }

  /** Fulfilled when what is being opened or switched has been, or was refused. @type {Promise<void>} */
  opened = Promise.resolve();
  /** Given up, maybe before it was open. */
  #released = false;
  #abort = new AbortController();

  constructor() {
    super();
    const options = { signal: this.#abort.signal };
    background.addEventListener("change", () => this.#change(() => this.#applyBackground()), options);
    background.addEventListener("failed", () => {
      if (background.failure?.track === this.camera) this.#change(async () => this.#failBackground());
    }, options);
  }

  /** Opens both; a remembered device that is gone gives way to the browser's choice. */
  open() {
    return this.#change(() => this.#open());
  }

  /**
   * One change after the other; what opens after all was given up is closed again.
   *
   * @param {() => Promise<void>} change
   */
  #change(change) {
    const done = this.opened.then(change).finally(() => {
      if (this.#released) this.release();
    });
    this.opened = done.catch(() => undefined);
    return done;
  }

  async #open() {
    this.#set({ opening: true });
    const devices = { cameraId: remembered("camera"), microphoneId: remembered("microphone") };
    let opened = await openCameraAndMicrophone(devices);
    if ([opened.camera, opened.microphone].some(isUnsuitable)) {
      for (const track of [opened.camera, opened.microphone]) if (track instanceof MediaStreamTrack) track.stop();
      forgetDevices();
      opened = await openCameraAndMicrophone();
    }
    const { camera } = opened;
    this.#setCamera(camera instanceof DeviceError ? camera : await background.applyTo(camera).catch(toProblem));
    this.#setMicrophone(opened.microphone);
    this.#set({ opening: false });
  }

  /** @param {string} id */
  chooseCamera(id) {
    remember("camera", id);
    this.cameraOn = true;
    return this.#change(() => this.#openCamera(id));
  }

  /** @param {string} id */
  chooseMicrophone(id) {
    remember("microphone", id);
    return this.#change(async () => {
      this.microphone?.stop();
      this.#setMicrophone(await openMicrophone(id).catch(toProblem));
      this.#set({});
    });
  }

  /** @param {boolean} on */
  setCameraOn(on) {
    this.cameraOn = on;
    return this.#change(async () => {
      if (on) {
        await this.#openCamera(remembered("camera"));
      } else {
        releaseTrack(this.camera);
        this.#set({ camera: null });
      }
    });
  }

  /** @param {boolean} on whether others are not to see what is behind one */
  setBlur(on) {
    background.set(on);
    this.#set({});
  }

  /** @param {boolean} on */
  setMicrophoneOn(on) {
    if (this.microphone) this.microphone.enabled = on;
    this.#set({ microphoneOn: on });
  }

  /**
   * Gives the devices up: those that the call takes over go on, the others stop.
   *
   * @param {{ keep?: (MediaStreamTrack | null)[] }} [options]
   */
  release({ keep = [] } = {}) {
    this.#released = true;
    this.#abort.abort();
    for (const track of [this.camera, this.microphone]) if (!keep.includes(track)) releaseTrack(track);
    this.#set({ camera: null, microphone: null });
  }

  /** @param {string | undefined} id */
  async #openCamera(id) {
    // Phones open one camera at a time: the old one goes first.
    releaseTrack(this.camera);
    this.#setCamera(await background.open(id).catch(toProblem));
    this.#set({});
  }

  async #applyBackground() {
    const { camera } = this;
    if (camera) {
      const next = await background.applyTo(camera).catch(toProblem);
      // What was made of it, and by whom, is not to go on for the whole call beside it.
      releaseTrack(camera, next instanceof DeviceError ? null : next);
      this.#setCamera(next);
    } else if (this.cameraProblem?.code === BLUR_FAILED) {
      await this.#openCamera(remembered("camera"));
    }
    this.#set({});
  }

  /** Nobody has seen the picture yet, and it is not to be seen unless somebody says so. */
  #failBackground() {
    releaseTrack(this.camera);
    this.#setCamera(new DeviceError(BLUR_FAILED, "The background cannot be blurred."));
    // Also in the lobby, where problems of devices have no place of their own.
    notify(`${t("blurFailedTitle")}. ${t("blurFailedBody")}`);
    this.#set({});
  }

  /** @param {MediaStreamTrack | DeviceError} opened */
  #setCamera(opened) {
    this.camera = opened instanceof DeviceError ? null : opened;
    this.cameraProblem = opened instanceof DeviceError ? opened : null;
    if (this.camera && background.failure?.track === this.camera) this.#failBackground();
  }

  /** @param {MediaStreamTrack | DeviceError} opened */
  #setMicrophone(opened) {
    this.microphone = opened instanceof DeviceError ? null : opened;
    this.microphoneProblem = opened instanceof DeviceError ? opened : null;
    if (this.microphone) this.microphone.enabled = this.microphoneOn;
  }

  /** @param {Partial<Pick<Equipment, "opening" | "camera" | "microphone" | "microphoneOn">>} changes */
  #set(changes) {
    Object.assign(this, changes);
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {unknown} opened */
function isUnsuitable(opened) {
  return opened instanceof DeviceError && opened.code === "device_unsuitable";
}

/**
 * @param {unknown} error
 * @returns {DeviceError}
 */
function toProblem(error) {
  return error instanceof DeviceError ? error : new DeviceError("device_failed", "The device could not be opened.");
}
