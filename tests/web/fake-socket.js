/**
 * A WebSocket whose other end is the test: what was sent is in `sent`, and the test says what arrives.
 */
export class FakeSocket extends EventTarget {
  readyState = 0;
  /** @type {any[]} */
  sent = [];

  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  /** @param {object} message */
  deliver(message) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  /** Answers the newest request. @param {object} reply */
  reply(reply) {
    this.deliver({ reply_to: this.sent.at(-1).id, ...reply });
  }

  /** @param {number} code */
  end(code) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  close() {
    this.end(1000);
  }
}

/** Lets everything that is ready to run do so, without waiting for any clock. */
export async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
