/** What people are asked before it happens: recording, video, sharp pictures, an open microphone; with a bridge inside the page. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { inBrowsers } from "./open-page.js";

inBrowsers("consent", (eachPage, name) => {
  let view;
  eachPage((opened) => (view = opened));

  /** Joins as the doctor. */
  async function host() {
    await view.start(() => fakeBridge.grants.push("host", "chat", "record"));
    await view.until(() => fakeBridge.ownSources.length === 2);
  }

  /** Holds a screen against the rules. */
  const inspect = (/** @type {string} */ screen) => view.look(`${name}-${screen}`);

  it("lets the patient see, take anew and send a picture that the doctor asks for, or say no", async () => {
    await view.start();
    await view.until(() => fakeBridge.ownSources.length === 2);
    await view.page.evaluate(() => {
      window.doctor = fakeBridge.addParticipant({ name: "Dr. Åse Lege", role: "fastlege" });
      fakeBridge.askForStill(window.doctor);
    });
    await view.untilText("dialog h2", "Dr. Åse Lege ber om et skarpt bilde");
    await view.until(() => document.querySelector(".still-offer video").videoWidth > 0);
    await inspect("still-asked");
    await view.press("Ta bilde");
    await view.until(() => document.querySelector(".still-offer img:not([hidden])")?.naturalWidth > 0);
    await view.press("Ta på nytt");
    await view.press("Ta bilde");
    await view.until(() => document.querySelector(".still-offer img:not([hidden])")?.naturalWidth > 0);
    assert.deepEqual(await view.sent("answer_still"), [], "nothing is sent before it was seen and agreed to");
    await view.press("Send bildet");
    await view.until(() => fakeBridge.picture !== undefined);
    const consented = { type: "answer_still", still_id: "still-1", consents: true, text_version: "2026-1" };
    assert.deepEqual(await view.sent("answer_still"), [consented]);
    assert.deepEqual(await view.page.evaluate(() => fakeBridge.fetched), [
      { method: "PUT", path: "/v1/stills/still-1", authorization: "Bearer ticket" },
    ]);
    assert.equal(await view.page.evaluate(() => fakeBridge.picture.type), "image/jpeg");
    await view.page.evaluate(() => fakeBridge.endStill("delivered"));
    await view.untilText("#notices", "Dr. Åse Lege har fått bildet.");
    await view.page.evaluate(() => fakeBridge.askForStill(window.doctor));
    await view.untilText("dialog h2", "ber om et skarpt bilde");
    await view.page.keyboard.press("Escape");
    await view.until(() => document.querySelector("dialog.still-offer") === null);
    assert.deepEqual((await view.sent("answer_still")).at(-1), { ...consented, consents: false });
    await view.page.evaluate(() => {
      fakeBridge.endStill("refused");
      fakeBridge.askForStill(window.doctor);
    });
    await view.untilText("dialog h2", "ber om et skarpt bilde");
    await view.page.evaluate(() => fakeBridge.endStill("cancelled"));
    await view.untilText("#notices", "Dr. Åse Lege trenger ikke bildet lenger.");
    assert.equal((await view.sent("answer_still")).length, 2);
  });

  if (name === "chromium") it("lets the doctor ask for a picture, look at it closely and take the question back", async () => {
    await view.start(() => fakeBridge.grants.push("still"));
    await view.until(() => fakeBridge.ownSources.length === 2);
    const id = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann", role: "pasient" }));
    await view.untilText(".tile-name", "Kari Nordmann");
    await view.press("Deltakere: 2 i samtalen");
    const choose = (action) => view.choose(id, action);
    await choose("Be om et skarpt bilde");
    await view.untilText("#notices", "Kari Nordmann er spurt om et bilde.");
    assert.deepEqual(await view.sent("ask_for_still"), [{ type: "ask_for_still", source_id: `s-${id}-camera` }]);
    await view.page.evaluate(() => fakeBridge.deliverStill(4000, 3000));
    await view.until(() => document.querySelector(".still-image")?.width > 0);
    await view.untilText(".still-viewer .help", "4000 × 3000 punkter");
    const fits = () => {
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.querySelector(".still-view");
      return scrollWidth <= clientWidth && scrollHeight <= clientHeight;
    };
    assert.equal(await view.page.evaluate(fits), true);
    await view.look("still-viewer");
    for (let step = 0; step < 3; step += 1) await view.press("Forstørr");
    assert.equal(await view.page.evaluate(fits), false);
    await view.look("still-close");
    await view.page.keyboard.press("0");
    await view.until(fits);
    const save = await view.page.evaluate(() => {
      const { href, download } = document.querySelector(".still-viewer a");
      return { href, download };
    });
    assert.match(save.href, /^blob:/);
    assert.match(save.download, /^bilde-\d{4}-\d\d-\d\d-\d{4}\.jpg$/);
    await view.page.keyboard.press("Escape");
    await view.until(() => document.querySelector(".still-viewer") === null);
    await choose("Be om et skarpt bilde");
    await choose("Trekk tilbake ønsket om bilde");
    assert.deepEqual(await view.sent("cancel_still"), [{ type: "cancel_still", still_id: "still-1" }]);
    await view.page.evaluate(() => fakeBridge.endStill("cancelled"));
  });

  it("asks for consent, shows that it records, and takes the consent back", async () => {
    await view.start();
    await view.until(() => fakeBridge.ownSources.length === 2);
    const id = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Fastlege" }));
    await view.untilText(".tile-name", "Kari Fastlege");
    await view.page.evaluate((by) => fakeBridge.askConsent(by), id);
    await view.untilText(".question", "Kari Fastlege vil ta opp samtalen");
    await view.look(`${name}-consent`);
    await view.press("Ja, jeg samtykker");
    await view.page.evaluate(() => fakeBridge.setRecording("on"));
    await view.untilText(".recording", "Opptak pågår");
    await view.press("Deltakere: 2 i samtalen");
    await view.press("Trekk samtykket mitt");
    assert.deepEqual(await view.sent("answer_consent"), [
      { type: "answer_consent", consent_id: "consent-1", consents: true, text_version: "2026-3" },
      { type: "answer_consent", consent_id: "consent-1", consents: false },
    ]);
    await view.page.evaluate(() => fakeBridge.setRecording("off"));
    await view.untilText("#notices", "Opptaket er stoppet.");
    await view.page.evaluate((by) => fakeBridge.askConsent(by), id);
    await view.untilText(".question", "vil ta opp samtalen");
    await view.page.evaluate(() => fakeBridge.setRecording("off"));
    await view.until(() => document.querySelector(".question") === null);
    assert.equal((await view.sent("answer_consent")).length, 2);
    await view.untilText("#notices", "Det tas ikke opptak.");
  });

  it("asks who waits in words that hold for them, and says what a no comes to", async () => {
    await view.start(() => (fakeBridge.lobby = { position: 1, expected_seconds: 0, host_present: true, messages: [] }));
    await view.untilText(".lobby-place", "Du er neste");
    await view.page.evaluate(() => fakeBridge.askConsent("somebody in the room"));
    await view.untilText(".question h2", "Samtalen blir tatt opp");
    await view.untilText(".question p", "Sier du nei, venter du videre");
    await inspect("consent-waiting");
    await view.press("Nei");
    await view.untilText("#notices", "Du sa nei til opptak. Du venter videre i venterommet.");
    const answer = { type: "answer_consent", consent_id: "consent-1", consents: false, text_version: "2026-3" };
    assert.deepEqual(await view.sent("answer_consent"), [answer]);
  });

  it("tells the host that somebody who was let in says no, and waits on", async () => {
    await host();
    await view.page.evaluate(() => fakeBridge.addWaiting({ name: "Irina Petrova", role: "tolk" }));
    await view.press("Deltakere: 1 i samtalen, 1 venter");
    const update = (pending) => view.page.evaluate((consent_pending) => {
      fakeBridge.notice({ type: "waiting_updated", participant: { ...fakeBridge.waiting[0], consent_pending } });
    }, pending);
    await update(true);
    await view.untilText(".is-waiting .person-facts", "Tolk · Høyt sikkerhetsnivå · Spurt om samtykke til opptak");
    await update(false);
    await view.untilText("#notices", "Irina Petrova sa nei til opptak, og venter fortsatt.");
  });

  it("says why a recording ended by itself, and lists the recorder, which is no person", async () => {
    await view.start();
    await view.until(() => fakeBridge.ownSources.length === 2);
    await view.page.evaluate(() => {
      fakeBridge.addParticipant({ name: "Opptak", role: "opptak", camera: false, microphone: false });
      fakeBridge.setRecording("on");
    });
    await view.untilText(".recording", "Opptak pågår");
    await view.untilText(".count", "1 i samtalen");
    await view.press("Deltakere: 1 i samtalen");
    await view.untilText(".person[data-id] .person-name", "Opptaker");
    await view.untilText(".person[data-id] .person-facts", "Opptak");
    assert.equal(await view.page.evaluate(() => document.querySelectorAll(".people .tile").length), 0);
    await view.page.evaluate(() => {
      fakeBridge.notice({ type: "recording_failed", code: "recording_no_space" });
      fakeBridge.setRecording("off");
    });
    await view.untilText("#notices", "Opptaket er avsluttet: det er ikke plass til mer.");
  });

  it("asks for consent to video before the camera goes in, and takes a no for sound only", async () => {
    await view.start(() => {
      fakeBridge.room = { ...fakeBridge.room, video_consent: true };
    });
    await view.untilText(".question", "Vil du vises på video?");
    await view.until(() => fakeBridge.ownSources.length === 1);
    await inspect("video-consent");
    await view.press("Nei, bare lyd");
    await view.untilText("#notices", "Ingen ser deg.");
    assert.deepEqual(await view.page.evaluate(() => fakeBridge.ownSources.map(({ source }) => source)), ["microphone"]);
    await view.press("Slå på kamera");
    await view.press("Ja, vis meg");
    await view.until(() => fakeBridge.ownSources.length === 2);
    assert.deepEqual(await view.sent("answer_video_consent"), [
      { type: "answer_video_consent", text_version: "2026-1", consents: false },
      { type: "answer_video_consent", text_version: "2026-1", consents: true },
    ]);
    await view.press("Deltakere: 1 i samtalen");
    await view.press("Trekk samtykket til video");
    await view.until(() => fakeBridge.received.filter(({ type }) => type === "answer_video_consent").length === 3);
  });

  it("asks to record and stops it", async () => {
    await host();
    await view.press("Deltakere: 1 i samtalen");
    await view.press("Be om å ta opptak");
    assert.deepEqual(await view.sent("ask_to_record"), [{ type: "ask_to_record", text_version: "2026-3" }]);
    await view.page.evaluate(() => fakeBridge.setRecording("asking"));
    await view.untilText(".recording", "Venter på samtykke");
    // The button that was pressed is gone, and its place in the keyboard's order with it.
    await view.until(() => document.activeElement?.textContent === "Stopp opptaket");
    await view.press("Stopp opptaket");
    await view.until(() => fakeBridge.received.some(({ type }) => type === "stop_recording"));
  });

  it("opens no microphone from afar: it asks", async () => {
    await view.start();
    await view.until(() => fakeBridge.ownSources.length === 2);
    const id = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Fastlege" }));
    await view.page.evaluate(() => {
      const { id: source } = fakeBridge.ownSources.find((own) => own.source === "microphone");
      fakeBridge.notice({ type: "muted_by_host", source_id: source });
    });
    await view.untilText("#notices", "Mikrofonen din ble dempet av verten.");
    await view.until(() => fakeBridge.ownSources.find((own) => own.source === "microphone").muted);
    await view.page.evaluate((host) => fakeBridge.notice({ type: "unmute_asked", participant_id: host }), id);
    await view.untilText(".question", "Kari Fastlege ber deg slå på mikrofonen");
    assert.equal(await view.page.evaluate(() => fakeBridge.ownSources.find((own) => own.source === "microphone").muted), true);
    await view.page.locator(".question .primary").click();
    await view.until(() => !fakeBridge.ownSources.find((own) => own.source === "microphone").muted);
  });
});
