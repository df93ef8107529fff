import { deriveTrack } from "../../sdk/src/index.js";

/** @import { BlurFailure, FromWorker, ToWorker } from "./processor.js" */

/** How often a canvas is looked at at most: pictures a second. */
const CANVAS_RATE = 30;

/** Whether this browser has what it takes. */
export function canBlur() {
  return typeof Worker === "function" && typeof OffscreenCanvas === "function" && typeof WebAssembly === "object"
    && (canStream() || typeof HTMLCanvasElement.prototype.captureStream === "function");
}

/** Pictures that go by the page on their way to the worker and back: Chromium. */
function canStream() {
  return "MediaStreamTrackProcessor" in globalThis && "MediaStreamTrackGenerator" in globalThis;
}

/**
 * Makes a track with a blurred background of a camera's, in a worker. It ends with the camera, or when it is stopped. Until it is
 * known what the background is, and whenever it is not, nothing is sharp; when it fails no more pictures come.
 *
 * @param {MediaStreamTrack} camera
 * @param {URL} packages the folder that `scripts/web-packages` lays out
 * @param {(reason: BlurFailure) => void} onfail
 * @returns {Promise<MediaStreamTrack>} rejects when it fails before there is a track
 */
export async function withBlurredBackground(camera, packages, onfail) {
  const worker = new Worker(new URL("./worker.js", import.meta.url));
  /** @type {Promise<BlurFailure>} */
  const failed = new Promise((resolve) => {
    worker.addEventListener("message", ({ data }) => data.type === "failed" && resolve(data.reason));
    worker.addEventListener("error", () => resolve("broken"));
  });
  const early = failed.then((reason) => Promise.reject(new Error(reason)));
  try {
    const track = await Promise.race([canStream() ? byStreams(camera, worker, packages) : byCanvas(camera, worker, packages), early]);
    deriveTrack(track, camera);
    endWith([track, camera], () => worker.terminate());
    failed.then(onfail);
    return track;
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/**
 * @param {MediaStreamTrack} camera
 * @param {Worker} worker
 * @param {URL} packages
 * @returns {MediaStreamTrack}
 */
function byStreams(camera, worker, packages) {
  // Not in TypeScript's DOM yet: https://www.w3.org/TR/mediacapture-transform/, and Chromium's older generator.
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = /** @type {any} */ (globalThis);
  const { readable } = new MediaStreamTrackProcessor({ track: camera });
  const track = new MediaStreamTrackGenerator({ kind: "video" });
  tell(worker, { type: "begin", packages: packages.href, readable, writable: track.writable }, [readable, track.writable]);
  return track;
}

/**
 * @param {MediaStreamTrack} camera
 * @param {Worker} worker
 * @param {URL} packages
 * @returns {Promise<MediaStreamTrack>}
 */
async function byCanvas(camera, worker, packages) {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([camera]);
  await video.play();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [track] = canvas.captureStream(CANVAS_RATE).getVideoTracks();
  const send = async () => {
    const bitmap = await createImageBitmap(video);
    tell(worker, { type: "picture", bitmap }, [bitmap]);
  };
  worker.addEventListener("message", (event) => {
    /** @type {FromWorker} */
    const message = event.data;
    if (message.type === "next") send().catch(() => worker.dispatchEvent(new Event("error")));
    else if (message.type === "picture") show(message.bitmap);
  });
  /** @param {ImageBitmap} bitmap */
  const show = (bitmap) => {
    const { width, height } = bitmap;
    // A phone was turned.
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
  };
  tell(worker, { type: "begin", packages: packages.href });
  return /** @type {MediaStreamTrack} */ (track);
}

/** How often one looks whether a track was stopped, which raises no event: milliseconds. */
const LOOK_EVERY = 500;

/**
 * @param {MediaStreamTrack[]} tracks
 * @param {() => void} end called once any of them is over
 */
function endWith(tracks, end) {
  const timer = setInterval(() => {
    if (tracks.every(({ readyState }) => readyState === "live")) return;
    clearInterval(timer);
    end();
  }, LOOK_EVERY);
}

/** @param {Worker} worker @param {ToWorker} message @param {Transferable[]} [transfer] */
function tell(worker, message, transfer = []) {
  worker.postMessage(message, transfer);
}
