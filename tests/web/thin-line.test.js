import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { LongFrames } from "../../web/sdk/src/long-frames.js";
import { SourceSender } from "../../web/sdk/src/source-sender.js";
import { ThinLine } from "../../web/sdk/src/thin-line.js";

const Q = { active: true, spare: true, usual: 110_000, bitrate: 110_000 };
const H = { active: true, spare: false, usual: 400_000, bitrate: 200_000 };
const F = { active: false, spare: false, usual: 1_500_000, bitrate: 200_000 };

/** @param {ThinLine} line @param {number[]} measured */
const after = (line, measured, wanted = [Q, H, F]) => {
  for (const available of measured) line.measure(available, wanted);
  return line.thin;
};

describe("ThinLine", () => {
  it("spends a line that does not carry both on the one that is needed", () => {
    const line = new ThinLine();
    assert.equal(after(line, [200_000]), false, "one measurement is no measurement");
    assert.equal(after(line, [200_000]), true);
    assert.equal(after(line, [275_000, 275_000]), true);
    assert.equal(after(line, [290_000, 200_000, 290_000]), true);
    assert.equal(after(line, [290_000, 290_000]), false);
  });

  it("does not where the line carries both, or not even that one", () => {
    assert.equal(after(new ThinLine(), [400_000, 400_000, 400_000]), false);
    assert.equal(after(new ThinLine(), [120_000, 120_000, 120_000]), false);
  });

  it("gives up what makes no good picture unless it was for a moment, and at once what makes none or is not asked for", () => {
    const line = new ThinLine();
    after(line, [200_000, 200_000]);
    assert.equal(after(line, [100_000, 130_000, 100_000]), true);
    assert.equal(after(line, [100_000]), false);
    after(line, [200_000, 200_000]);
    assert.equal(after(line, [70_000]), false);
    after(line, [200_000, 200_000]);
    assert.equal(after(line, [200_000], [{ ...Q, spare: false }, { ...H, spare: true }, F]), false);
  });

  it("does nothing where all are needed, and with one encoding", () => {
    assert.equal(after(new ThinLine(), [200_000, 200_000], [{ ...Q, spare: false }, H, F]), false);
    assert.equal(after(new ThinLine(), [200_000, 200_000], [{ ...H, usual: 1_500_000 }]), false);
  });
});

describe("SourceSender on a thin line", () => {
  const sender = () => ({
    parameters: { encodings: [{ rid: "q" }, { rid: "h" }] },
    getParameters() {
      return structuredClone(this.parameters);
    },
    async setParameters(parameters) {
      this.parameters = parameters;
    },
    get active() {
      return this.parameters.encodings.filter(({ active }) => active).map(({ rid }) => rid);
    },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const wanted = {
    encodings: [{ rid: "q", active: true, spare: true }, { rid: "h", active: true, spare: false }],
    max_bitrate: 200_000,
  };

  it("leaves the spare encoding out, keeps the size of the other, and takes both back", async () => {
    const fake = sender();
    const source = new SourceSender(fake);
    await source.send("camera", { width: 640, height: 360 }, undefined);
    source.want(wanted);
    for (let measurement = 0; measurement < 2; measurement += 1) source.carries(190_000);
    await settle();
    assert.deepEqual(fake.active, ["h"]);
    assert.equal(fake.parameters.degradationPreference, "maintain-resolution");
    for (let measurement = 0; measurement < 2; measurement += 1) source.carries(900_000);
    await settle();
    assert.deepEqual(fake.active, ["q", "h"]);
    assert.equal("degradationPreference" in fake.parameters, false);
  });

  it("is held to what is left, all encodings together, and let go", async () => {
    const fake = sender();
    const source = new SourceSender(fake);
    await source.send("camera", { width: 640, height: 360 }, undefined);
    const rates = async (/** @type {number} */ rest) => {
      source.hold(rest);
      await settle();
      return fake.parameters.encodings.map(({ maxBitrate }) => maxBitrate);
    };
    assert.deepEqual(await rates(350_000), [110_000, 240_000]);
    assert.deepEqual(await rates(345_000), [110_000, 240_000], "nothing worth telling");
    assert.deepEqual(await rates(200_000), [110_000, 160_000], "less of it would be sent, and poor");
    assert.deepEqual(await rates(-5_000), [30_000, 160_000]);
    assert.deepEqual(await rates(Infinity), [110_000, 400_000]);
    source.want({ ...wanted, max_bitrate: null });
    for (let measurement = 0; measurement < 2; measurement += 1) source.carries(190_000);
    assert.equal((await rates(190_000))[1], 190_000, "the only one may have all of it");
  });

  it("sends the smallest to save data, whatever is spare", async () => {
    const fake = sender();
    const source = new SourceSender(fake);
    await source.send("camera", { width: 640, height: 360 }, undefined);
    source.want(wanted);
    source.carries(190_000);
    source.carries(190_000);
    source.save(true);
    await settle();
    assert.deepEqual(fake.active, ["q"]);
  });
});

describe("LongFrames", () => {
  /** @param {LongFrames} frames @param {number[]} measured */
  const after = (frames, measured) => {
    for (const available of measured) frames.measure(available);
    return frames.wanted;
  };

  it("are wanted on a line that carries little beside sound, until it carries a good deal more", () => {
    const frames = new LongFrames();
    assert.equal(after(frames, [84_400]), false, "one measurement is no measurement");
    assert.equal(after(frames, [84_400]), true);
    assert.equal(after(frames, [150_000, 150_000, 170_000, 150_000]), true);
    assert.equal(after(frames, [170_000, 170_000]), false);
    assert.equal(after(frames, [120_000, 120_000]), false);
  });

  it("are asked of the browser, and taken back", async () => {
    const fake = {
      encodings: [{ maxBitrate: 32_000 }],
      getParameters() {
        return { encodings: structuredClone(this.encodings) };
      },
      async setParameters({ encodings }) {
        this.encodings = encodings;
      },
    };
    const source = new SourceSender(fake);
    await source.send("microphone", null, undefined);
    assert.equal("adaptivePtime" in fake.encodings[0], false);
    for (const bitrate of [84_400, 84_400]) source.shares(bitrate);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(fake.encodings[0].adaptivePtime, true);
    for (const bitrate of [300_000, 300_000]) source.shares(bitrate);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(fake.encodings[0].adaptivePtime, false);
    source.want({ encodings: [{ rid: null, active: true, spare: false }], max_bitrate: 12_000 });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(fake.encodings, [{ maxBitrate: 12_000, active: true, adaptivePtime: true }], "somebody's line is thin");
    source.want({ encodings: [{ rid: null, active: true, spare: false }], max_bitrate: 20_000 });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(fake.encodings, [{ maxBitrate: 20_000, active: true, adaptivePtime: false }], "or has it repeated");
  });
});
