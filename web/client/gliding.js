/** Milliseconds: long enough to see who went where, and over before it is in the way. */
const DURATION = 240;

/**
 * Places elements anew and lets them glide there from where they were, for who does not mind movement. Their sizes are the new
 * ones at once: only what is painted lags behind.
 *
 * @param {Element[]} nodes
 * @param {() => void} place
 */
export function glide(nodes, place) {
  const before = nodes.map((node) => node.getBoundingClientRect());
  for (const node of nodes) for (const animation of node.getAnimations()) animation.cancel();
  place();
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const [index, node] of nodes.entries()) {
    const from = /** @type {DOMRect} */ (before[index]);
    const to = node.getBoundingClientRect();
    if (from.width === 0 || to.width === 0 || (from.x === to.x && from.y === to.y && from.width === to.width && from.height === to.height)) continue;
    const start = `translate(${from.x - to.x}px, ${from.y - to.y}px) scale(${from.width / to.width}, ${from.height / to.height})`;
    // What grows glides over what shrinks.
    const zIndex = from.width < to.width ? 2 : 1;
    node.animate(
      [
        { transformOrigin: "0 0", transform: start, zIndex },
        { transformOrigin: "0 0", transform: "none", zIndex },
      ],
      { duration: DURATION, easing: "cubic-bezier(0.2, 0, 0, 1)" },
    );
  }
}
