/** @typedef {{ setHeight: (height: number | null) => void }} Watched A `RemoteSource`, or `Call.composedPicture`. */

/** A page that is hidden for so long is not looked at: milliseconds. */
const HIDDEN_FOR = 5_000;

/** What shows each source, and in how many lines: it may stand on the page and float in a window too. @type {WeakMap<Watched, Map<HTMLVideoElement, number>>} */
const shown = new WeakMap();
/** Windows that a video floats in. @type {WeakMap<HTMLVideoElement, PictureInPictureWindow>} */
const windows = new WeakMap();

/**
 * Tells the bridge in which size a video element shows a source, and when it is out of sight: so that no more is sent
 * than is seen. Follows the page and the picture, also when a phone is turned, and when the page is hidden for a while: then
 * sound alone goes on, unless the picture floats in a window of its own (W3C Picture-in-Picture, of a video or of a document).
 * What is shown twice counts as large as it is shown largest.
 *
 * @param {HTMLVideoElement} video
 * @param {Watched} source
 * @returns {() => void} ends it
 */
export function watchPicture(video, source) {
  let inSight = true;
  let hidden = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const report = () => tell(source, video, floats(video) || (inSight && !hidden) ? shownHeight(video) : 0);
  const visibility = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hidden = document.hidden;
      report();
    }, document.hidden ? HIDDEN_FOR : 0);
  };
  /** @param {PictureInPictureEvent} event */
  const floated = ({ pictureInPictureWindow }) => {
    windows.set(video, pictureInPictureWindow);
    pictureInPictureWindow.addEventListener("resize", report);
    report();
  };
  const sizes = new ResizeObserver(report);
  const sight = new IntersectionObserver((entries) => {
    inSight = entries.at(-1)?.isIntersecting ?? true;
    report();
  });
  windows.get(video)?.addEventListener("resize", report);
  sizes.observe(video);
  sight.observe(video);
  video.addEventListener("resize", report);
  video.addEventListener("enterpictureinpicture", floated);
  video.addEventListener("leavepictureinpicture", report);
  document.addEventListener("visibilitychange", visibility);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", visibility);
    sizes.disconnect();
    sight.disconnect();
    windows.get(video)?.removeEventListener("resize", report);
    video.removeEventListener("resize", report);
    video.removeEventListener("enterpictureinpicture", floated);
    video.removeEventListener("leavepictureinpicture", report);
    tell(source, video, null);
  };
}

/**
 * @param {Watched} source
 * @param {HTMLVideoElement} video
 * @param {number | null} height null: this video shows it no longer
 */
function tell(source, video, height) {
  const heights = shown.get(source) ?? new Map();
  shown.set(source, heights);
  if (height === null) heights.delete(video);
  else heights.set(video, height);
  source.setHeight(heights.size === 0 ? null : Math.max(...heights.values()));
}

/**
 * Whether it is seen whatever becomes of the page.
 *
 * @param {HTMLVideoElement} video
 */
function floats(video) {
  return document.pictureInPictureElement === video || video.ownerDocument !== document;
}

/**
 * Lines of the picture, in device pixels: where it is shown whole, less than the element's, where it fills it, more.
 *
 * @param {HTMLVideoElement} video
 */
function shownHeight(video) {
  const { videoWidth, videoHeight } = video;
  const floating = document.pictureInPictureElement === video ? windows.get(video) : undefined;
  const { width, height } = floating ?? { width: video.clientWidth, height: video.clientHeight };
  const scale = video.ownerDocument.defaultView?.devicePixelRatio ?? devicePixelRatio;
  if (videoWidth === 0) return height * scale;
  const byWidth = (width * videoHeight) / videoWidth;
  const whole = floating !== undefined || getComputedStyle(video).objectFit !== "cover";
  return (whole ? Math.min(height, byWidth) : Math.max(height, byWidth)) * scale;
}
