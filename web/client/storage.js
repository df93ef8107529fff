/**
 * What the browser keeps for the page. Where it keeps nothing, since its user blocks cookies or the page stands in another site's
 * frame, it is kept for as long as the page is open: nobody is left outside for that.
 */
export const forThisTab = opened("sessionStorage");
export const forThisMachine = opened("localStorage");

/**
 * @param {"sessionStorage" | "localStorage"} name
 * @returns {Pick<Storage, "getItem" | "setItem" | "removeItem">}
 */
function opened(name) {
  try {
    const storage = window[name];
    // Some let it be looked at, and refuse to keep anything.
    storage.setItem("bridge.probe", "");
    storage.removeItem("bridge.probe");
    return storage;
  } catch {
    return inMemory();
  }
}

function inMemory() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return {
    /** @param {string} key */
    getItem: (key) => kept.get(key) ?? null,
    /**
     * @param {string} key
     * @param {string} value
     */
    setItem: (key, value) => void kept.set(key, value),
    /** @param {string} key */
    removeItem: (key) => void kept.delete(key),
  };
}
