import assert from "node:assert/strict";
import { beforeEach, describe, it, mock } from "node:test";

import { LocalSource } from "../../web/sdk/src/index.js";
import { settle } from "./fake-socket.js";

class FakeTrack extends EventTarget {
  kind = "audio";
  enabled = true;
  muted = false;
  readyState = "live";

  stop() {
    this.readyState = "ended";
  }

  /** As a system does with the device that gives it. */
  setMuted(muted) {
    this.muted = muted;
    this.dispatchEvent(new Event(muted ? "mute" : "unmute"));
  }
}

describe("a device that the system takes away for a while", () => {
  let first;
  let opened;
  let busy;
  let given;
  let told;
  let sent;
  let source;

  beforeEach((context) => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    globalThis.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    context.after?.(() => {
      mock.timers.reset();
      delete globalThis.document;
    });
    first = new FakeTrack();
    [opened, told, sent] = [[], [], []];
    [busy, given] = [false, 0];
    const host = {
      replaceTrack: async (_, track) => sent.push(track),
      announce: async ({ muted, interrupted }) => told.push(muted ? "muted" : interrupted),
      remove: async () => undefined,
      progress: async () => given,
    };
    const open = async () => {
      if (busy) throw new Error("busy");
      opened.push(new FakeTrack());
      return opened.at(-1);
    };
    source = new LocalSource(host, "microphone", first, { open });
  });

  async function pass(seconds, perSecond) {
    for (let second = 0; second < seconds; second += 1) {
      await settle();
      if (given !== null) given += perSecond;
      mock.timers.tick(1000);
    }
    await settle();
  }

  it("is told to the others, and comes back by itself", async () => {
    first.setMuted(true);
    assert.equal(source.interrupted, true);
    await pass(60, 0);
    first.setMuted(false);
    await pass(10, 1);
    assert.deepEqual([told, opened.length, source.interrupted], [[true, false], 0, false]);
  });

  it("is opened anew where it is given back and gives nothing", async () => {
    first.setMuted(true);
    first.setMuted(false);
    await pass(10, 0);
    assert.deepEqual([sent, first.readyState, told], [opened, "ended", [true, false, true, false]]);
    assert.equal(opened.length, 1);
  });

  it("is opened anew where all it gives is what it had given before", async () => {
    first.setMuted(true);
    first.setMuted(false);
    await settle();
    given += 1;
    await pass(10, 0);
    assert.equal(opened.length, 1);
  });

  it("is opened anew where it is not given back to who is at the page again, once it can be", async () => {
    first.setMuted(true);
    busy = true;
    document.dispatchEvent(new Event("visibilitychange"));
    await pass(10, 0);
    assert.deepEqual([source.interrupted, first.readyState], [true, "live"]);
    busy = false;
    document.dispatchEvent(new Event("visibilitychange"));
    await pass(10, 0);
    assert.deepEqual([source.interrupted, sent, told], [false, opened, [true, false]]);
  });

  it("is left alone where the browser does not say whether it gives anything, and while it is muted by its owner", async () => {
    given = null;
    first.setMuted(true);
    first.setMuted(false);
    await pass(10, 0);
    given = 0;
    await source.mute();
    first.setMuted(true);
    first.setMuted(false);
    await pass(10, 0);
    assert.equal(opened.length, 0);
  });

  it("is opened anew by who unmutes it", async () => {
    await source.mute();
    first.setMuted(true);
    await source.unmute();
    assert.deepEqual([source.interrupted, sent], [false, opened]);
    assert.deepEqual([opened.length, opened[0].enabled], [1, true]);
  });

  it("does not matter any more when another one took its place", async () => {
    first.setMuted(true);
    await source.switchDevice("other");
    assert.deepEqual([source.interrupted, told], [false, [true, false]]);
    first.setMuted(false);
    await pass(10, 0);
    assert.equal(opened.length, 1);
  });
});
