import { DeviceError } from "./errors.js";

/** @import { OpenDevice } from "./local-source.js" */

/** @typedef {{ id: string, label: string }} Device */
/** @typedef {{ cameras: Device[], microphones: Device[], speakers: Device[] }} Devices */

/** Sound as speech needs it. */
const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
/** A picture that is sharp enough to observe a patient and small enough for a phone. */
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };

/**
 * The devices of this machine. Labels and most entries are empty before the first permission was given.
 *
 * @returns {Promise<Devices>}
 */
export async function listDevices() {
  const media = mediaDevices();
  /** @type {Devices} */
  const devices = { cameras: [], microphones: [], speakers: [] };
  for (const { deviceId, kind, label } of await media.enumerateDevices()) {
    if (deviceId === "") continue;
    const device = { id: deviceId, label };
    if (kind === "videoinput") devices.cameras.push(device);
    else if (kind === "audioinput") devices.microphones.push(device);
    else if (kind === "audiooutput") devices.speakers.push(device);
  }
  return devices;
}

/**
 * Calls back when a device is plugged in or out. Returns a function that stops that.
 *
 * @param {() => void} listener
 */
export function watchDevices(listener) {
  const media = mediaDevices();
  media.addEventListener("devicechange", listener);
  return () => media.removeEventListener("devicechange", listener);
}

/**
 * @param {string} [deviceId] without it, the browser's choice
 * @returns {Promise<MediaStreamTrack>}
 */
export async function openCamera(deviceId) {
  return openTrack(cameraConstraints(deviceId));
}

/**
 * @param {string} [deviceId] without it, the browser's choice
 * @returns {Promise<MediaStreamTrack>}
 */
export async function openMicrophone(deviceId) {
  return openTrack(microphoneConstraints(deviceId));
}

/**
 * Opens both with a single question to the user. Where that fails, each is tried by itself, so that a broken camera
 * takes nobody's voice.
 *
 * @param {{ cameraId?: string | undefined, microphoneId?: string | undefined }} [devices]
 * @returns {Promise<{ camera: MediaStreamTrack | DeviceError, microphone: MediaStreamTrack | DeviceError }>}
 */
export async function openCameraAndMicrophone({ cameraId, microphoneId } = {}) {
  let [tryCamera, tryMicrophone] = [true, true];
  /** @type {DeviceError | null} */
  let denied = null;
  try {
    const constraints = { ...cameraConstraints(cameraId), ...microphoneConstraints(microphoneId) };
    const stream = await mediaDevices().getUserMedia(constraints);
    const [[camera], [microphone]] = [stream.getVideoTracks(), stream.getAudioTracks()];
    if (camera && microphone) return { camera, microphone };
  } catch (error) {
    const failure = toDeviceError(error, "camera");
    if (failure.code === "insecure_context" || failure.code === "not_supported") return { camera: failure, microphone: failure };
    if (failure.code === "permission_denied") {
      denied = failure;
      [tryCamera, tryMicrophone] = await openableAlone();
    }
  }
  const [camera, microphone] = await Promise.allSettled([
    tryCamera ? openCamera(cameraId) : Promise.reject(denied),
    tryMicrophone ? openMicrophone(microphoneId) : Promise.reject(denied),
  ]);
  return {
    camera: camera.status === "fulfilled" ? camera.value : camera.reason,
    microphone: microphone.status === "fulfilled" ? microphone.value : microphone.reason,
  };
}

/**
 * Which of camera and microphone may be tried alone when both together were refused: one that is allowed already, or that the user
 * was not asked about since the other one is blocked, by the browser or by the system. Whoever has just said no to both is not
 * asked twice more.
 *
 * @returns {Promise<[camera: boolean, microphone: boolean]>}
 */
async function openableAlone() {
  const [camera, microphone] = await Promise.all([permissionOf("camera"), permissionOf("microphone")]);
  return [
    camera === "granted" || (camera === "prompt" && microphone === "denied"),
    microphone === "granted" || (microphone === "prompt" && camera === "denied"),
  ];
}

/**
 * @param {"camera" | "microphone"} name
 * @returns {Promise<PermissionState | null>} null where the browser does not say
 */
async function permissionOf(name) {
  try {
    return (await navigator.permissions.query({ name: /** @type {PermissionName} */ (name) })).state;
  } catch {
    return null;
  }
}

/**
 * Asks the user for a screen, window or tab. The second track is its sound, if there is any.
 *
 * @param {{ audio?: boolean }} [options]
 * @returns {Promise<{ video: MediaStreamTrack, audio: MediaStreamTrack | null }>}
 */
export async function openScreen({ audio = false } = {}) {
  const media = mediaDevices();
  if (typeof media.getDisplayMedia !== "function") {
    throw new DeviceError("not_supported", "This browser cannot share a screen.");
  }
  try {
    const stream = await media.getDisplayMedia({ video: SCREEN, audio });
    const [video] = stream.getVideoTracks();
    if (video === undefined) throw new DeviceError("device_failed", "The screen has no picture.");
    // Text shall stay sharp, even where that costs frames.
    video.contentHint = "detail";
    return { video, audio: stream.getAudioTracks()[0] ?? null };
  } catch (error) {
    throw toDeviceError(error, "screen");
  }
}

/** No larger than legs decode: who lacks the codec, and who sees the room as one picture, would see nothing of it. */
const SCREEN = { frameRate: { ideal: 15, max: 15 }, width: { max: 4096 }, height: { max: 2304 } };

/** @param {string} [deviceId] */
function cameraConstraints(deviceId) {
  const device = deviceId === undefined ? { facingMode: "user" } : { deviceId: { exact: deviceId } };
  return { video: { ...PICTURE, ...device } };
}

/** @param {string} [deviceId] */
function microphoneConstraints(deviceId) {
  const device = deviceId === undefined ? {} : { deviceId: { exact: deviceId } };
  return { audio: { ...VOICE, ...device } };
}

/**
 * @param {MediaStreamConstraints} constraints for one track
 * @returns {Promise<MediaStreamTrack>}
 */
async function openTrack(constraints) {
  try {
    const stream = await mediaDevices().getUserMedia(constraints);
    const [track] = stream.getTracks();
    if (track === undefined) throw new DeviceError("device_failed", "The device gave no track.");
    return track;
  } catch (error) {
    throw toDeviceError(error, constraints.video ? "camera" : "microphone");
  }
}

function mediaDevices() {
  // Browsers hide it from pages that are not served over HTTPS (or from this machine).
  if (!globalThis.isSecureContext) {
    throw new DeviceError("insecure_context", "Browsers give cameras and microphones to secure pages only.", {
      hint: "Serve the page over HTTPS, or open it on localhost.",
    });
  }
  // So do the views of the web inside other programs.
  if (navigator.mediaDevices === undefined) throw new DeviceError("not_supported", "This browser gives pages no cameras and microphones.");
  return navigator.mediaDevices;
}

/** What getUserMedia and getDisplayMedia throw (W3C Media Capture, §10.2), as codes. @type {Record<string, [string, string]>} */
const FAILURES = {
  NotAllowedError: ["permission_denied", "The user or the system does not allow it."],
  SecurityError: ["permission_denied", "The browser does not allow it on this page."],
  NotFoundError: ["device_missing", "There is no such device."],
  NotReadableError: ["device_busy", "Another program uses the device, or the system does not give it."],
  AbortError: ["device_failed", "The device could not be started."],
  OverconstrainedError: ["device_unsuitable", "The chosen device is gone or cannot do what was asked."],
};

/**
 * @param {unknown} error
 * @param {"camera" | "microphone" | "screen"} field
 * @returns {DeviceError}
 */
function toDeviceError(error, field) {
  if (error instanceof DeviceError) return error;
  const name = error instanceof Error ? error.name : "";
  const [code, message] = FAILURES[name] ?? ["device_failed", "The device could not be used."];
  // For screens browsers say NotAllowedError both when the user closed the chooser and when sharing is forbidden.
  const chosen = field === "screen" && code === "permission_denied" ? "screen_cancelled" : code;
  return new DeviceError(chosen, message, { field, cause: error });
}

/**
 * Opens the device that was used last, or another one.
 *
 * @param {(deviceId?: string) => Promise<MediaStreamTrack>} open
 * @param {string | undefined} first
 * @returns {OpenDevice}
 */
export function reopen(open, first) {
  let last = first;
  return (deviceId = last) => {
    last = deviceId;
    return open(deviceId);
  };
}
