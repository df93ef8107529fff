import { DeviceError, openCamera, openCameraAndMicrophone, openMicrophone } from "../sdk/src/index.js";

/** Remembered for the next call on this machine. */
const STORED = { camera: "bridge.camera", microphone: "bridge.microphone", speaker: "bridge.speaker", saveData: "bridge.saveData", view: "bridge.view", layout: "bridge.layout" };

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
    return this.camera?.getSettings().deviceId ?? remembered("camera");
  }

  get microphoneId() {
    return this.microphone?.getSettings().deviceId ?? remembered("microphone");
  }

  /** Fulfilled when what is being opened or switched has been, or was refused. @type {Promise<void>} */
  opened = Promise.resolve();
  /** Given up, maybe before it was open. */
  #released = false;

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
    this.#setCamera(opened.camera);
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
        this.camera?.stop();
        this.#set({ camera: null });
      }
    });
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
    for (const track of [this.camera, this.microphone]) if (!keep.includes(track)) track?.stop();
    this.#set({ camera: null, microphone: null });
  }

  /** @param {string | undefined} id */
  async #openCamera(id) {
    // Phones open one camera at a time: the old one goes first.
    this.camera?.stop();
    this.#setCamera(await openCamera(id).catch(toProblem));
    this.#set({});
  }

  /** @param {MediaStreamTrack | DeviceError} opened */
  #setCamera(opened) {
    this.camera = opened instanceof DeviceError ? null : opened;
    this.cameraProblem = opened instanceof DeviceError ? opened : null;
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

/** @param {keyof typeof STORED} device */
export function remembered(device) {
  return localStorage.getItem(STORED[device]) ?? undefined;
}

/**
 * @param {keyof typeof STORED} device
 * @param {string} id
 */
export function remember(device, id) {
  localStorage.setItem(STORED[device], id);
}

function forgetDevices() {
  localStorage.removeItem(STORED.camera);
  localStorage.removeItem(STORED.microphone);
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
