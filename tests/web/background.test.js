import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Pace, RATES } from "../../web/client/blur/pace.js";
import { mainPicture } from "../../web/client/main-picture.js";
import { LocalSource, deriveTrack, originOf, releaseTrack } from "../../web/sdk/src/index.js";

class FakeTrack extends EventTarget {
  kind = "video";
  enabled = true;
  readyState = "live";
  settings = {};
  capabilities = {};
  constraints = { width: { ideal: 1280 } };
  /** What it was asked for. */
  asked = [];

  getSettings() {
    return this.settings;
  }

  getCapabilities() {
    return this.capabilities;
  }

  getConstraints() {
    return this.constraints;
  }

  async applyConstraints(constraints) {
    this.asked.push(constraints);
    if (this.capabilities.backgroundBlur?.includes(constraints.backgroundBlur)) this.settings.backgroundBlur = constraints.backgroundBlur;
  }

  stop() {
    this.readyState = "ended";
  }
}

/** A picture made of a camera's. */
function derived(camera) {
  const track = new FakeTrack();
  deriveTrack(track, camera);
  return track;
}

describe("a track that is made of a camera's", () => {
  it("is released with the camera, which goes on while something else is made of it", () => {
    const camera = new FakeTrack();
    const blurred = derived(camera);
    assert.equal(originOf(blurred), camera);
    releaseTrack(blurred, camera);
    assert.deepEqual([blurred.readyState, camera.readyState], ["ended", "live"]);
    releaseTrack(camera, derived(camera));
    assert.equal(camera.readyState, "live");
    releaseTrack(derived(camera));
    assert.equal(camera.readyState, "ended");
  });

  it("takes the camera's place in a call and back, ends when that is unplugged, and goes with it when it is muted", async () => {
    const camera = new FakeTrack();
    const sent = [];
    const host = { replaceTrack: async (_, track) => sent.push(track), announce: async () => undefined, remove: async () => undefined };
    const source = new LocalSource(host, "camera", camera, { open: async () => new FakeTrack() });
    let ended = 0;
    source.on("ended", () => (ended += 1));
    const blurred = derived(camera);
    await source.replace(blurred);
    camera.dispatchEvent(new Event("ended"));
    await source.replace(camera);
    assert.deepEqual([sent, camera.readyState, blurred.readyState, ended], [[blurred, camera], "live", "ended", 1]);
    await source.replace(derived(camera));
    await source.mute();
    assert.equal(camera.readyState, "ended");
  });
});

describe("Pace", () => {
  /** Feeds it pictures that each take as long, for so many milliseconds; returns the pictures made. */
  function feed(pace, each, from, milliseconds) {
    let made = 0;
    for (let now = from; now < from + milliseconds; now += 1000 / 30) {
      if (!pace.due(now)) continue;
      made += 1;
      pace.took(each, now);
    }
    return made;
  }

  it("makes each picture of a device that is fast", () => {
    const pace = new Pace();
    assert.ok(feed(pace, 8, 0, 10_000) >= 295);
    assert.equal(pace.rate, RATES[0]);
  });

  it("makes fewer when each takes long, and more again after a while with ease", () => {
    const pace = new Pace();
    feed(pace, 45, 0, 7_000);
    assert.equal(pace.rate, 12);
    assert.ok(feed(pace, 45, 7_000, 3_000) <= 37);
    feed(pace, 10, 10_000, 40_000);
    assert.equal(pace.rate, RATES[0]);
    assert.equal(pace.hopeless, false);
  });

  it("gives up on a device that does not keep the lowest rate, and not for a hitch", () => {
    const pace = new Pace();
    feed(pace, 140, 0, 16_000);
    assert.equal(pace.hopeless, false);
    feed(pace, 20, 16_000, 3_500);
    feed(pace, 140, 19_500, 7_000);
    assert.equal(pace.hopeless, false, "it began anew");
    feed(pace, 140, 26_500, 15_000);
    assert.equal(pace.hopeless, true);
  });
});

describe("background", () => {
  const stored = new Map();
  const localStorage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
    removeItem: (key) => stored.delete(key),
  };
  globalThis.window = { localStorage };
  let background;

  beforeEach(async () => {
    stored.clear();
    ({ background } = await import("../../web/client/background.js"));
    background.set(false);
  });

  it("leaves a camera alone that nobody wants blurred, whatever it does by itself", async () => {
    const camera = new FakeTrack();
    assert.equal(await background.applyTo(camera), camera);
    assert.deepEqual(camera.asked, []);
  });

  it("has the camera do it where that can, with what was asked of it before, and turns off what it turned on", async () => {
    const camera = new FakeTrack();
    camera.capabilities = { backgroundBlur: [false, true] };
    background.set(true);
    assert.equal(await background.applyTo(camera), camera);
    assert.deepEqual(camera.asked, [{ width: { ideal: 1280 }, backgroundBlur: true }]);
    assert.deepEqual(background.stateOf(camera), { on: true, fixed: false, byDevice: true });
    background.set(false);
    await background.applyTo(camera);
    assert.equal(camera.settings.backgroundBlur, false);
  });

  it("says that a system does it where that alone decides", async () => {
    const camera = new FakeTrack();
    camera.capabilities = { backgroundBlur: [true] };
    camera.settings = { backgroundBlur: true };
    assert.deepEqual(background.stateOf(camera), { on: true, fixed: true, byDevice: true });
    background.set(true);
    assert.equal(await background.applyTo(camera), camera, "nothing is left to do");
  });

  it("is to be applied anew when the system changes its mind", async () => {
    const camera = new FakeTrack();
    await background.applyTo(camera);
    let changes = 0;
    background.addEventListener("change", () => (changes += 1));
    camera.dispatchEvent(new Event("configurationchange"));
    assert.equal(changes, 1);
  });

  it("shows nothing where it cannot be done", async () => {
    const camera = new FakeTrack();
    background.set(true);
    await assert.rejects(background.applyTo(camera), { code: "blur_failed" });
    assert.equal(camera.readyState, "ended");
  });

  it("is remembered", () => {
    background.set(true);
    assert.equal(stored.get("bridge.blur"), "true");
  });
});

describe("mainPicture", () => {
  const track = {};
  const person = (id, sources = {}) => ({ id, source: (name) => sources[name] ?? null });
  const seen = { camera: { track, muted: false } };

  it("is nobody's where nobody is", () => {
    assert.equal(mainPicture([], null, null), null);
  });

  it("is of the one who is pinned, else what is shared, else of who speaks, else the first with a picture", () => {
    const dark = person("dark");
    const bright = person("bright", seen);
    const sharing = person("sharing", { ...seen, screen: { track, muted: false } });
    const speaking = person("speaking", seen);
    const all = [dark, bright, sharing, speaking];
    assert.equal(mainPicture(all, "speaking", "dark").participant, dark);
    assert.equal(mainPicture(all, "speaking", "gone").screen, sharing.source("screen"));
    assert.equal(mainPicture([dark, bright, speaking], "speaking", null).participant, speaking);
    assert.equal(mainPicture([dark, bright], "speaking", null).participant, bright);
    assert.equal(mainPicture([dark], null, null).participant, dark);
  });
});
