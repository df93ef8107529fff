import { forThisTab } from "./storage.js";

/**
 * The join token: comes in the fragment of the link, so that it reaches no server and no log, and is taken out of the
 * address bar at once. A copy for this tab alone lets a reload join again.
 */
const STORED = "bridge.token";
/** The one that the bridge gave in its place, since it lives for minutes. */
const RENEWED = "bridge.token.renewed";

/** @returns {string | null} */
export function takeToken() {
  const fragment = location.hash.slice(1);
  if (fragment !== "") {
    if (fragment !== forThisTab.getItem(STORED)) forThisTab.removeItem(RENEWED);
    forThisTab.setItem(STORED, fragment);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return forThisTab.getItem(STORED);
}

/** @returns {string | null} */
export function renewedToken() {
  return forThisTab.getItem(RENEWED);
}

/** @param {string} token */
export function keepRenewed(token) {
  forThisTab.setItem(RENEWED, token);
}

/**
 * The name that the token says its owner has, to greet them. Only the bridge verifies it.
 *
 * @param {string} token
 * @returns {string | null}
 */
export function nameInToken(token) {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const { name } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof name === "string" && name !== "" ? name : null;
  } catch {
    return null;
  }
}
