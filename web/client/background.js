import { DeviceError, openCamera, originOf, releaseTrack } from "../sdk/src/index.js";
import { canBlur, withBlurredBackground } from "./blur/pipeline.js";
import { remember, remembered } from "./remembered.js";

/** @import { BlurFailure } from "./blur/processor.js" */

/** Code of the `DeviceError` of a camera that is off because its background cannot be blurred. */
export const BLUR_FAILED = "blur_failed";
/** What is loaded when somebody asks for it, and only then. */
const PACKAGES = new URL("../packages/", import.meta.url);

/**
 * Whether others see what is behind one: remembered for the next call on this machine. Made by the camera or the system where they
 * can (W3C `backgroundBlur`), else on this device in a worker.
 *
 * `change`: it is to be applied anew. `failed`: of a track there are no more pictures; `failure` says which, and why.
 */
class Background extends EventTarget {
  /** @type {{ track: MediaStreamTrack, reason: BlurFailure } | null} */
  failure = null;
  /** Turned off in this page: what the user has turned on elsewhere is left on otherwise. */
  #turnedOff = false;
  /** @type {Promise<boolean> | null} */
  #installed = null;
  /** Cameras that are listened to. @type {WeakSet<MediaStreamTrack>} */
  #heard = new WeakSet();

  get wanted() {
    return remembered("blur") === "true";
  }

  /** Whether this browser can do it, if its camera cannot. */
  get possible() {
    return canBlur();
  }

  /** Whether the bridge has what it takes: an installation may lack it. */
  installed() {
    this.#installed ??= fetch(new URL("litert.js", PACKAGES), { method: "HEAD" }).then(({ ok }) => ok, () => false);
    return this.#installed;
  }

  /** @param {boolean} on */
  set(on) {
    remember("blur", String(on));
    this.#turnedOff = !on;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * Opens a camera, with its background as it is wanted.
   *
   * @param {string} [deviceId]
   */
  open = async (deviceId) => this.applyTo(await openCamera(deviceId));

  /**
   * The picture of a camera with its background as it is wanted; the same track where it is so already.
   *
   * @param {MediaStreamTrack} track of a camera, or made of it by this
   * @returns {Promise<MediaStreamTrack>} rejects with a DeviceError (`blur_failed`), and has then stopped the camera
   */
  async applyTo(track) {
    const camera = originOf(track);
    this.#listenTo(camera);
    await this.#askDevice(camera);
    if (!this.wanted || deviceBlur(camera).on) return camera;
    if (track !== camera) return track;
    try {
      if (!this.possible) throw new Error("not in this browser");
      const made = await withBlurredBackground(camera, PACKAGES, (reason) => {
        this.failure = { track: made, reason };
        this.dispatchEvent(new Event("failed"));
      });
      return made;
    } catch (cause) {
      releaseTrack(camera);
      throw new DeviceError(BLUR_FAILED, "The background cannot be blurred.", { field: "camera", cause });
    }
  }

  /**
   * For the switch: whether the background is blurred, and whether that is up to somebody else.
   *
   * @param {MediaStreamTrack | null} track
   */
  stateOf(track) {
    const { on, fixed } = track ? deviceBlur(originOf(track)) : { on: false, fixed: false };
    return { on: on || this.wanted, fixed: fixed && on, byDevice: on };
  }

  /** @param {MediaStreamTrack} camera */
  async #askDevice(camera) {
    const { on, able } = deviceBlur(camera);
    if (!able || (this.wanted ? on : !(on && this.#turnedOff))) return;
    const constraints = /** @type {MediaTrackConstraints} */ ({ ...camera.getConstraints(), backgroundBlur: this.wanted });
    // One that refuses is as one that cannot.
    await camera.applyConstraints(constraints).catch(() => undefined);
  }

  /** @param {MediaStreamTrack} camera */
  #listenTo(camera) {
    if (this.#heard.has(camera)) return;
    this.#heard.add(camera);
    camera.addEventListener("configurationchange", () => this.dispatchEvent(new Event("change")));
  }
}

export const background = new Background();

/**
 * What the camera, or the system behind it, does by itself: https://www.w3.org/TR/mediacapture-extensions/#exposing-mediastreamtrack-source-background-blur-support
 *
 * @param {MediaStreamTrack} camera
 */
function deviceBlur(camera) {
  // Not in TypeScript's DOM yet.
  const { backgroundBlur: offered = [] } = /** @type {{ backgroundBlur?: boolean[] }} */ (camera.getCapabilities?.() ?? {});
  const { backgroundBlur: on = false } = /** @type {{ backgroundBlur?: boolean }} */ (camera.getSettings());
  return { on, able: offered.includes(true) && offered.includes(false), fixed: !offered.includes(false) };
}
