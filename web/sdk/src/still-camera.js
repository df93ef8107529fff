import { DeviceError } from "./errors.js";

/** How good a picture is at first, and what is tried until it is small enough: quality, and length of the sides. */
const TRIES = [[0.92, 1], [0.85, 1], [0.75, 1], [0.6, 1], [0.75, 0.7], [0.7, 0.5], [0.6, 0.35]];
/** Phones' canvases hold no more: pixels. */
const MAX_PIXELS = 16_000_000;
/** How long a camera may take for a picture of its own: milliseconds. */
const PHOTO_TIMEOUT = 8_000;
/** How long it may take to change to its full size: milliseconds. */
const SETTLE_TIMEOUT = 3_000;

/**
 * Takes one picture with a camera at its full resolution, whatever size the call sends: by W3C ImageCapture where
 * the browser has it, else from a video frame of the largest size. The picture is drawn anew, upright, so that nothing is in
 * the file but the picture: no place, no time, no device.
 *
 * @param {MediaStreamTrack} track of a camera; it goes on as it is
 * @param {{ maxBytes: number }} options
 * @returns {Promise<Blob>} JPEG; rejects with a DeviceError (`picture_failed`)
 */
export async function takePicture(track, { maxBytes }) {
  // What is asked of a copy leaves what is published alone, where the browser can do both at once.
  const copy = track.clone();
  copy.enabled = true;
  try {
    const picture = (await photographed(copy)) ?? (await grabbed(copy));
    return await asJpeg(picture, maxBytes);
  } catch (error) {
    if (error instanceof DeviceError) throw error;
    throw failed(error);
  } finally {
    copy.stop();
  }
}

/**
 * @param {MediaStreamTrack} track
 * @returns {Promise<ImageBitmap | null>} null where the browser or the camera cannot
 */
async function photographed(track) {
  const Capture = /** @type {any} */ (globalThis).ImageCapture;
  if (typeof Capture?.prototype?.takePhoto !== "function") return null;
  try {
    const capture = new Capture(track);
    const { imageWidth, imageHeight } = await inTime(capture.getPhotoCapabilities(), PHOTO_TIMEOUT);
    const size = imageWidth?.max && imageHeight?.max ? { imageWidth: imageWidth.max, imageHeight: imageHeight.max } : {};
    const photo = await inTime(capture.takePhoto(size), PHOTO_TIMEOUT);
    const bitmap = await createImageBitmap(photo, { imageOrientation: "from-image" });
    const { width = 0, height = 0 } = fullSize(track);
    // Some cameras' photos are no larger than their video: then the largest video is better.
    return bitmap.width * bitmap.height >= width * height ? bitmap : null;
  } catch {
    return null;
  }
}

/**
 * @param {MediaStreamTrack} track
 * @returns {Promise<ImageBitmap>}
 */
async function grabbed(track) {
  const { width, height } = fullSize(track);
  if (width && height) await track.applyConstraints({ width: { ideal: width }, height: { ideal: height } }).catch(() => undefined);
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  try {
    await video.play();
    const wanted = track.getSettings().width ?? 0;
    // The first frames may still have the size from before.
    const late = performance.now() + SETTLE_TIMEOUT;
    while ((video.videoWidth === 0 || video.videoWidth < wanted) && performance.now() < late) await pause(50);
    if (video.videoWidth === 0) throw failed();
    return await createImageBitmap(video);
  } finally {
    video.srcObject = null;
  }
}

/** @param {MediaStreamTrack} track @returns {{ width?: number | undefined, height?: number | undefined }} */
function fullSize(track) {
  const { width, height } = track.getCapabilities?.() ?? {};
  return { width: width?.max, height: height?.max };
}

/**
 * @param {ImageBitmap} picture
 * @param {number} maxBytes
 */
async function asJpeg(picture, maxBytes) {
  const { width, height } = picture;
  const fits = Math.min(1, Math.sqrt(MAX_PIXELS / (width * height)));
  try {
    for (const [quality = 1, length = 1] of TRIES) {
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(width * fits * length);
      canvas.height = Math.round(height * fits * length);
      canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
      /** @type {Blob | null} */
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
      if (blob !== null && blob.size <= maxBytes) return blob;
    }
  } finally {
    picture.close();
  }
  throw failed();
}

/**
 * @template Result
 * @param {Promise<Result>} work
 * @param {number} milliseconds
 * @returns {Promise<Result>}
 */
function inTime(work, milliseconds) {
  return Promise.race([work, pause(milliseconds).then(() => Promise.reject(failed()))]);
}

/** @param {number} milliseconds @returns {Promise<void>} */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** @param {unknown} [cause] */
function failed(cause) {
  return new DeviceError("picture_failed", "The camera gave no picture.", { field: "camera", cause });
}
