/**
 * Calls back when this machine's network came back or became another (Wi-Fi to mobile). Returns a function that stops
 * that.
 *
 * @param {() => void} listener
 */
export function watchNetwork(listener) {
  globalThis.addEventListener("online", listener);
  /** Not in Firefox and Safari. @type {(EventTarget & { type?: string }) | undefined} */
  const information = /** @type {any} */ (navigator).connection;
  let type = information?.type;
  const changed = () => {
    // The event also comes with each new guess of the bandwidth: only another kind of network is news.
    if (information?.type === type) return;
    type = information?.type;
    if (type !== "none") listener();
  };
  information?.addEventListener("change", changed);
  return () => {
    globalThis.removeEventListener("online", listener);
    information?.removeEventListener("change", changed);
  };
}
