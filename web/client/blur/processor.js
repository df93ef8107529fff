import { Compositor } from "./compositor.js";
import { Pace } from "./pace.js";
import { Segmenter } from "./segmenter.js";

/**
 * To the worker. `begin` with streams where pictures come and go by those; else each picture is asked for by `next`, comes as
 * `picture`, and goes back as `picture`.
 *
 * @typedef {{ type: "begin", packages: string, readable?: ReadableStream<VideoFrame>, writable?: WritableStream<VideoFrame> }
 *   | { type: "picture", bitmap: ImageBitmap }} ToWorker
 */
/**
 * From the worker. After `failed` there are no more pictures: none goes out as the camera sees it.
 *
 * @typedef {{ type: "next" } | { type: "picture", bitmap: ImageBitmap } | { type: "failed", reason: BlurFailure }} FromWorker
 */
/** @typedef {"not_loaded" | "too_slow" | "broken"} BlurFailure */

const compositor = new Compositor();
const pace = new Pace();
/** Until it is loaded, nothing at all is sharp. @type {Segmenter | null} */
let segmenter = null;
let over = false;

/** @param {ToWorker} message */
export async function receive(message) {
  if (message.type === "picture") return answer(message.bitmap);
  Segmenter.load(message.packages).then(
    (loaded) => (segmenter = loaded),
    (error) => fail("not_loaded", error),
  );
  const { readable, writable } = message;
  if (!readable || !writable) return tell({ type: "next" });
  // It ends with the camera, or with the track that it makes.
  await readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable).catch(() => undefined);
}

/**
 * @param {VideoFrame} frame
 * @param {TransformStreamDefaultController<VideoFrame>} controller
 */
async function transform(frame, controller) {
  try {
    if (over || !pace.due(performance.now())) return;
    const picture = await made(frame, frame.displayWidth, frame.displayHeight);
    if (picture) controller.enqueue(new VideoFrame(picture, { timestamp: frame.timestamp }));
  } catch (error) {
    fail("broken", error);
  } finally {
    frame.close();
  }
}

/** @param {ImageBitmap} bitmap */
async function answer(bitmap) {
  pace.due(performance.now());
  const picture = await made(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  if (!picture) return;
  const result = picture.transferToImageBitmap();
  tell({ type: "picture", bitmap: result }, [result]);
  // The page's own timers are slow while it is hidden; a worker's are not.
  setTimeout(() => tell({ type: "next" }), pace.until(performance.now()));
}

/**
 * @param {VideoFrame | ImageBitmap} source
 * @param {number} width
 * @param {number} height
 * @returns {Promise<OffscreenCanvas | null>} null when it failed
 */
async function made(source, width, height) {
  if (over) return null;
  const began = performance.now();
  try {
    const mask = (await segmenter?.mask(source)) ?? null;
    const picture = compositor.draw(source, width, height, mask);
    const now = performance.now();
    if (mask) pace.took(now - began, now);
    if (!pace.hopeless) return picture;
    fail("too_slow");
  } catch (error) {
    fail("broken", error);
  }
  return null;
}

/** @param {BlurFailure} reason @param {unknown} [error] for whoever looks into the console */
function fail(reason, error) {
  if (over) return;
  over = true;
  console.warn("background blur:", reason, error ?? "");
  tell({ type: "failed", reason });
}

/** @param {FromWorker} message @param {Transferable[]} [transfer] */
function tell(message, transfer = []) {
  globalThis.postMessage(message, { transfer });
}
