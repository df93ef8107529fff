/** How long a connection is left on TCP before UDP is tried again: milliseconds; twice as long each time, up to the other. */
const FIRST = 60_000;
const LONGEST = 15 * 60_000;
/** How long one has to stand on UDP until that counts as mended, and trouble as new: milliseconds. */
const MENDED = 5 * 60_000;

/**
 * Brings a connection back to UDP that had to leave it in mid-call: no browser looks back by itself, and over TCP each packet
 * that a line loses holds up all that come after it.
 *
 * It is tried by an ICE restart, which costs nothing where UDP is still out: media stays where it is. Where it works, and
 * is lost again, each time costs seconds of silence; so the next try comes later. What was never on UDP is left alone.
 */
export class UdpReturn {
  #restart;
  #clock;
  #wait = FIRST;
  /** @type {"udp" | "tcp" | null} */
  #protocol = null;
  #since = 0;
  #left = false;

  /**
   * @param {() => void} restart restarts ICE
   * @param {() => number} [clock] milliseconds
   */
  constructor(restart, clock = () => performance.now()) {
    this.#restart = restart;
    this.#clock = clock;
  }

  /**
   * To be told now and then what carries the connection.
   *
   * @param {"udp" | "tcp" | null} protocol null while nothing does
   * @param {boolean} offered whether the bridge would take UDP: not on paths that swallow long packets
   */
  look(protocol, offered) {
    if (protocol === null) return;
    const now = this.#clock();
    if (protocol !== this.#protocol) {
      this.#left ||= this.#protocol === "udp";
      this.#protocol = protocol;
      this.#since = now;
    }
    const lasted = now - this.#since;
    if (protocol === "udp" && lasted >= MENDED) this.#wait = FIRST;
    if (protocol !== "tcp" || !this.#left || !offered || lasted < this.#wait) return;
    this.#since = now;
    this.#wait = Math.min(2 * this.#wait, LONGEST);
    this.#restart();
  }
}

/**
 * Whether the other side names candidates over UDP (RFC 8839, section 5.1).
 *
 * @param {RTCPeerConnection | null} connection
 */
export function offersUdp(connection) {
  return /^a=candidate:\S+ \d+ udp /im.test(connection?.remoteDescription?.sdp ?? "");
}
