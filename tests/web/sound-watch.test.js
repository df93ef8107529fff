import assert from "node:assert/strict";
import { beforeEach, describe, it, mock } from "node:test";

import { SoundWatch } from "../../web/sdk/src/sound-watch.js";
import { settle } from "./fake-socket.js";

describe("SoundWatch", () => {
  let packets;
  let watch;
  let changes;

  beforeEach((context) => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setInterval"] });
    context.after?.(() => mock.timers.reset());
    packets = 100;
    changes = [];
    watch = new SoundWatch(async () => packets);
    watch.on("change", () => changes.push(watch.flows));
    watch.watching = true;
  });

  async function pass(seconds, packetsPerSecond) {
    for (let half = 0; half < seconds * 2; half += 1) {
      if (packets !== null) packets += packetsPerSecond / 2;
      mock.timers.tick(500);
      await settle();
    }
  }

  it("says within a second and a half that no sound arrives, and at once that it does again", async () => {
    await pass(3, 50);
    assert.deepEqual(changes, []);
    await pass(1.5, 0);
    assert.deepEqual(changes, [false]);
    await pass(0.5, 50);
    assert.deepEqual(changes, [false, true]);
  });

  it("takes the few packets of somebody silent for sound", async () => {
    await pass(5, 2);
    assert.equal(watch.flows, true);
  });

  it("says nothing where nobody may be heard, nor when it does not watch", async () => {
    packets = null;
    await pass(5, 0);
    assert.equal(watch.flows, true);
    packets = 100;
    await pass(5, 0);
    assert.equal(watch.flows, false);
    watch.watching = false;
    assert.deepEqual(changes, [false, true]);
    await pass(5, 0);
    assert.equal(watch.flows, true);
  });
});
