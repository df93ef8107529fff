import { originOf, releaseTrack } from "./derived-track.js";
import { Emitter } from "./emitter.js";

/** @import { VideoCodec } from "./encodings.js" */
/** @import { Delivery, Kind, SourceName } from "./protocol.js" */

/**
 * What a local source needs of the call: to send another track, to tell the others, to be taken back.
 *
 * @typedef {object} SourceHost
 * @property {(source: LocalSource, track: MediaStreamTrack | null) => Promise<void>} replaceTrack
 * @property {(source: LocalSource) => Promise<void>} announce
 * @property {(source: LocalSource) => Promise<void>} remove
 */

/** @typedef {(deviceId?: string) => Promise<MediaStreamTrack>} OpenDevice */

/**
 * A camera, microphone, screen or track of one's own that is published.
 *
 * `change`: muted, unmuted, another track, or another `upload`. `ended`: the device was unplugged, or the user stopped sharing in the
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
      await this.#host.announce(this);
    });
  }

  /** Sends again. Rejects with a DeviceError when a released camera cannot be opened any more. */
  unmute() {
    return this.#inTurn(async () => {
      if (!this.#muted) return;
      if (this.#track === null && this.#open) await this.#use(await this.#open());
      this.#muted = false;
      if (this.#track) this.#track.enabled = true;
      this.emit("change", null);
      await this.#host.announce(this);
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
      await this.#host.announce(this);
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
    await this.#host.replaceTrack(this, track);
  }

  #release() {
    releaseTrack(this.#track);
    this.#track = null;
  }

  /** @param {MediaStreamTrack} track */
  #listen(track) {
    // `stop()` by ourselves raises no such event: this is the device, or the browser's "stop sharing".
    originOf(track).addEventListener("ended", () => {
      if (this.#track === track) this.emit("ended", null);
    });
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
