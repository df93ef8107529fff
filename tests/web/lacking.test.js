/**
 * The consultation page where something of the user's is missing: a device, the permission for it, storage, or a token that
 * has not ended.
 */
import assert from "node:assert/strict";
import { it } from "node:test";

import { inBrowsers } from "./open-page.js";

inBrowsers("the page that lacks something", (eachPage) => {
  let view;
  let page;
  eachPage((opened) => {
    view = opened;
    page = opened.page;
  });

  const until = (condition, value) => view.until(condition, value);
  const untilText = (selector, text) => view.untilText(selector, text);
  const press = (label) => view.press(label);

  async function open() {
    await page.goto(view.url);
    await page.waitForSelector("h1", { visible: true });
  }

  async function join() {
    await view.start();
    await until(() => fakeBridge.ownSources.length === 2);
  }

  it("lets those in whose browser keeps nothing for pages", async () => {
    await page.evaluateOnNewDocument(() => {
      for (const name of ["sessionStorage", "localStorage"])
        Object.defineProperty(window, name, { get: () => { throw new DOMException("no", "SecurityError"); } });
    });
    await join();
    assert.equal(await page.evaluate(() => location.href), `${view.origin}/join`);
  });

  it("says to whoever opens a link inside another app where it works", async () => {
    await page.evaluateOnNewDocument(() => Object.defineProperty(navigator, "mediaDevices", { value: undefined }));
    await open();
    await untilText("main", "Nettleseren kan ikke bruke kamera og mikrofon her");
    await untilText("main", "Åpne lenken i Chrome, Edge, Firefox eller Safari");
    await view.accessible();
    await press("Bli med uten kamera og mikrofon");
    await until(() => fakeBridge.received.some(({ type }) => type === "join"));
  });

  it("leaves the voice to whoever's camera is blocked, and asks nobody anew who has refused both", async () => {
    await view.page.evaluateOnNewDocument(() => {
      window.permissions = { camera: "denied", microphone: "granted" };
      window.asked = [];
      navigator.permissions.query = async ({ name }) => ({ state: window.permissions[name] });
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (constraints) => {
        window.asked.push(Object.keys(constraints).sort().join());
        const refused = ["camera", "microphone"].some((device, index) =>
          ["video", "audio"][index] in constraints && window.permissions[device] !== "granted");
        if (refused) throw new DOMException("no", "NotAllowedError");
        return open(constraints);
      };
    });
    await view.page.goto(view.url);
    await untilText("main", "Nettleseren har ikke lov til å bruke kameraet");
    assert.deepEqual(await page.evaluate(() => window.asked), ["audio,video", "audio"]);
    await page.evaluate(() => {
      window.permissions = { camera: "prompt", microphone: "prompt" };
      window.asked = [];
    });
    await press("Prøv igjen");
    await untilText("main", "Nettleseren har ikke lov til å bruke kamera og mikrofon");
    assert.deepEqual(await page.evaluate(() => window.asked), ["audio,video"]);
    await page.evaluate(() => (window.permissions = { camera: "denied", microphone: "granted" }));
    await press("Prøv igjen");
    await untilText("main", "Nettleseren har ikke lov til å bruke kameraet");
    await press("Bli med");
    await until(() => fakeBridge.ownSources.length === 1);
    assert.deepEqual(await page.evaluate(() => fakeBridge.ownSources.map(({ source }) => source)), ["microphone"]);
  });

  it("goes on with another microphone where one is unplugged, unless it was off", async () => {
    await page.evaluateOnNewDocument(() => {
      window.voices = [];
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (constraints) => {
        const stream = await open(constraints);
        window.voices.push(...stream.getAudioTracks());
        return stream;
      };
      // Firefox takes no event for a track that a script has made up.
      const unplugged = new Map();
      const listen = MediaStreamTrack.prototype.addEventListener;
      MediaStreamTrack.prototype.addEventListener = function (type, listener, ...options) {
        if (type === "ended") unplugged.set(this, listener);
        listen.call(this, type, listener, ...options);
      };
      window.unplug = () => {
        window.voices.at(-1).stop();
        unplugged.get(window.voices.at(-1))();
      };
    });
    await join();
    await until(() => document.querySelector("[aria-label='Slå av mikrofon']:not([disabled])"));
    await page.evaluate(() => window.unplug());
    await untilText("#notices", "Du høres nå med en annen mikrofon.");
    await until(() => fakeBridge.ownSources.some(({ source, muted }) => source === "microphone" && !muted));
    await press("Slå av mikrofon");
    await untilText("#notices", "Mikrofonen er av.");
    await page.evaluate(() => window.unplug());
    await until(() => !fakeBridge.ownSources.some(({ source }) => source === "microphone"));
    assert.equal(await page.evaluate(() => window.voices.length), 2);
  });

  it("comes back with the newest token that the bridge gave, and with the link's own where that is not taken", async () => {
    await page.evaluateOnNewDocument(() => (fakeBridge.token = "newest"));
    await join();
    await page.reload();
    await press("Bli med");
    const joins = () => page.evaluate(() => fakeBridge.received.filter(({ type }) => type === "join").map(({ token }) => token));
    await until(() => fakeBridge.ownSources.length === 2);
    assert.deepEqual(await joins(), ["newest"]);
    await page.reload();
    await page.evaluate(() => Object.assign(fakeBridge, { token: undefined, refusal: "token_expired", closeCode: 4401 }));
    await press("Bli med");
    await untilText("h1", "Lenken er utløpt");
    const [newest, own, ...more] = await joins();
    assert.equal(newest, "newest");
    assert.notEqual(own, "newest");
    assert.deepEqual(more, []);
  });
});
