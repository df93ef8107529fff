/**
 * What can go wrong, as classes to tell apart and as codes to compare.
 *
 * `code` is a stable word in snake_case. `message` and `hint` are English sentences for developers; what users read is
 * the application's to say. None of them ever holds a token, a name or an address.
 */

/**
 * @typedef {object} ErrorDetails
 * @property {string} [field] the part of the input that is at fault
 * @property {string} [hint] how to mend it
 * @property {unknown} [cause] what was thrown beneath
 */

/** The base of all errors of the SDK. */
export class BridgeError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {ErrorDetails} [details]
   */
  constructor(code, message, { field, hint, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    /** A stable word that programs compare. */
    this.code = code;
    /** The part of the input that is at fault, if one is. */
    this.field = field;
    /** How to mend it, if that is known. */
    this.hint = hint;
  }
}

/** The bridge refused a request; the session goes on. */
export class RequestError extends BridgeError {}

/** The join token was refused: malformed, expired, for another room … A new token is needed. */
export class TokenError extends BridgeError {}

/** The bridge did not let the participant in, or took it out of the room: full, removed, replaced by a newer self … */
export class RoomError extends BridgeError {}

/** The bridge cannot be reached, or was lost. Codes: `unreachable`, `connection_lost`, `request_timeout`, `left`. */
export class ConnectionError extends BridgeError {}

/**
 * A camera, microphone or screen cannot be used. Codes: `permission_denied`, `device_missing`, `device_busy`,
 * `device_unsuitable`, `device_failed`, `screen_cancelled`, `insecure_context`, `not_supported`,
 * `picture_failed`.
 */
export class DeviceError extends BridgeError {}

/**
 * The error class for a refusal of the bridge.
 *
 * @param {{ code: string, message: string, field?: string | undefined, hint?: string | undefined }} refusal
 * @param {number} [closeCode] the WebSocket close code that came with it
 * @returns {BridgeError}
 */
export function refusalToError({ code, message, field, hint }, closeCode) {
  /** @type {ErrorDetails} */
  const details = {};
  if (field !== undefined) details.field = field;
  if (hint !== undefined) details.hint = hint;
  if (closeCode === 4401 || code.startsWith("token_")) return new TokenError(code, message, details);
  if (closeCode !== undefined) return new RoomError(code, message, details);
  return new RequestError(code, message, details);
}
