/** Levels at and below this are silence, dBFS. */
const FLOOR = -60;

/** One for the page: browsers allow only a few. @type {AudioContext | null} */
let sharedContext = null;

/** Shows how loud a track is, without playing it. */
export class LevelMeter {
  #source;
  #analyser;
  #samples;

  /** @param {MediaStreamTrack} track a local audio track; stays the caller's to stop */
  constructor(track) {
    sharedContext ??= new AudioContext();
    const context = sharedContext;
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
    // Without a click so far, browsers keep the context suspended; the level then reads 0 until `resume()`.
    if (context.state === "suspended") context.resume().catch(() => undefined);
  }

  /** The level now: 0 is silence, 1 is as loud as it gets, linear in decibels. */
  read() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / this.#samples.length + 1e-12);
    return Math.min(1, Math.max(0, 1 - decibels / FLOOR));
  }

  /** To be called from a click handler where the browser wants one. */
  async resume() {
    await sharedContext?.resume();
  }

  close() {
    this.#source.disconnect();
  }
}
