import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { RepeatedSound } from "../../web/sdk/src/repeated-sound.js";
import { SourceSender } from "../../web/sdk/src/source-sender.js";

const LOSSY = { lostAtFirst: 0.03, available: 250_000 };
const CLEAN = { lostAtFirst: 0, available: 250_000 };

/** @param {RepeatedSound} sound @param {{ lostAtFirst: number, available: number | null }[]} measured */
const after = (sound, measured) => {
  for (const each of measured) sound.measure(each);
  return sound.wanted;
};

describe("RepeatedSound", () => {
  it("is wanted on a line that goes on losing, until it has not for half a minute", () => {
    const sound = new RepeatedSound();
    assert.equal(after(sound, [LOSSY, CLEAN, LOSSY]), false, "one measurement is no measurement");
    assert.equal(after(sound, [LOSSY]), true);
    assert.equal(after(sound, [...Array(14).fill(CLEAN), LOSSY, ...Array(14).fill(CLEAN)]), true);
    assert.equal(after(sound, [CLEAN]), false);
  });

  it("is not where the line carries too little, and is where nobody knows", () => {
    const sound = new RepeatedSound();
    assert.equal(after(sound, Array(5).fill({ ...LOSSY, available: 100_000 })), false);
    assert.equal(after(sound, [LOSSY, LOSSY]), true);
    assert.equal(after(sound, [{ ...LOSSY, available: 100_000 }]), false);
    assert.equal(after(new RepeatedSound(), Array(2).fill({ ...LOSSY, available: null })), true);
  });
});

describe("SourceSender on a line that loses", () => {
  const OPUS = { payloadType: 111, mimeType: "audio/opus", clockRate: 48_000, channels: 2, sdpFmtpLine: "minptime=10" };
  const RED = { payloadType: 63, mimeType: "audio/red", clockRate: 48_000, channels: 2, sdpFmtpLine: "111/111" };
  const { payloadType: _opus, ...opus } = OPUS;
  const { payloadType: _red, ...red } = RED;

  /** @param {object[]} codecs */
  const sender = (codecs) => ({
    encodings: [{}],
    getParameters() {
      return { encodings: structuredClone(this.encodings), codecs };
    },
    async setParameters({ encodings }) {
      this.encodings = encodings;
    },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  /** @param {object[]} codecs @param {"microphone" | "camera"} name */
  async function sent(codecs, name) {
    const fake = sender(codecs);
    const source = new SourceSender(fake);
    await source.send(name, null, undefined);
    /** @param {{ lostAtFirst: number, available: number }[]} measured */
    return async (measured) => {
      measured.forEach((each) => source.shares(each));
      await settle();
      return fake.encodings[0].codec;
    };
  }

  it("repeats its sound, and no longer once it loses nothing", async () => {
    const codecAfter = await sent([OPUS, RED], "microphone");
    assert.equal(await codecAfter([CLEAN]), undefined);
    assert.deepEqual(await codecAfter([LOSSY, LOSSY]), red);
    assert.deepEqual(await codecAfter(Array(15).fill(CLEAN)), opus);
  });

  it("does not where that was not negotiated, nor with pictures", async () => {
    assert.equal(await (await sent([OPUS], "microphone"))([LOSSY, LOSSY]), undefined);
    assert.equal(await (await sent([OPUS, RED], "camera"))([LOSSY, LOSSY]), undefined);
  });
});
