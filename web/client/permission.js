/** @import { TextKey } from "./i18n.js" */

/**
 * Where a browser has what gives a page the camera and the microphone back. Browsers call themselves by each other's names, so the
 * order counts.
 *
 * @type {[RegExp, TextKey][]}
 */
const WAYS = [
  // On iPhone and iPad every browser but Safari is a program like any, which the system's settings let or do not let.
  [/\b(CriOS|FxiOS|EdgiOS|OPT)\//, "permissionIosOther"],
  [/\b(iPhone|iPad|iPod)\b/, "permissionIosSafari"],
  [/\bAndroid\b/, "permissionAndroid"],
  [/\bFirefox\//, "permissionFirefox"],
  [/(Chrome|Chromium|Edg|OPR)\//, "permissionChrome"],
  [/\bVersion\/.*Safari\//, "permissionSafari"],
];

/**
 * What to do in this browser when camera or microphone were refused it.
 *
 * @param {string} userAgent
 * @param {number} touchPoints an iPad calls itself a Mac, which has no touch screen
 * @returns {TextKey}
 */
export function wayToPermission(userAgent = navigator.userAgent, touchPoints = navigator.maxTouchPoints) {
  const [, key] = WAYS.find(([pattern]) => pattern.test(userAgent)) ?? [];
  return key === "permissionSafari" && touchPoints > 1 ? "permissionIosSafari" : (key ?? "permissionBody");
}
