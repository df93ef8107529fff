import { t } from "./i18n.js";
import { notify } from "./notices.js";
import { nameOf } from "./person-menu.js";

/** @import { Call, LocalSource, RemoteSource } from "../sdk/src/index.js" */

/** What is said of somebody else's source, and of one's own: interrupted, and back. */
const WORDS = /** @type {const} */ ({
  microphone: { gone: "soundInterruptedAnnouncement", back: "soundBackAnnouncement", ownBack: "ownSoundBack" },
  camera: { gone: "pictureInterruptedAnnouncement", back: "pictureBackAnnouncement", ownBack: "ownPictureBack" },
});

/**
 * Says when the system of somebody takes their microphone or camera for a while, as a telephone call does, and when it is back: whoever
 * is not heard shall not be thought silent. What holds for oneself stands in the banner meanwhile.
 *
 * @param {Call} call
 * @param {AbortSignal} signal ends it
 */
export function announceInterruptions(call, signal) {
  /** @type {Set<RemoteSource | LocalSource>} */
  const interrupted = new Set();
  /**
   * @param {RemoteSource | LocalSource} source
   * @returns {boolean | null} whether it has just been interrupted, or is just back; null for neither
   */
  const change = (source) => {
    const now = isInterrupted(source);
    if (now === interrupted.has(source)) return null;
    if (now) interrupted.add(source);
    else interrupted.delete(source);
    return now;
  };
  call.on("sourcechange", (source) => {
    const words = wordsOf(source);
    const gone = words && change(source);
    // Whoever turned it off meanwhile is seen to have done so.
    if (!words || gone === null || (!gone && source.muted)) return;
    notify(t(gone ? words.gone : words.back, { name: nameOf(source.participant) }));
  }, { signal });
  call.on("sourceremoved", (source) => interrupted.delete(source), { signal });
  call.on("localsourcechange", (source) => {
    const words = wordsOf(source);
    if (words && change(source) === false && !source.muted) notify(t(words.ownBack));
  }, { signal });
}

/**
 * What of one's own does not reach the others since the system interrupts it, in words; empty if nothing is.
 *
 * @param {Call} call
 */
export function ownInterruption({ localSources }) {
  const microphone = localSources.some((source) => source.name === "microphone" && isInterrupted(source));
  const camera = localSources.some((source) => source.name === "camera" && isInterrupted(source));
  if (microphone && camera) return t("ownMediaInterrupted");
  if (microphone) return t("ownSoundInterrupted");
  return camera ? t("ownPictureInterrupted") : "";
}

/** @param {RemoteSource | LocalSource | null} source */
export function isInterrupted(source) {
  return source !== null && source.interrupted && !source.muted;
}

/** @param {RemoteSource | LocalSource} source */
function wordsOf({ name }) {
  return name === "microphone" || name === "camera" ? WORDS[name] : null;
}
