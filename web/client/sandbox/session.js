/** One session over the WebSocket protocol, written out: docs/protocol/README.md says what each message means. */
import { drawnMedia } from "./media.js";

/** @typedef {import("./log.js").MessageLog} MessageLog */
/** @typedef {Record<string, any>} Message */

const REPLY_MS = 15_000;
/** The echo is a program that has to start first. */
const PICTURE_MS = 60_000;

export class Session {
  /**
   * @param {string} url the door
   * @param {string} token
   * @param {MessageLog} log
   * @param {HTMLVideoElement} own shows what is sent
   * @param {HTMLVideoElement} echo shows what is received
   */
  constructor(url, token, log, own, echo) {
    this._url = url;
    this._token = token;
    this._log = log;
    this._own = own;
    this._echo = echo;
    this._nextId = 1;
    /** @type {Map<number, { resolve: (message: Message) => void, reject: (error: Error) => void }>} */
    this._waiting = new Map();
    /** @type {WebSocket | null} */
    this._socket = null;
    /** @type {{ id: string, secret: string } | null} */
    this._session = null;
    this._stopMedia = () => {};
    this._publish = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this._subscribe = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const received = new MediaStream();
    this._subscribe.addEventListener("track", ({ track }) => {
      received.addTrack(track);
      echo.srcObject = received;
    });
  }

  /** Opens the WebSocket. The token is not part of the URL. */
  async connect() {
    const socket = (this._socket = new WebSocket(this._url, "bridge.v1"));
    socket.addEventListener("message", ({ data }) => this._take(JSON.parse(data)));
    socket.addEventListener("close", ({ code, reason }) => {
      this._log.note(`The WebSocket has ended: ${code} ${reason}`);
      for (const { reject } of this._waiting.values()) reject(new Error(`The WebSocket has ended (${code} ${reason}).`));
      this._waiting.clear();
    });
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve, { once: true });
      socket.addEventListener("error", () => reject(new Error("The WebSocket cannot be opened.")), { once: true });
    });
    this._log.note(`The WebSocket stands: ${this._url}`);
  }

  /** Enters the room that the token names. */
  async join() {
    const joined = await this._request({ type: "join", token: this._token });
    this._session = joined["session"];
  }

  /** Offers what the client sends, on a peer connection of its own. */
  async publish() {
    const { stream: media, stop } = drawnMedia();
    this._stopMedia = stop;
    this._own.srcObject = media;
    for (const track of media.getTracks()) this._publish.addTransceiver(track, { direction: "sendonly", streams: [media] });
    await this._publish.setLocalDescription();
    const sources = this._publish.getTransceivers().map(({ mid, sender }) => ({
      mid,
      source: sender.track?.kind === "audio" ? "microphone" : "camera",
    }));
    const offer = this._publish.localDescription?.sdp;
    const { answer } = await this._request({ type: "publish", offer, sources });
    await this._publish.setRemoteDescription({ type: "answer", sdp: answer });
    await connected(this._publish);
  }

  /** The bridge offers what others send, as soon as they do: `_take` answers. */
  async receive() {
    await connected(this._subscribe);
    await new Promise((resolve, reject) => {
      // Before the first picture, browsers show a black one of two pixels.
      const look = () => (this._echo.videoWidth > 2 ? resolve(null) : this._echo.requestVideoFrameCallback(look));
      this._echo.requestVideoFrameCallback(look);
      setTimeout(() => reject(new Error("The echo sends no picture.")), PICTURE_MS);
    });
  }

  /** Asks what the bridge counts. */
  async ask() {
    await this._request({ type: "get_stats" });
  }

  /** Loses the WebSocket and takes the session up again on another one: media goes on meanwhile. */
  async resume() {
    if (this._session === null) throw new Error("There is no session to resume.");
    const lost = this._socket;
    await new Promise((resolve) => {
      lost?.addEventListener("close", resolve, { once: true });
      // Any end but a leave is a lost network to the bridge.
      lost?.close(3000, "part of the demonstration");
    });
    await this.connect();
    const { id, secret } = this._session;
    await this._request({ type: "resume", session_id: id, secret });
  }

  /** Leaves for good. */
  async leave() {
    await this._request({ type: "leave" });
    this.end();
  }

  /** Lets go of everything, also of a session that failed half-way. Nothing sounds or is drawn any more. */
  end() {
    // What was sent and received stays in sight: a video without tracks goes black.
    for (const video of [this._own, this._echo]) video.pause();
    this._publish.close();
    this._subscribe.close();
    this._stopMedia();
    this._socket?.close(1000);
  }

  /**
   * @param {Message} message
   * @returns {Promise<Message>} the reply
   */
  _request(message) {
    const numbered = { ...message, id: this._nextId++ };
    return new Promise((resolve, reject) => {
      this._waiting.set(numbered.id, { resolve, reject });
      setTimeout(() => reject(new Error(`The bridge does not answer ${message["type"]}.`)), REPLY_MS);
      this._log.sent(numbered);
      this._socket?.send(JSON.stringify(numbered));
    });
  }

  /** @param {Message} message */
  _take(message) {
    this._log.received(message);
    const waiting = this._waiting.get(message["reply_to"]);
    if (waiting !== undefined) {
      this._waiting.delete(message["reply_to"]);
      if (message["type"] === "error") waiting.reject(new Error(`${message["code"]}: ${message["message"]}`));
      else waiting.resolve(message);
    } else if (message["type"] === "subscribe_offer") {
      void this._answer(message);
    }
  }

  /** @param {Message} offered */
  async _answer({ offer, negotiation }) {
    await this._subscribe.setRemoteDescription({ type: "offer", sdp: offer });
    await this._subscribe.setLocalDescription();
    try {
      await this._request({ type: "subscribe_answer", negotiation, answer: this._subscribe.localDescription?.sdp });
    } catch (error) {
      // A newer offer is on its way, or the WebSocket was lost: the bridge offers anew.
      this._log.note(String(error));
    }
  }
}

/** @param {RTCPeerConnection} connection */
async function connected(connection) {
  await new Promise((resolve, reject) => {
    const look = () => {
      if (connection.connectionState === "connected") resolve(null);
      if (connection.connectionState === "failed") reject(new Error("Media cannot reach the bridge."));
    };
    connection.addEventListener("connectionstatechange", look);
    look();
  });
}
