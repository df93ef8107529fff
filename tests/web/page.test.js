/**
 * The consultation page in real browsers, with a bridge inside the page (fake-bridge.js): what people see, do and hear
 * read out, in a call and when it fails.
 */
import assert from "node:assert/strict";
import { it } from "node:test";

import { inBrowsers } from "./open-page.js";

inBrowsers("the page", (eachPage, name) => {
  let view;
  let page;
  eachPage((opened) => {
    view = opened;
    page = opened.page;
  });

  const until = (condition, value) => view.until(condition, value);
  const untilText = (selector, text) => view.untilText(selector, text);
  const press = (label) => view.press(label);
  const sentTypes = () => page.evaluate(() => fakeBridge.received.map(({ type }) => type));

  async function open(url = view.url) {
    await page.goto(url);
    await page.waitForSelector("h1", { visible: true });
  }

  async function join() {
    await open();
    await until(() => document.querySelector(".preview video")?.videoWidth > 0);
    await press("Bli med");
    await until(() => fakeBridge.ownSources.length === 2);
  }

  /** @returns {Promise<string>} the participant's id, once its picture moves */
  async function meet(person = { name: "Kari Fastlege" }) {
    const id = await page.evaluate((who) => fakeBridge.addParticipant(who), person);
    await untilText(".tile-name", person.name);
    await until(() => [...document.querySelectorAll(".people video")].some((video) => video.videoWidth > 0));
    return id;
  }

  it("takes the token out of the address bar and keeps it for a reload", async () => {
    await open();
    assert.equal(await page.evaluate(() => location.href), `${view.origin}/join`);
    await untilText(".greeting", "Ola Nordmann");
    await page.reload();
    await untilText(".greeting", "Ola Nordmann");
    assert.deepEqual(await sentTypes(), []);
  });

  it("says what to do about a link without a token", async () => {
    await page.goto(`${view.origin}/join`);
    await untilText("h1", "Lenken mangler noe");
    await view.accessible();
  });

  it("says that a browser is too old for it", async () => {
    await page.evaluateOnNewDocument(() => delete window.RTCPeerConnection);
    await open();
    await untilText("h1", "Nettleseren er for gammel");
  });

  /** Of the files at addresses that match, so many of the first requests come to nothing. */
  async function lose(pattern, times = Infinity) {
    let left = times;
    await page.setRequestInterception(true);
    page.on("request", (request) => {
      const lost = pattern.test(request.url()) && left > 0;
      if (lost) left -= 1;
      return lost ? request.abort() : request.continue();
    });
  }

  it("asks again for texts that were lost on the way", async () => {
    await lose(/\/client\/text\//, 1);
    await open();
    await untilText("h1", "Gjør deg klar");
  });

  /** The document says so from its beginning, hidden: this is when it is shown. */
  const untilShownAsNotLoaded = () => until(() => document.documentElement.hasAttribute("data-failed"));

  it("is loaded anew by itself when its files were lost, as when the network changes", async () => {
    await lose(/\/sdk\/src\/session\.js/, 2);
    await open();
    await untilText(".greeting", "Ola Nordmann");
  });

  it("says so in words when its texts do not come, and starts anew with the link as it was", async () => {
    // Twice in each of three loads.
    await lose(/\/client\/text\//, 6);
    await open();
    await untilShownAsNotLoaded();
    await untilText("h1", "Siden ble ikke lastet");
    await view.accessible();
    await press("Last siden på nytt");
    await untilText(".greeting", "Ola Nordmann");
  });

  it("says so in words when its scripts do not come", async () => {
    await lose(/\/sdk\/src\/session\.js/);
    await open();
    await untilShownAsNotLoaded();
    await untilText("h1", "Siden ble ikke lastet");
    assert.equal(await page.evaluate(() => [...document.querySelectorAll("h1")].filter((node) => node.checkVisibility()).length), 1);
  });

  it("takes the call's own part of the page for lost when it does not come, and lets go of the devices", async () => {
    await lose(/\/client\/views\/call\.js/);
    await open();
    await until(() => document.querySelector(".preview video")?.videoWidth > 0);
    await press("Bli med");
    await untilText("h1", "Vi får ikke kontakt");
    await until(() => fakeBridge.received.some(({ type }) => type === "leave"));
  });

  it("says where in this browser the camera is given back to it", async () => {
    await view.page.evaluateOnNewDocument(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    await view.page.goto(view.url);
    const way = { chromium: "til venstre for adressen, slå på kamera og mikrofon", firefox: "ta bort sperren for kamera og mikrofon" };
    await view.untilText("main", way[name]);
  });

  it("shows oneself before the call, and what is turned off stays off in it", async () => {
    await open();
    await until(() => document.querySelector(".preview video")?.videoWidth > 0);
    await view.accessible();
    await press("Slå av mikrofon");
    await press("Slå av kamera");
    await untilText(".preview-placeholder", "Kameraet er av");
    await press("Bli med");
    await until(() => fakeBridge.ownSources.length === 1);
    assert.deepEqual(await page.evaluate(() => fakeBridge.ownSources.map(({ source, muted }) => [source, muted])), [["microphone", true]]);
  });

  it("can be used by keyboard alone", async () => {
    await open();
    await until(() => document.querySelector(".preview video")?.videoWidth > 0);
    // It waits for whether the bridge has what it takes.
    await until(() => document.querySelector(".blur-choice .check-field").checkVisibility());
    const focused = [];
    for (let presses = 0; presses < 7; presses += 1) {
      await page.keyboard.press("Tab");
      focused.push(await page.evaluate(() => {
        const { activeElement: node } = document;
        return node.getAttribute("aria-label") ?? node.labels?.[0]?.textContent ?? node.textContent;
      }));
    }
    assert.deepEqual(focused, ["Slå av mikrofon", "Slå av kamera", "Kamera", "Gjør bakgrunnen uskarp", "Mikrofon", "Test utstyr og linje", "Bli med"]);
    await page.keyboard.press("Enter");
    await until(() => fakeBridge.ownSources.length === 2);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Videokonsultasjon");
  });

  it("publishes and shows who is there, and reads out who comes and goes", async () => {
    await join();
    await untilText("h2", "Du er den første her");
    const kari = await meet();
    await untilText("#notices", "Kari Fastlege ble med.");
    await untilText(".count", "2 i samtalen");
    await until(() => fakeBridge.publishing.connectionState === "connected");
    // Each offer is a dozen kilobytes, which a thin line takes as long for as for the first pictures.
    assert.deepEqual((await sentTypes()).filter((type) => type === "publish"), ["publish"]);
    await page.evaluate((id) => fakeBridge.setSpeaking([id]), kari);
    await until(() => document.querySelector(".people .is-speaking"));
    await view.accessible();
    await page.evaluate((id) => fakeBridge.removeParticipant(id), kari);
    await untilText("#notices", "Kari Fastlege har forlatt samtalen.");
    await until(() => document.querySelectorAll(".people .tile").length === 0);
  });

  it("says in words that the line is too weak for a picture, keeps the last one, and takes it back", async () => {
    await join();
    const id = await meet();
    await page.evaluate((who) => fakeBridge.setDelivery(who, "camera", "stills"), id);
    await untilText(".people .tile-status", "Stillbilde");
    await page.evaluate((who) => fakeBridge.setDelivery(who, "camera", "paused"), id);
    await untilText(".people .tile-status", "Linjen er for svak for video, lyden går");
    assert.equal(await page.evaluate(() => document.querySelector(".people .is-standing video").videoWidth > 0), true);
    await view.accessible();
    const send = (on) =>
      page.evaluate(async (sends) => {
        window.voices ??= fakeBridge.subscribing.getSenders().filter(({ track }) => track?.kind === "audio").map((sender) => ({ sender, track: sender.track }));
        await Promise.all(window.voices.map(({ sender, track }) => sender.replaceTrack(sends ? track : null)));
      }, on);
    await send(false);
    await untilText(".people .tile-status", "Lyden er borte");
    await send(true);
    await untilText(".people .tile-status", "Linjen er for svak for video, lyden går");
    await page.evaluate((who) => fakeBridge.setDelivery(who, "camera", "full"), id);
    await until(() => document.querySelector(".people .tile-status").hidden && !document.querySelector(".is-standing"));
  });

  it("tells the bridge how large it shows a picture, anew as its window changes, and that it saves data", async () => {
    await join();
    await meet();
    await until(() => fakeBridge.layout?.tiles[0]?.height > 300);
    await page.setViewport({ width: 360, height: 400 });
    await until(() => fakeBridge.layout?.tiles[0]?.height < 300);
    await press("Oppsett");
    await page.locator("#save-data").click();
    await until(() => fakeBridge.layout?.save_data === true);
    assert.equal(await page.evaluate(() => localStorage.getItem("bridge.saveData")), "true");
    assert.equal(await page.evaluate(() => fakeBridge.layout?.view), "auto");
    await page.select("#choose-view", "composed");
    await until(() => fakeBridge.layout?.view === "composed");
    await page.setViewport({ width: 360, height: 740 });
    await until(() => fakeBridge.layout?.composed?.shape === "upright");
    await page.select("#choose-layout", "speaker");
    await until(() => fakeBridge.layout?.composed?.layout === "speaker");
    await page.evaluate(() => localStorage.removeItem("bridge.layout"));
    await page.evaluate(() => localStorage.removeItem("bridge.view"));
    await view.accessible();
    await page.evaluate(() => localStorage.removeItem("bridge.saveData"));
  });

  it("shows what is muted, stalled or reconnecting in words", async () => {
    await join();
    const kari = await meet();
    await page.evaluate((id) => fakeBridge.setStalled(id, "microphone", true), kari);
    await untilText(".tile-status", "Lyden er borte");
    await untilText("#notices", "Hører ikke Kari Fastlege akkurat nå");
    await page.evaluate((id) => fakeBridge.setStalled(id, "microphone", false), kari);
    await until(() => document.querySelector(".people .tile-status").hidden);
    await page.evaluate((id) => fakeBridge.setState(id, "reconnecting"), kari);
    await untilText(".tile-status", "Kobler til igjen");
    await page.evaluate((id) => fakeBridge.setMuted(id, "camera", true), kari);
    await until(() => !document.querySelector(".people .tile").classList.contains("has-picture"));
  });

  it("says whose line is too weak for a picture, the other's and one's own", async () => {
    await join();
    const kari = await meet();
    await page.evaluate((id) => fakeBridge.setUpload(id, "camera", "stills"), kari);
    await untilText(".people .tile-status", "Stillbilde – Kari Fastlege har svak linje");
    await page.evaluate((id) => fakeBridge.setUpload(id, "camera", "paused"), kari);
    await untilText(".people .tile-status", "Linjen til Kari Fastlege er for svak for video, lyden går");
    await untilText("#notices", "Linjen til Kari Fastlege er for svak for video");
    assert.ok(await page.evaluate(() => document.querySelector(".people .tile").classList.contains("has-picture")), "the last picture stays");
    await view.accessible();
    await page.evaluate((id) => fakeBridge.setUpload(id, "camera", "full"), kari);
    await until(() => document.querySelector(".people .tile-status").hidden);
    await untilText("#notices", "Bildet fra Kari Fastlege er tilbake");
  });

  it("shows large whom one pins, and tells the bridge", async () => {
    await join();
    const kari = await meet();
    await press("Fest Kari Fastlege");
    await until((id) => fakeBridge.layout?.pinned?.[0] === id, kari);
    await until(() => document.querySelector(".screens .tile-pin[aria-pressed='true']") === document.activeElement);
    await view.accessible();
    await press("Løsne Kari Fastlege");
    await until(() => fakeBridge.layout.pinned.length === 0);
    await until(() => document.querySelector(".people .tile-pin") !== null);
  });

  it("shows large whom a host pinned for everybody, until one chooses otherwise", async () => {
    await join();
    const kari = await meet();
    await page.evaluate((id) => fakeBridge.pinForAll(id), kari);
    await until(() => document.querySelector(".screens .tile-pin[aria-pressed='true']") !== null);
    await untilText("#notices", "Verten viser Kari Fastlege stort for alle.");
    await view.accessible();
    await press("Løsne Kari Fastlege");
    await until(() => fakeBridge.layout?.pinned?.length === 0);
    await until(() => document.querySelector(".people .tile-pin") !== null);
    await page.evaluate(() => fakeBridge.pinForAll(null));
    await until(() => fakeBridge.layout.pinned === undefined);
    await page.evaluate((id) => fakeBridge.pinForAll(id), kari);
    await until(() => document.querySelector(".screens .tile-pin[aria-pressed='true']") !== null);
  });

  it("shows large who speaks, whom one pinned beside them, never oneself; tells the bridge, and remembers it", async () => {
    await join();
    const [kari, tone] = [await meet(), await meet({ name: "Tone Tolk", role: "tolk" })];
    const speaks = (id) => page.evaluate((who) => fakeBridge.setActiveSpeaker(who), id);
    const heights = () => page.evaluate(() => Object.fromEntries(fakeBridge.layout.tiles.map(({ source_id: id, height }) => [id, height])));
    /** Waits until of two the first is told to be shown larger by far, or as large. */
    const larger = (first, second, times = 2) =>
      until(([one, other, factor]) => {
        const height = (id) => fakeBridge.layout?.tiles.find(({ source_id: source }) => source === `s-${id}-camera`)?.height;
        return factor === 1 ? height(one) === height(other) : height(one) > factor * height(other);
      }, [first, second, times]);
    await speaks(kari);
    await larger(kari, tone, 1);
    await press("Vis den som snakker, stor");
    await untilText("#notices", "Den som snakker, vises stor.");
    await larger(kari, tone);
    await page.evaluate(() => {
      window.pictures = [...document.querySelectorAll(".people video")];
      document.querySelectorAll(".people .tile-pin")[1].focus();
    });
    await speaks(tone);
    await larger(tone, kari);
    const before = await heights();
    await speaks("p-self");
    await view.accessible();
    assert.deepEqual(await heights(), before);
    assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), "Fest Tone Tolk", "the focus stays");
    assert.ok(await page.evaluate(() => window.pictures.every((video) => video.isConnected && !video.paused)));
    await page.keyboard.press("Enter");
    await speaks(kari);
    await larger(kari, tone, 1);
    await until((id) => fakeBridge.layout.pinned?.[0] === id, tone);
    await speaks(tone);
    await press("Vis alle like store");
    await until(() => document.querySelector(".screens .tile"));
    await press("Løsne Tone Tolk");
    await press("Vis den som snakker, stor");
    await join();
    await meet();
    await meet({ name: "Tone Tolk", role: "tolk" });
    await until(() => document.querySelector(".has-speaker"));
    await page.evaluate(() => localStorage.removeItem("bridge.arrangement"));
  });

  it("sends what a browser was slow to open from when it is open, though its owner is in the call already", async () => {
    await page.evaluateOnNewDocument(() => {
      const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      const allowed = new Promise((resolve) => Object.assign(window, { allow: resolve }));
      window.tracks = [];
      navigator.mediaDevices.getUserMedia = async (constraints) => {
        await allowed;
        const stream = await asked(constraints);
        window.tracks.push(...stream.getTracks());
        return stream;
      };
    });
    await open();
    await press("Bli med");
    await until(() => document.querySelector("main.call"));
    await meet();
    // Who presses what is on its way already does not open it twice.
    await page.evaluate(() => document.querySelectorAll(".toolbar button").forEach((button, index) => index < 2 && button.click()));
    assert.deepEqual(await page.evaluate(() => fakeBridge.ownSources), []);
    await page.evaluate(() => allow());
    await until(() => fakeBridge.ownSources.length === 2);
    assert.deepEqual(await page.evaluate(() => fakeBridge.ownSources.map(({ source }) => source).sort()), ["camera", "microphone"]);
    assert.deepEqual(await page.evaluate(() => tracks.map(({ kind, readyState }) => `${kind} ${readyState}`).sort()), ["audio live", "video live"]);
  });

  it("ends what blurred the background when that is turned off before the call, and goes on with the camera", async () => {
    await open();
    await until(() => document.querySelector(".preview video")?.videoWidth > 0);
    await page.evaluate(() => {
      window.workers = [];
      globalThis.Worker = class extends EventTarget {
        running = true;

        constructor() {
          super();
          window.workers.push(this);
        }

        postMessage() {}

        terminate() {
          this.running = false;
        }
      };
    });
    await page.locator(".blur-choice input").click();
    await until(() => workers.length === 1);
    await page.locator(".blur-choice input").click();
    await until(() => !workers[0].running && document.querySelector(".preview video").srcObject.getTracks()[0].readyState === "live");
  });

  it("turns the camera off for the others too when its background cannot be blurred, and on again when that may be", async () => {
    await join();
    const muted = (expected) => until((value) => fakeBridge.ownSources.find(({ source }) => source === "camera").muted === value, expected);
    await page.evaluate(() => {
      globalThis.Worker = class {
        constructor() {
          throw new Error("no more threads");
        }
      };
    });
    await press("Oppsett");
    await page.locator("dialog[open] .blur-choice input").click();
    await untilText("h2", "Bakgrunnen kan ikke gjøres uskarp");
    await muted(true);
    await press("Vis med skarp bakgrunn");
    await muted(false);
  });

  it("leaves no camera on for who leaves while it is being opened or switched", async () => {
    await page.evaluateOnNewDocument(() => {
      window.tracks = [];
      const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (constraints) => {
        await (window.allowed ?? Promise.resolve());
        const stream = await asked(constraints);
        window.tracks.push(...stream.getTracks());
        return stream;
      };
    });
    await open();
    await until(() => document.querySelector(".preview video")?.videoWidth > 0);
    await page.evaluate(() => {
      window.allowed = new Promise((resolve) => Object.assign(window, { allow: resolve }));
    });
    await press("Slå av kamera");
    await press("Slå på kamera");
    await press("Bli med");
    await until(() => document.querySelector("main.call"));
    await press("Forlat samtalen");
    await untilText("h1", "Du har forlatt samtalen");
    await page.evaluate(() => allow());
    await until(() => tracks.length >= 3 && tracks.every(({ readyState }) => readyState === "ended"));
  });

  it("mutes the microphone, and lets go of a camera that is turned off", async () => {
    await join();
    await press("Slå av mikrofon");
    await until(() => fakeBridge.ownSources.some(({ source, muted }) => source === "microphone" && muted));
    await press("Slå på mikrofon");
    await until(() => fakeBridge.ownSources.every(({ muted }) => !muted));
    await press("Slå av kamera");
    await until(() => fakeBridge.ownSources.some(({ source, muted }) => source === "camera" && muted));
    await until(() => document.querySelector(".corner video").srcObject === null);
    await press("Slå på kamera");
    await until(() => document.querySelector(".corner video").videoWidth > 0);
    await until(() => fakeBridge.ownSources.every(({ muted }) => !muted));
  });

  it("resumes after the network was lost, without losing the picture", async () => {
    await join();
    await meet();
    await page.evaluate(() => {
      window.pictures = [...document.querySelectorAll("video")];
      fakeBridge.unreachable = true;
      fakeBridge.cut();
    });
    await untilText(".banner", "Kobler til igjen");
    // One's own line, too, is shown as it is: there is none.
    await until(() => document.querySelector('.bars[data-quality="0"]')?.ariaLabel === "Ingen forbindelse");
    await page.evaluate(() => (fakeBridge.unreachable = false));
    await untilText("#notices", "Du er tilbake i samtalen.");
    assert.equal((await sentTypes()).filter((type) => type === "resume").length, 1);
    assert.ok(await page.evaluate(() => window.pictures.every((video) => video.isConnected && !video.ended)));
  });

  it("joins and publishes anew when the bridge was restarted", async () => {
    await join();
    await meet();
    await page.evaluate(() => fakeBridge.restart());
    await until(() => fakeBridge.sessions === 2 && fakeBridge.ownSources.length === 2);
    await until(() => fakeBridge.publishing.connectionState === "connected");
    await until(() => [...document.querySelectorAll(".people video")].some((video) => video.videoWidth > 0 && !video.srcObject.getTracks()[0].muted));
  });

  it("explains an expired link without a code in the title", async () => {
    await open();
    await page.evaluate(() => Object.assign(fakeBridge, { refusal: "token_expired", closeCode: 4401 }));
    await press("Bli med");
    await untilText("h1", "Lenken er utløpt");
    await view.accessible();
  });

  it("stops when another tab took over", async () => {
    await join();
    await page.evaluate(() => fakeBridge.end("replaced", 4409));
    await untilText("h1", "Samtalen er åpnet et annet sted");
    assert.equal(await page.evaluate(() => fakeBridge.sockets.length), 1);
  });

  it("leaves and can come back", async () => {
    await join();
    await press("Forlat samtalen");
    await untilText("h1", "Du har forlatt samtalen");
    await press("Bli med igjen");
    await untilText("h1", "Gjør deg klar");
  });

  it("fits a phone", async () => {
    await page.setViewport({ width: 390, height: 844 });
    await join();
    await meet();
    await meet({ name: "Per Spesialist med et ganske langt navn" });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight));
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("button")]
        .map((button) => button.getBoundingClientRect())
        .filter(({ width, height }) => width > 0 && (width < 44 || height < 44)).length,
    );
    assert.equal(small, 0);
  });
});
