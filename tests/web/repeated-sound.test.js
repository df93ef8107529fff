import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { soundToOffer } from "../../web/sdk/src/codecs.js";
import { RepeatedSound } from "../../web/sdk/src/repeated-sound.js";

const LOSSY = { lostAtFirst: 0.03, available: 250_000, roundTrip: 0.08 };
const CLEAN = { ...LOSSY, lostAtFirst: 0 };

/** @param {RepeatedSound} sound @param {{ lostAtFirst: number, available: number | null, roundTrip: number | null }[]} measured */
const after = (sound, measured) => {
  for (const each of measured) sound.measure(each);
  return sound.wanted;
};

describe("RepeatedSound", () => {
  it("is wanted on a line that goes on losing, until it has not for half a minute", () => {
    const sound = new RepeatedSound();
    assert.equal(after(sound, [LOSSY]), false, "one measurement is no measurement");
    assert.equal(after(sound, [LOSSY]), true);
    assert.equal(after(sound, [...Array(14).fill(CLEAN), LOSSY, ...Array(14).fill(CLEAN)]), true);
    assert.equal(after(sound, Array(10).fill(CLEAN)), false);
  });

  it("is wanted where a line loses by chance, though none is lost in some measurements", () => {
    const lost = [0.045, 0.01, 0.02, 0, 0.04, 0.01, 0.03, 0.05];
    assert.equal(after(new RepeatedSound(), lost.map((lostAtFirst) => ({ ...LOSSY, lostAtFirst }))), true);
  });

  it("is not for what a line drops that has become too thin, or whose queue is full for a moment", () => {
    const fallen = [{ ...CLEAN, available: 1_100_000 }, { ...LOSSY, lostAtFirst: 0.2, available: 230_000 }, LOSSY, LOSSY, LOSSY];
    assert.equal(after(new RepeatedSound(), [...fallen, ...Array(5).fill(CLEAN)]), false);
    const full = { ...LOSSY, lostAtFirst: 0.2, roundTrip: 0.3 };
    assert.equal(after(new RepeatedSound(), [CLEAN, full, LOSSY, LOSSY, LOSSY, ...Array(5).fill(CLEAN)]), false);
    assert.equal(after(new RepeatedSound(), [CLEAN, ...Array(12).fill(full)]), true, "somebody else keeps it full");
    assert.equal(after(new RepeatedSound(), [...fallen, ...Array(5).fill(LOSSY)]), true, "and loses by chance as well");
  });

  it("is not where the line carries too little, nor where nobody knows what it carries", () => {
    const sound = new RepeatedSound();
    const thin = { ...LOSSY, available: 100_000 };
    const between = { ...LOSSY, available: 130_000 };
    assert.equal(after(sound, [...Array(5).fill(thin), between]), false);
    assert.equal(after(sound, [LOSSY, between, between, thin]), true);
    assert.equal(after(sound, [thin]), false);
    assert.equal(after(sound, [between, between]), false);
    assert.equal(after(new RepeatedSound(), Array(3).fill({ ...LOSSY, available: null })), false);
  });

  it("takes no more than half as much again on a thin line, whose pictures are held to the rest", () => {
    const sound = new RepeatedSound();
    assert.deepEqual([sound.bitrate, sound.displaces, sound.onTheWire(32_000)], [Infinity, false, 45_000]);
    after(sound, [LOSSY, LOSSY]);
    assert.deepEqual([sound.bitrate, sound.displaces, sound.onTheWire(32_000)], [20_000, true, 53_000]);
    after(sound, [{ ...LOSSY, available: 800_000 }]);
    assert.deepEqual([sound.bitrate, sound.displaces, sound.onTheWire(32_000)], [Infinity, false, 77_000]);
  });

  it("is not beside several pictures on a thin line, which could not be held to the rest", () => {
    const sound = new RepeatedSound();
    for (const available of [250_000, 250_000, 250_000]) sound.measure({ ...LOSSY, available }, true);
    assert.equal(sound.wanted, false);
    sound.measure({ ...LOSSY, available: 800_000 }, true);
    assert.equal(sound.wanted, true);
  });
});

describe("soundToOffer", () => {
  const codecs = ["audio/opus", "audio/red", "audio/PCMU"].map((mimeType) => ({ mimeType, clockRate: 48_000 }));
  const offered = (/** @type {boolean} */ repeated) => soundToOffer(codecs, repeated).map(({ mimeType }) => mimeType);

  it("has repeated sound first where it is wanted, and all else as the browser has it", () => {
    assert.deepEqual(offered(true), ["audio/red", "audio/opus", "audio/PCMU"]);
    assert.deepEqual(offered(false), ["audio/opus", "audio/red", "audio/PCMU"]);
  });

  it("leaves alone what cannot repeat", () => {
    assert.deepEqual(soundToOffer([{ mimeType: "audio/opus", clockRate: 48_000 }], true), []);
  });
});
