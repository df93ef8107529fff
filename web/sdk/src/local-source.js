import { originOf, releaseTrack } from "./derived-track.js";
import { Emitter } from "./emitter.js";
import { Interruption } from "./interruption.js";

/** @import { VideoCodec } from "./encodings.js" */
/** @import { Delivery, Kind, SourceName } from "./protocol.js" */

/**
 * What a local source needs of the call: to send another track, to tell the others, to be taken back.
 *
 * @typedef {object} SourceHost
 * @property {(source: LocalSource, track: MediaStreamTrack | null) => Promise<void>} replaceTrack
 * @property {(source: LocalSource) => Promise<void>} announce
 * @property {(source: LocalSource) => Promise<void>} remove
 * @property {(source: LocalSource) => Promise<number | null>} progress
 */

/** @typedef {(deviceId?: string) => Promise<MediaStreamTrack>} OpenDevice */

/**
 * A camera, microphone, screen or track of one's own that is published.
 *
 * `change`: muted, unmuted, interrupted or no longer, another track, or another `upload`. `ended`: the device was unplugged, or the user stopped sharing in the
 * browser's own controls; the source has left the room or is muted.
 *
 * @extends {Emitter<{ change: null, ended: null }>}
 */
export class LocalSource extends Emitter {
  #host;
  #open;
  /** @type {MediaStreamTrack | null} */
  #track;
  /** @type {string | null} */
  #id = null;
  #muted;
  #stopped = false;
  /** @type {Delivery} */
  #upload = "full";
  /** Of the device that is open; null of what no device gives. @type {Interruption | null} */
  #interruption = null;
  /** What the others were told last. */
  #interrupted = false;
  /** Changes are made one after the other, in the order they were asked for. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @param {SourceHost} host
   * @param {SourceName} name
   * @param {MediaStreamTrack} track
   * @param {{ muted?: boolean, open?: OpenDevice | null, codec?: VideoCodec | undefined }} [options] `open`: opens the device, the
   *   same or another
   */
  constructor(host, name, track, { muted = false, open = null, codec } = {}) {
    super();
    this.#host = host;
    this.#open = open;
    this.#track = track;
    this.#muted = muted;
    /** @type {SourceName} */
    this.name = name;
    /** @type {Kind} */
    this.kind = track.kind === "audio" ? "audio" : "video";
    /** Chosen by the application; undefined leaves it to browser and bridge. */
    this.codec = codec;
    track.enabled = !muted;
    this.#listen(track);
    this.#interrupted = this.interrupted;
  }

  /** Its name in the room; null while the room does not have it. */
  get id() {
    return this.#id;
  }

  /** What is sent; null while a camera is muted, which then is off. */
  get track() {
    return this.#track;
  }

  get muted() {
    return this.#muted;
  }

  /**
   * What one's own line makes of a picture: `reduced` is one of fewer frames, `stills` one now and then, `paused` none. It comes
   * back by itself. Say so: the others do not see what one shows.
   */
  get upload() {
    return this.#upload;
  }

  /**
   * Whether the system gives neither sound nor picture for now, as during a telephone call. The others are told. It comes back by
   * itself: where the system does not give it back, the device is opened anew.
   */
  get interrupted() {
    return this.#interruption?.active ?? false;
  }

  /** Sends silence or no picture. A camera that the SDK opened is released, so that its light goes out. */
  mute() {
    return this.#inTurn(async () => {
      if (this.#muted) return;
      this.#muted = true;
      if (this.#track) this.#track.enabled = false;
      if (this.name === "camera" && this.#open) {
        this.#release();
        await this.#host.replaceTrack(this, null);
      }
      this.emit("change", null);
      await this.#announce();
    });
  }

  /** Sends again. Rejects with a DeviceError when a released camera cannot be opened any more. */
  unmute() {
    return this.#inTurn(async () => {
      if (!this.#muted) return;
      if ((this.#track === null || this.interrupted) && this.#open) await this.#openAnew(this.#open);
      this.#muted = false;
      if (this.#track) this.#track.enabled = true;
      this.emit("change", null);
      await this.#announce();
    });
  }

  /**
   * Takes another device in place of the present one.
   *
   * @param {string} deviceId of `listDevices()`
   */
  switchDevice(deviceId) {
    return this.#inTurn(async () => {
      if (!this.#open) return;
      // Phones open one camera at a time: the old one goes first.
      if (this.name === "camera") this.#release();
      const track = await this.#open(deviceId);
      this.#release();
      await this.#use(track);
      this.emit("change", null);
    });
  }

  /**
   * Sends another track, of another kind of source if need be, such as a screen in place of the camera. The device goes on
   * where the one track is made of the other's (`deriveTrack`).
   *
   * @param {MediaStreamTrack} track
   * @param {SourceName} [name]
   */
  replace(track, name = this.name) {
    return this.#inTurn(async () => {
      releaseTrack(this.#track, track);
      this.#track = null;
      this.name = name;
      await this.#use(track);
      this.emit("change", null);
      await this.#announce();
    });
  }

  /** Takes the source out of the room and releases the device. */
  stop() {
    return this.#inTurn(async () => {
      if (this.#stopped) return;
      this.#stopped = true;
      this.#release();
      await this.#host.remove(this);
    });
  }

  /**
   * For the publisher: the room's name for this source.
   *
   * @param {string | null} id
   */
  assignId(id) {
    this.#id = id;
  }

  /**
   * For the publisher: what one's own line makes of it.
   *
   * @param {Delivery} upload
   */
  setUpload(upload) {
    if (upload === this.#upload) return;
    this.#upload = upload;
    this.emit("change", null);
  }

  /** For the call when it is over. */
  release() {
    this.#stopped = true;
    this.#release();
  }

  /** @param {MediaStreamTrack} track */
  async #use(track) {
    if (this.#stopped) {
      releaseTrack(track);
      return;
    }
    track.enabled = !this.#muted;
    this.#track = track;
    this.#listen(track);
    this.#noteInterruption();
    await this.#host.replaceTrack(this, track);
  }

  #release() {
    this.#interruption?.close();
    this.#interruption = null;
    releaseTrack(this.#track);
    this.#track = null;
  }

  /** @param {OpenDevice} open */
  async #openAnew(open) {
    const track = await open();
    releaseTrack(this.#track, track);
    await this.#use(track);
  }

  /** The others and the application are told of each change, once. */
  #noteInterruption() {
    if (this.#interrupted === this.interrupted) return;
    this.emit("change", null);
    this.#announce().catch(() => undefined);
  }

  #announce() {
    this.#interrupted = this.interrupted;
    return this.#host.announce(this);
  }

  /**
   * The system has not given a device back as it was. One that cannot be opened now, as while the telephone call goes on, stays
   * interrupted, and is tried again when the system says so or the user is back at the page.
   *
   * @param {MediaStreamTrack} track
   */
  #recover(track) {
    return this.#inTurn(async () => {
      if (this.#track !== track || this.#muted || !this.#open || !this.interrupted) return;
      await this.#openAnew(this.#open);
      this.emit("change", null);
    }).catch(() => undefined);
  }

  /** @param {MediaStreamTrack} track */
  #listen(track) {
    // `stop()` by ourselves raises no such event: this is the device, or the browser's "stop sharing".
    originOf(track).addEventListener("ended", () => {
      if (this.#track === track) this.emit("ended", null);
    });
    this.#interruption?.close();
    this.#interruption = null;
    if (!this.#open) return;
    // Of one that is muted nothing is expected.
    this.#interruption = new Interruption(originOf(track), async () => (this.#muted ? null : this.#host.progress(this)));
    this.#interruption.on("change", () => this.#noteInterruption());
    this.#interruption.on("overdue", () => this.#recover(track));
  }

  /**
   * @template Result
   * @param {() => Promise<Result>} change
   * @returns {Promise<Result>}
   */
  #inTurn(change) {
    const result = this.#last.then(change);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
