/**
 * Plays what the others say. Browsers refuse sound on a page that nobody has touched yet: then `blocked` calls back, and
 * `unlock`, from a click, sets it going.
 */
export class Sound {
  /** By source id. @type {Map<string, HTMLAudioElement>} */
  #players = new Map();
  #blocked;
  /** @type {string | undefined} */
  #speakerId;

  /** @param {(blocked: boolean) => void} blocked */
  constructor(blocked) {
    this.#blocked = blocked;
  }

  /** Whether this browser lets the user choose where sound comes out. */
  static canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

  /**
   * @param {string} sourceId
   * @param {MediaStreamTrack | null} track
   */
  play(sourceId, track) {
    const player = this.#players.get(sourceId);
    if (track === null) {
      if (player) player.srcObject = null;
      this.#players.delete(sourceId);
      return;
    }
    const audio = player ?? new Audio();
    this.#players.set(sourceId, audio);
    audio.srcObject = new MediaStream([track]);
    this.#applySpeaker(audio);
    this.#start(audio);
  }

  /** To be called from a click. */
  unlock() {
    this.#blocked(false);
    for (const audio of this.#players.values()) this.#start(audio);
  }

  /** @param {string} deviceId */
  chooseSpeaker(deviceId) {
    this.#speakerId = deviceId;
    for (const audio of this.#players.values()) this.#applySpeaker(audio);
  }

  close() {
    for (const audio of this.#players.values()) audio.srcObject = null;
    this.#players.clear();
  }

  /** @param {HTMLAudioElement} audio */
  #start(audio) {
    audio.play().catch((error) => {
      // AbortError: another track took its place meanwhile.
      if (error.name === "NotAllowedError") this.#blocked(true);
    });
  }

  /** @param {HTMLAudioElement} audio */
  #applySpeaker(audio) {
    // A speaker that is gone leaves the sound where the system plays it.
    if (this.#speakerId !== undefined) audio.setSinkId?.(this.#speakerId).catch(() => undefined);
  }
}
