/** Large enough for three sizes, small enough for a phone: CSS pixels. */
const SIZE = { width: 960, height: 540 };
const FRAME_RATE = 15;
/** Pixels of the picture that change by themselves; each is shown as a square. */
const GRAIN = { width: 96, height: 54 };

/** A picture of noise, which takes what a camera in motion takes, and a low tone: nothing of the user's own. */
export class TestMaterial {
  #context = new AudioContext();
  #timer;
  #canvas = Object.assign(document.createElement("canvas"), SIZE);
  audio;
  video;

  constructor() {
    const destination = this.#context.createMediaStreamDestination();
    const tone = new OscillatorNode(this.#context, { frequency: 220 });
    tone.connect(new GainNode(this.#context, { gain: 0.1 })).connect(destination);
    tone.start();
    const grain = Object.assign(document.createElement("canvas"), GRAIN);
    const draw = () => this.#draw(grain);
    draw();
    this.#timer = setInterval(draw, 1000 / FRAME_RATE);
    const [audio] = destination.stream.getAudioTracks();
    const [video] = this.#canvas.captureStream(FRAME_RATE).getVideoTracks();
    if (audio === undefined || video === undefined) throw new TypeError("canvases and audio contexts have one track each");
    this.audio = audio;
    this.video = video;
  }

  /** Three sizes, so that the bridge can send back what the line down carries. */
  static encodings() {
    return [
      { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 100_000 },
      { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 300_000 },
      { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 700_000 },
    ];
  }

  close() {
    clearInterval(this.#timer);
    this.audio.stop();
    this.video.stop();
    this.#context.close().catch(() => undefined);
  }

  /** @param {HTMLCanvasElement} grain */
  #draw(grain) {
    const small = grain.getContext("2d");
    const large = this.#canvas.getContext("2d");
    if (small === null || large === null) return;
    const pixels = small.createImageData(GRAIN.width, GRAIN.height);
    for (let at = 0; at < pixels.data.length; at += 1) pixels.data[at] = at % 4 === 3 ? 255 : Math.random() * 256;
    small.putImageData(pixels, 0, 0);
    large.imageSmoothingEnabled = false;
    large.drawImage(grain, 0, 0, SIZE.width, SIZE.height);
  }
}
