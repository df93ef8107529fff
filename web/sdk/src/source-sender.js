import { encodingsFor, fitted, withoutScalability } from "./encodings.js";
import { LongFrames } from "./long-frames.js";
import { START, ThinLine } from "./thin-line.js";

/** @import { Size, VideoCodec } from "./encodings.js" */
/** @import { EncodingsNotice, SourceName } from "./protocol.js" */
/** @import { Bound } from "./thin-upload.js" */

/** Where the rate does not suffice: a screen keeps its size, since its text must be read. @type {Partial<Record<SourceName, string>>} */
const DEGRADATION = { screen: "maintain-resolution" };

/** The least that a picture is held to, and by how much that has to change before the browser is told: bit/s, and a share. */
const LEAST_PICTURE = 30_000;
const MOVED = 0.04;

/** Of less sound than this in short frames, headers take as much as the sound: bit/s. */
const SHORT_FROM = 16_000;
/** @type {Set<SourceName>} */
const SOUND = new Set(["microphone", "screen_audio"]);

/**
 * The encodings of one sender: what its source needs of them, and which of them anybody receives.
 *
 * Parameters are read and set in turns; in between, they belong to whoever read them last.
 */
export class SourceSender {
  #sender;
  /** @type {RTCRtpEncodingParameters[]} */
  #layout = [];
  /** @type {SourceName} */
  #name = "camera";
  /**
   * By RID; by index where the encoding has none. What is not in here is wanted.
   * @type {Map<string | number, { active: boolean, spare: boolean }>}
   */
  #wanted = new Map();
  /** What each encoding may take at most, bit/s; null for what it usually does. @type {number | null} */
  #ceiling = null;
  #saving = false;
  /** What one's own line has for it at most. @type {Bound} */
  #bound = { bitrate: Infinity, frames: Infinity };
  /** What all encodings together are held to, bit/s. */
  #rest = Infinity;
  #line = new ThinLine();
  #frames = new LongFrames();
  /** @type {Promise<void>} */
  #last = Promise.resolve();

  /** @param {RTCRtpSender} sender */
  constructor(sender) {
    this.#sender = sender;
  }

  /**
   * Encodes for this source from now on.
   *
   * @param {SourceName} name
   * @param {Partial<Size> | null} size
   * @param {VideoCodec | undefined} codec
   */
  send(name, size, codec) {
    this.#layout = encodingsFor(name, size, codec);
    this.#name = name;
    return this.#apply();
  }

  /**
   * Takes in what is received: which encodings, and how much of them at most.
   *
   * @param {Pick<EncodingsNotice, "encodings" | "max_bitrate">} notice
   */
  want({ encodings, max_bitrate: ceiling }) {
    this.#wanted = new Map(encodings.map(({ rid, active, spare }, index) => [rid ?? index, { active, spare }]));
    this.#ceiling = ceiling;
    this.#apply();
  }

  /** @param {boolean} saving whether the smallest encoding alone is sent */
  save(saving) {
    this.#saving = saving;
    this.#apply();
  }

  /** Whether anybody receives any of it. */
  get wanted() {
    return this.#wanted.size === 0 || [...this.#wanted.values()].some(({ active }) => active);
  }

  /**
   * Sends the smallest encoding alone, of no more than this; nothing where `bitrate` is 0, all as ever where it is Infinity.
   *
   * @param {Bound} bound
   */
  bound(bound) {
    this.#bound = bound;
    this.#apply();
  }

  /**
   * Holds all encodings together to this, since the browser would take more by itself.
   *
   * @param {number} rest bit/s; Infinity where it need not be
   */
  hold(rest) {
    if (rest === this.#rest || Math.abs(rest - this.#rest) < MOVED * this.#rest) return;
    this.#rest = rest;
    this.#apply();
  }

  /** @param {number} bitrate that one's own line has for this source, bit/s */
  carries(bitrate) {
    const { encodings } = this.#sender.getParameters();
    const layout = fitted(this.#layout, encodings.length);
    const wanted = encodings.map(({ rid }, index) => {
      const { maxBitrate: usual = Infinity, active = true } = /** @type {RTCRtpEncodingParameters} */ (layout[index]);
      const { active: received, spare } = this.#wantedOf(rid, index);
      return { active: active && received, spare, usual, bitrate: Math.min(usual, this.#ceiling ?? Infinity) };
    });
    if (this.#line.measure(bitrate, wanted)) this.#apply();
  }

  /**
   * Takes in what one's own line carries for this sound and all else that is sent.
   *
   * @param {number} bitrate bit/s
   */
  shares(bitrate) {
    if (this.#frames.measure(bitrate)) this.#apply();
  }

  #apply() {
    this.#last = this.#last.then(() => this.#set());
    return this.#last;
  }

  async #set() {
    try {
      await this.#sender.setParameters(this.#parameters((encodings) => encodings));
    } catch {
      // Either it has no such scalability mode, or the sender has ended.
      await this.#sender.setParameters(this.#parameters(withoutScalability)).catch(() => undefined);
    }
  }

  /** @param {(encodings: RTCRtpEncodingParameters[]) => RTCRtpEncodingParameters[]} adapt */
  #parameters(adapt) {
    const parameters = this.#sender.getParameters();
    const layout = adapt(fitted(this.#layout, parameters.encodings.length));
    const { bitrate, frames } = this.#bound;
    const bounded = bitrate !== Infinity;
    let rest = this.#rest;
    let first = true;
    parameters.encodings.forEach((encoding, index) => {
      const { rid: _, ...wanted } = /** @type {RTCRtpEncodingParameters} */ (layout[index]);
      Object.assign(encoding, wanted);
      if (this.#ceiling !== null) encoding.maxBitrate = Math.min(wanted.maxBitrate ?? Infinity, this.#ceiling);
      const { active, spare } = this.#wantedOf(encoding.rid, index);
      encoding.active = wanted.active !== false && active && !(spare && this.#line.thin && !this.#saving);
      if (this.#saving && index > 0) encoding.active = false;
      if (bounded) encoding.active = index === 0 && bitrate > 0 && this.wanted;
      if (bounded && bitrate > 0) encoding.maxBitrate = Math.min(encoding.maxBitrate ?? Infinity, bitrate);
      if (encoding.active && rest !== Infinity) {
        // Held to less than it starts with, a larger one would be sent, and poor; the browser leaves it out by itself.
        const least = first ? LEAST_PICTURE : START * (wanted.maxBitrate ?? 0);
        encoding.maxBitrate = Math.min(encoding.maxBitrate ?? Infinity, Math.max(rest, least));
        rest -= encoding.maxBitrate;
        first = false;
      }
      const fewer = frames > 0 && frames !== Infinity ? Math.min(wanted.maxFramerate ?? Infinity, frames) : wanted.maxFramerate;
      if (fewer !== undefined) encoding.maxFramerate = fewer;
      else delete encoding.maxFramerate;
      // Of WebRTC Extensions; browsers that do not know it leave it out.
      const long = this.#frames.wanted || (SOUND.has(this.#name) && this.#ceiling !== null && this.#ceiling < SHORT_FROM);
      if (long || "adaptivePtime" in encoding) Object.assign(encoding, { adaptivePtime: long });
    });
    // A single encoding browsers would start much smaller than it is, and be slow to enlarge.
    const degradation = this.#line.thin ? "maintain-resolution" : DEGRADATION[this.#name];
    delete (/** @type {{ degradationPreference?: string }} */ (parameters).degradationPreference);
    if (degradation !== undefined) Object.assign(parameters, { degradationPreference: degradation });
    return parameters;
  }

  /**
   * @param {string | undefined} rid
   * @param {number} index
   */
  #wantedOf(rid, index) {
    return this.#wanted.get(rid ?? index) ?? { active: true, spare: false };
  }
}
