/** @typedef {{ setHeight: (height: number | null) => void }} Watched A `RemoteSource`, or `Call.composedPicture`. */

/** A page that is hidden for so long is not looked at: milliseconds. */
const HIDDEN_FOR = 5_000;

/**
 * Tells the bridge in which size a video element shows a source, and when it is out of sight: so that no more is sent
 * than is seen. Follows the page and the picture, also when a phone is turned, and when the page is hidden for a while: then
 * sound alone goes on, unless the picture floats in a window of its own.
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
  const seen = () => (inSight && !hidden) || document.pictureInPictureElement === video;
  const report = () => source.setHeight(seen() ? shownHeight(video) : 0);
  const visibility = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hidden = document.hidden;
      report();
    }, document.hidden ? HIDDEN_FOR : 0);
  };
  const sizes = new ResizeObserver(report);
  const sight = new IntersectionObserver((entries) => {
    inSight = entries.at(-1)?.isIntersecting ?? true;
    report();
  });
  sizes.observe(video);
  sight.observe(video);
  video.addEventListener("resize", report);
  document.addEventListener("visibilitychange", visibility);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", visibility);
    sizes.disconnect();
    sight.disconnect();
    video.removeEventListener("resize", report);
    source.setHeight(null);
  };
}

/**
 * Lines of the picture, in device pixels: where it is shown whole, less than the element's, where it fills it, more.
 *
 * @param {HTMLVideoElement} video
 */
function shownHeight(video) {
  const { clientWidth, clientHeight, videoWidth, videoHeight } = video;
  if (videoWidth === 0) return clientHeight * devicePixelRatio;
  const byWidth = (clientWidth * videoHeight) / videoWidth;
  const whole = getComputedStyle(video).objectFit !== "cover";
  return (whole ? Math.min(clientHeight, byWidth) : Math.max(clientHeight, byWidth)) * devicePixelRatio;
}
