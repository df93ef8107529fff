/** @import { RemoteSource } from "./participant.js" */

/**
 * Tells the bridge in which size a video element shows a source, and when it is out of sight: so that no more is sent
 * than is seen. Follows the page and the picture, also when a phone is turned.
 *
 * @param {HTMLVideoElement} video
 * @param {RemoteSource} source
 * @returns {() => void} ends it
 */
export function watchPicture(video, source) {
  let inSight = true;
  const report = () => source.setHeight(inSight ? shownHeight(video) : 0);
  const sizes = new ResizeObserver(report);
  const sight = new IntersectionObserver((entries) => {
    inSight = entries.at(-1)?.isIntersecting ?? true;
    report();
  });
  sizes.observe(video);
  sight.observe(video);
  video.addEventListener("resize", report);
  return () => {
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
