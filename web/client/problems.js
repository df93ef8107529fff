import { BridgeError, ConnectionError, DeviceError } from "../sdk/src/index.js";
import { capitalized, t } from "./i18n.js";
import { wayToPermission } from "./permission.js";

/** @import { TextKey } from "./i18n.js" */

/**
 * @typedef {object} Problem
 * @property {string} title
 * @property {string} body what the user can do about it
 * @property {string} code for support, in small print; empty where nothing went wrong
 * @property {boolean} retry whether to try again makes sense
 * @property {boolean} help whether there is something to turn to somebody about
 */

/** What ends a call or keeps one out, in words. @type {Record<string, [title: TextKey, body: TextKey, retry: boolean]>} */
const CALL_PROBLEMS = {
  no_token: ["noTokenTitle", "noTokenBody", false],
  token_expired: ["expiredTitle", "expiredBody", false],
  token_not_yet_valid: ["tooEarlyTitle", "tooEarlyBody", true],
  token_keys_unavailable: ["unknownTitle", "unknownBody", true],
  room_full: ["fullTitle", "fullBody", true],
  replaced: ["replacedTitle", "replacedBody", false],
  resumed: ["replacedTitle", "replacedBody", false],
  removed: ["removedTitle", "removedBody", false],
  time_is_up: ["endedTitle", "endedBody", false],
  room_over: ["endedTitle", "endedBody", false],
  room_not_open: ["tooEarlyTitle", "tooEarlyBody", true],
  ended: ["endedTitle", "endedBody", false],
  banned: ["removedTitle", "removedBody", false],
  refused: ["refusedTitle", "refusedBody", false],
  room_locked: ["lockedTitle", "lockedBody", true],
  lobby_full: ["busyTitle", "busyBody", true],
  media_overloaded: ["busyTitle", "busyBody", true],
  too_many_connections: ["busyTitle", "busyBody", true],
  too_many_rooms: ["busyTitle", "busyBody", true],
  records_unavailable: ["drainingTitle", "outOfOrderBody", true],
  draining: ["drainingTitle", "drainingBody", true],
  rate_limited: ["busyTitle", "busyBody", true],
  shutting_down: ["drainingTitle", "drainingBody", true],
  unreachable: ["unreachableTitle", "unreachableBody", true],
  request_timeout: ["unreachableTitle", "unreachableBody", true],
  connection_lost: ["lostTitle", "lostBody", true],
};

/** What somebody decided: there is nothing to ask support about. */
const DECIDED = new Set(["ended", "time_is_up", "room_over", "removed", "banned", "refused", "replaced", "resumed"]);

/** Of these, what ends the wait of somebody who was in no call. */
const ENDS_WAIT = new Set(["ended", "time_is_up"]);

/** Of these, what somebody may want to ask about all the same. */
const ASKED_ABOUT = new Set(["removed", "banned", "refused"]);

/** Why nobody gets in, in a title that says nothing to those who were in and do not get back. */
const SHUT = "drainingTitle";

/** @type {Record<string, [title: TextKey, body: TextKey]>} */
const DEVICE_PROBLEMS = {
  permission_denied: ["permissionTitle", "permissionBody"],
  device_missing: ["missingTitle", "missingBody"],
  device_unsuitable: ["missingTitle", "missingBody"],
  device_busy: ["deviceBusyTitle", "deviceBusyBody"],
  insecure_context: ["insecureTitle", "insecureBody"],
  not_supported: ["unsupportedTitle", "unsupportedBody"],
  blur_failed: ["blurFailedTitle", "blurFailedBody"],
};

/**
 * Why there is no call, or no longer.
 *
 * @param {unknown} error
 * @param {"lobby" | "call"} [place] where one was when it came; nowhere if left out
 * @returns {Problem}
 */
export function describeCallProblem(error, place) {
  const code = error instanceof BridgeError ? error.code : "internal_error";
  if (place === "lobby" && ENDS_WAIT.has(code)) return { title: t("lobbyClosedTitle"), body: t("lobbyClosedBody"), code: "", retry: false, help: true };
  const unknown = error instanceof ConnectionError ? CALL_PROBLEMS["unreachable"] : undefined;
  const badLink = /** @type {[TextKey, TextKey, boolean]} */ (["badLinkTitle", "badLinkBody", false]);
  const known = CALL_PROBLEMS[code] ?? unknown ?? (code.startsWith("token_") ? badLink : undefined);
  const [title, body, retry] = known ?? ["unknownTitle", "unknownBody", true];
  const decided = DECIDED.has(code);
  return { title: t(title === SHUT && place ? "lostTitle" : title), body: t(body), code: decided ? "" : code, retry, help: !decided || ASKED_ABOUT.has(code) };
}

/**
 * Why a device does not work.
 *
 * @param {DeviceError} error
 * @param {"theCamera" | "theMicrophone" | "cameraAndMicrophone"} device
 * @returns {Problem}
 */
export function describeDeviceProblem({ code }, device) {
  const [title, known] = DEVICE_PROBLEMS[code] ?? ["deviceFailedTitle", "deviceFailedBody"];
  const body = code === "permission_denied" ? wayToPermission() : known;
  const values = { device: t(device) };
  return { title: capitalized(t(/** @type {TextKey} */ (title), values)), body: t(/** @type {TextKey} */ (body), values), code, retry: true, help: true };
}
