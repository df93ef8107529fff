/**
 * @param {HTMLVideoElement} video
 * @param {MediaStreamTrack | null} track
 */
export function showTrack(video, track) {
  const shown = video.srcObject instanceof MediaStream ? (video.srcObject.getTracks()[0] ?? null) : null;
  if (shown === track) return;
  video.srcObject = track && new MediaStream([track]);
  // A picture without sound may always play; it rejects only when another track comes in between.
  if (track) video.play().catch(() => undefined);
}
