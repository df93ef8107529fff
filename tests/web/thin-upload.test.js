import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { SourceSender } from "../../web/sdk/src/source-sender.js";
import { ThinUpload } from "../../web/sdk/src/thin-upload.js";

/** What is sent at the least with each, headers included: bit/s. */
const TAKES = { full: 85_000, reduced: 58_000, stills: 46_000, paused: 34_000 };
const ROUND_TRIP = 0.08;

/**
 * Measures a line of so many bit/s, with a queue of half a second, as Chromium does. A line that loses by nature loses `loses`.
 *
 * @param {ThinUpload} upload
 * @param {number} rate
 * @param {number} measurements
 */
function over(upload, rate, measurements, loses = 0) {
  const seen = [];
  for (let count = 0; count < measurements; count += 1) {
    const takes = TAKES[upload.upload];
    const full = takes > rate;
    const lost = Math.max(loses, full ? (takes - rate) / takes : 0);
    const available = full ? 49_733 : Math.min(rate, takes * 1.5 + 10_000);
    upload.measure({ available, lost, roundTrip: full ? ROUND_TRIP + 0.5 : ROUND_TRIP });
    seen.push(upload.upload);
  }
  return seen;
}

/** @param {string[]} seen */
const changes = (seen) => seen.filter((each, index) => index > 0 && each !== seen[index - 1]).length;

describe("ThinUpload", () => {
  it("leaves lines alone that carry sound and a small picture", () => {
    for (const rate of [100_000, 150_000, 300_000, 2_000_000]) {
      assert.deepEqual([...new Set(over(new ThinUpload(), rate, 300))], ["full"], String(rate));
    }
    assert.deepEqual([...new Set(over(new ThinUpload(), 300_000, 300, 0.1))], ["full"], "one that loses a tenth");
  });

  it("is not begun by one bad measurement", () => {
    const upload = new ThinUpload();
    over(upload, 150_000, 3);
    over(upload, 64_000, 1);
    over(upload, 150_000, 1);
    over(upload, 64_000, 1);
    assert.equal(upload.upload, "full");
  });

  it("gives up at once what costs sound, and what is needed one after the other", () => {
    const upload = new ThinUpload();
    over(upload, 150_000, 1);
    assert.deepEqual(over(upload, 64_000, 2), ["full", "stills"]);
    assert.equal(over(upload, 40_000, 6).at(-1), "paused");
    const slowly = new ThinUpload();
    over(slowly, 150_000, 1);
    assert.deepEqual(over(slowly, 83_000, 2), ["full", "reduced"], "a queue alone costs no sound");
  });

  it("does not flap where the line stays thin, and goes on with what it carries", () => {
    for (const rate of [40_000, 50_000, 64_000, 75_000]) {
      const upload = new ThinUpload();
      over(upload, 300_000, 1);
      const seen = over(upload, rate, 300);
      assert.ok(changes(seen) <= 40, `${rate}: ${changes(seen)} changes in ten minutes`);
      const worse = seen.filter((each) => TAKES[each] > rate).length;
      assert.ok(worse <= 50, `${rate}: too much for ${worse} of 300 measurements`);
    }
  });

  it("comes back by itself, however long the line was thin", () => {
    for (const thin of [20_000, 50_000, 64_000]) {
      for (const loses of [0, 0.1]) {
        const upload = new ThinUpload();
        over(upload, 300_000, 1);
        over(upload, thin, 300);
        over(upload, 1_000_000, 80, loses);
        assert.equal(upload.upload, "full", `${thin}, ${loses}`);
      }
    }
  });

  it("goes by loss and queue together where nobody estimates the line", () => {
    const measured = { available: null, lost: 0, roundTrip: 0.1 };
    const upload = new ThinUpload();
    for (let count = 0; count < 9; count += 1) upload.measure({ ...measured, lost: 0.1 });
    for (let count = 0; count < 9; count += 1) upload.measure({ ...measured, roundTrip: 0.8 });
    assert.equal(upload.upload, "full");
    for (let count = 0; count < 2; count += 1) upload.measure({ ...measured, lost: 0.1, roundTrip: 0.8 });
    assert.equal(upload.upload, "stills");
  });
});

describe("SourceSender with a bound", () => {
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const sender = () => ({
    parameters: { encodings: [{ rid: "q" }, { rid: "h" }] },
    getParameters() {
      return structuredClone(this.parameters);
    },
    async setParameters(parameters) {
      this.parameters = parameters;
    },
  });

  it("sends the smallest encoding alone, no more of it, and all again afterwards", async () => {
    const fake = sender();
    const source = new SourceSender(fake);
    await source.send("camera", { width: 640, height: 360 }, undefined);
    const usual = structuredClone(fake.parameters.encodings);
    source.bound({ bitrate: 12_000, frames: 1 });
    await settle();
    const [q, h] = fake.parameters.encodings;
    assert.deepEqual([q.active, q.maxBitrate, q.maxFramerate, h.active], [true, 12_000, 1, false]);
    source.bound({ bitrate: 0, frames: 0 });
    await settle();
    assert.deepEqual(fake.parameters.encodings.map(({ active }) => active), [false, false]);
    source.bound({ bitrate: Infinity, frames: Infinity });
    await settle();
    assert.deepEqual(fake.parameters.encodings, usual);
  });

  it("sends nothing that nobody receives, and the smallest where only a larger one is asked for", async () => {
    const fake = sender();
    const source = new SourceSender(fake);
    await source.send("camera", { width: 640, height: 360 }, undefined);
    source.bound({ bitrate: 12_000, frames: 1 });
    const encoding = { active: false, spare: false };
    source.want({ encodings: [{ ...encoding, rid: "q" }, { ...encoding, rid: "h", active: true }], max_bitrate: null });
    await settle();
    assert.deepEqual(fake.parameters.encodings.map(({ active }) => active), [true, false]);
    source.want({ encodings: [{ ...encoding, rid: "q" }, { ...encoding, rid: "h" }], max_bitrate: null });
    await settle();
    assert.deepEqual([source.wanted, ...fake.parameters.encodings.map(({ active }) => active)], [false, false, false]);
  });
});
