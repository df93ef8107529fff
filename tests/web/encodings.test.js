import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { encodingsFor, fitted, withoutScalability } from "../../web/sdk/src/encodings.js";
import { SourceSender } from "../../web/sdk/src/source-sender.js";

const HD = { width: 1280, height: 720 };

/** What of encodings decides which picture is sent. */
const shape = (encodings) => encodings.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]);

describe("encodingsFor", () => {
  it("sends a camera in as many sizes as the capture is worth, smallest first", () => {
    assert.deepEqual(shape(encodingsFor("camera", HD)), [["q", 4], ["h", 2], ["f", 1]]);
    assert.deepEqual(shape(encodingsFor("camera", { width: 720, height: 1280 })), [["q", 4], ["h", 2], ["f", 1]]);
    assert.deepEqual(shape(encodingsFor("camera", { width: 640, height: 360 })), [["q", 2], ["h", 1]]);
    assert.deepEqual(shape(encodingsFor("camera", { width: 320, height: 180 })), [[undefined, undefined]]);
  });

  it("takes a capture that does not say its size for the usual one", () => {
    assert.deepEqual(encodingsFor("camera", null), encodingsFor("camera", HD));
    assert.deepEqual(encodingsFor("camera", {}), encodingsFor("camera", HD));
  });

  it("keeps a small layer small enough for a thin line", () => {
    const [smallest, middle] = encodingsFor("camera", HD);
    assert.ok(smallest.maxBitrate + middle.maxBitrate < 600_000);
    assert.ok(smallest.maxBitrate <= 120_000);
  });

  it("holds the sizes in one stream where the codec can", () => {
    const modes = (size) => encodingsFor("camera", size, "VP9").map(({ rid, scalabilityMode }) => [rid, scalabilityMode]);
    assert.deepEqual(modes(HD), [[undefined, "L3T3_KEY"]]);
    assert.deepEqual(modes({ width: 640, height: 360 }), [[undefined, "L2T3_KEY"]]);
    assert.deepEqual(modes({ width: 320, height: 180 }), [[undefined, "L1T3"]]);
  });

  it("makes no screen smaller", () => {
    for (const encoding of encodingsFor("screen", HD)) assert.equal(encoding.scaleResolutionDownBy ?? 1, 1);
    assert.equal(encodingsFor("screen", HD, "AV1").length, 1);
  });

  it("limits sound", () => {
    assert.deepEqual(encodingsFor("microphone", null), [{ maxBitrate: 32_000 }]);
  });
});

describe("fitted", () => {
  it("does not send what a smaller picture has no use for", () => {
    const [small, middle, surplus] = fitted(encodingsFor("camera", { width: 640, height: 360 }), 3);
    assert.deepEqual([small.active, middle.active, surplus.active], [true, true, false]);
  });

  it("keeps the largest where there are too few", () => {
    assert.deepEqual(shape(fitted(encodingsFor("camera", HD), 1)), [["f", 1]]);
  });
});

it("withoutScalability leaves the rest as it was", () => {
  const [first] = withoutScalability(encodingsFor("camera", HD));
  assert.equal("scalabilityMode" in first, false);
  assert.equal(first.rid, "q");
});

/** A sender that refuses scalability modes where `plain` is set. */
class FakeSender {
  encodings;
  plain;
  degradationPreference;
  set = 0;

  constructor(rids, plain = false) {
    this.encodings = rids.map((rid) => (rid === null ? {} : { rid }));
    this.plain = plain;
  }

  getParameters() {
    return { encodings: this.encodings.map((encoding) => ({ ...encoding })) };
  }

  async setParameters({ encodings, degradationPreference }) {
    if (this.plain && encodings.some(({ scalabilityMode }) => scalabilityMode)) throw new Error("no such mode");
    this.encodings = encodings;
    this.degradationPreference = degradationPreference;
    this.set += 1;
  }

  get active() {
    return this.encodings.filter(({ active }) => active).map(({ rid }) => rid ?? null);
  }
}

const wanted = (...pairs) => ({ encodings: pairs.map(([rid, active]) => ({ rid, active })), max_bitrate: null });
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("SourceSender", () => {
  it("stops the encodings that nobody receives and starts them again", async () => {
    const fake = new FakeSender(["q", "h", "f"]);
    const sender = new SourceSender(fake);
    await sender.send("camera", HD, undefined);
    assert.deepEqual(fake.active, ["q", "h", "f"]);
    sender.want(wanted(["q", true], ["h", false], ["f", false]));
    await settle();
    assert.deepEqual(fake.active, ["q"]);
    sender.want(wanted(["q", false], ["h", false], ["f", true]));
    await settle();
    assert.deepEqual(fake.active, ["f"]);
  });

  it("sends no more of any encoding than somebody's line takes", async () => {
    const fake = new FakeSender(["q", "h"]);
    const sender = new SourceSender(fake);
    await sender.send("camera", { width: 640, height: 360 }, undefined);
    const usual = fake.encodings.map(({ maxBitrate }) => maxBitrate);
    sender.want({ ...wanted(["q", true], ["h", true]), max_bitrate: 200_000 });
    await settle();
    assert.deepEqual(fake.encodings.map(({ maxBitrate }) => maxBitrate), [usual[0], 200_000]);
    sender.want(wanted(["q", true], ["h", true]));
    await settle();
    assert.deepEqual(fake.encodings.map(({ maxBitrate }) => maxBitrate), usual);
  });

  it("does not start what the picture is too small for, nor forgets what is wanted when the picture changes", async () => {
    const fake = new FakeSender(["q", "h", "f"]);
    const sender = new SourceSender(fake);
    await sender.send("camera", { width: 640, height: 360 }, undefined);
    sender.want(wanted(["q", true], ["h", false], ["f", true]));
    await settle();
    assert.deepEqual(fake.active, ["q"]);
    await sender.send("camera", HD, undefined);
    assert.deepEqual(fake.active, ["q", "f"]);
    assert.deepEqual(shape(fake.encodings), [["q", 4], ["h", 2], ["f", 1]]);
  });

  it("tells encodings without RID apart by their place", async () => {
    const fake = new FakeSender([null]);
    const sender = new SourceSender(fake);
    await sender.send("camera", HD, "VP9");
    sender.want(wanted([null, false]));
    await settle();
    assert.deepEqual(fake.active, []);
  });

  it("goes on without scalability modes where the browser refuses them", async () => {
    const fake = new FakeSender(["q", "h", "f"], true);
    await new SourceSender(fake).send("camera", HD, undefined);
    assert.deepEqual(fake.active, ["q", "h", "f"]);
    assert.equal(fake.encodings[0].scalabilityMode, undefined);
  });

  it("keeps the size of a screen, whose text must be read", async () => {
    const fake = new FakeSender(["l", "f"]);
    await new SourceSender(fake).send("screen", HD, undefined);
    assert.equal(fake.degradationPreference, "maintain-resolution");
  });

  it("does not care for a sender that has ended", async () => {
    const fake = new FakeSender(["q"]);
    fake.setParameters = () => Promise.reject(new Error("stopped"));
    await new SourceSender(fake).send("camera", HD, undefined);
  });
});
