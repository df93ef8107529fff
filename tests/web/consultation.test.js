/** The waiting room, and what hosts decide, in real browsers with a bridge inside the page. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { launch } from "../browser/launch.js";
import { OpenPage } from "./open-page.js";
import { serveWeb } from "./static-server.js";

for (const name of /** @type {const} */ (["chromium", "firefox"])) {
  describe(`the consultation in ${name}`, () => {
    let web;
    let browser;
    let view;

    before(async () => {
      web = await serveWeb();
      browser = await launch(name);
    });

    after(async () => {
      await browser?.close();
      web?.close();
    });

    beforeEach(async () => {
      view = await OpenPage.open(browser, web.origin, "Ola Nordmann");
    });

    afterEach(() => view.close());

    /** Waits in the lobby, the third in the queue. */
    async function wait() {
      await view.start(() => fakeBridge.setLobby({ position: 3, expected_seconds: 1700 }));
      await view.untilText(".lobby-place", "Du er nummer 3 i køen");
    }

    /** Joins as the doctor. */
    async function host() {
      await view.start(() => fakeBridge.grants.push("host", "chat", "record"));
      await view.until(() => fakeBridge.ownSources.length === 2);
    }

    it("shows a patient their place, the time to expect and the doctor's messages, and nobody the patient", async () => {
      await wait();
      await view.untilText(".lobby-expected", "omtrent 30 minutter");
      await view.page.evaluate(() => fakeBridge.messageLobby({ id: "1", notice: "delayed", minutes: 10 }));
      await view.untilText(".lobby-messages", "omtrent 10 minutter forsinket");
      await view.page.evaluate(() => fakeBridge.messageLobby({ id: "2", notice: "text", text: "Vi starter straks." }));
      await view.untilText(".lobby-messages", "Vi starter straks.");
      assert.deepEqual(await view.sent("publish"), []);
      assert.equal(await view.page.evaluate(() => document.querySelector(".preview video").videoWidth > 0), true);
      await view.look(`${name}-lobby`);
      await view.page.evaluate(() => fakeBridge.setLobby({ position: 1, expected_seconds: null, host_present: false }));
      await view.untilText(".lobby-place", "Du er neste");
      await view.untilText(".lobby-expected", "ikke kommet ennå");
    });

    it("takes the patient from the lobby into the call, and back", async () => {
      await wait();
      await view.press("Slå av mikrofon");
      await view.page.evaluate(() => {
        fakeBridge.addParticipant({ name: "Kari Fastlege" });
        fakeBridge.admitSelf();
      });
      await view.untilText(".tile-name", "Kari Fastlege");
      await view.untilText("#notices", "Du er sluppet inn");
      await view.until(() => fakeBridge.ownSources.length === 2);
      assert.deepEqual(await view.page.evaluate(() => fakeBridge.ownSources.map(({ source, muted }) => [source, muted])), [
        ["microphone", true],
        ["camera", false],
      ]);
      await view.until(() => fakeBridge.publishing.connectionState === "connected");
      await view.page.evaluate(() => fakeBridge.sendSelfToLobby());
      await view.untilText("#notices", "satt tilbake i venterommet");
      await view.untilText(".lobby-expected", "snart din tur");
      await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
      assert.deepEqual(await view.page.evaluate(() => fakeBridge.ownSources), []);
      await view.page.evaluate(() => fakeBridge.admitSelf());
      await view.until(() => fakeBridge.ownSources.length === 2);
    });

    it("tells a patient who was refused", async () => {
      await wait();
      await view.page.evaluate(() => fakeBridge.refuse(fakeBridge.socket, "refused"));
      await view.untilText("h1", "Du ble ikke sluppet inn");
    });

    it("tells the doctor who is ready, and lets them in, one or all, write or refuse", async () => {
      await host();
      await view.page.evaluate(() => {
        fakeBridge.addParticipant({ name: "Tone Tolk", role: "tolk", colour: "#775544" });
        fakeBridge.addWaiting({ name: "Kari Nordmann" });
        fakeBridge.addWaiting({ name: "Per Pårørende", role: "parorende", level: "" });
      });
      await view.untilText("#notices", "Per Pårørende er klar og venter.");
      await view.press("Deltakere: 2 i samtalen, 2 venter");
      await view.untilText(".person-facts", "Pasient · Høyt sikkerhetsnivå");
      await view.untilText(".person-facts", "Pårørende · Ukjent innlogging");
      await view.look(`${name}-people`);
      await view.press("Slipp inn Kari Nordmann");
      await view.press("Avvis Per Pårørende");
      await view.press("Slipp inn alle");
      assert.deepEqual(await view.sent("admit"), [{ type: "admit", participant_ids: ["w-1"] }, { type: "admit" }]);
      assert.deepEqual(await view.sent("refuse"), [{ type: "refuse", participant_id: "w-2" }]);
      await view.press("Skriv til alle som venter");
      await view.page.select("#message-kind", "delayed");
      await view.look(`${name}-message`);
      await view.press("Send");
      await view.untilText("#notices", "Beskjeden er sendt.");
      assert.deepEqual(await view.sent("message_lobby"), [{ type: "message_lobby", notice: "delayed", minutes: 10 }]);
      await view.page.evaluate(() => fakeBridge.removeWaiting("w-1"));
      await view.untilText(".people-panel h3", "Venter (1)");
      await view.page.keyboard.press("Escape");
      await view.until(() => document.querySelector(".panel").hidden);
    });

    it("lets the doctor moderate from a menu for each participant", async () => {
      await host();
      const id = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann", role: "pasient" }));
      await view.untilText(".tile-name", "Kari Nordmann");
      await view.press("Deltakere: 2 i samtalen");
      const choose = async (action) => {
        await view.page.locator(`[data-id="${id}"] summary`).click();
        await view.press(action);
      };
      await choose("Demp mikrofonen");
      assert.deepEqual(await view.sent("mute"), [{ type: "mute", source_id: `s-${id}-microphone` }]);
      await view.page.evaluate((who) => fakeBridge.setMuted(who, "microphone", true), id);
      await choose("Be om å slå på mikrofonen");
      await choose("Sett tilbake i venterommet");
      await view.page.locator(`[data-id="${id}"] summary`).click();
      await view.look(`${name}-moderation`);
      await view.press("Ta ut av samtalen");
      await view.untilText(".question", "Ta Kari Nordmann ut av samtalen?");
      await view.page.keyboard.press("Escape");
      assert.deepEqual(await view.sent("remove"), []);
      await choose("Ta ut av samtalen");
      await view.page.locator(".question .primary").click();
      await view.until(() => fakeBridge.received.some(({ type }) => type === "remove"));
      await view.press("Lås samtalen");
      await view.page.evaluate(() => {
        fakeBridge.room = { ...fakeBridge.room, locked: true };
        fakeBridge.notice({ type: "room_changed", room: fakeBridge.room });
      });
      await view.press("Lås opp samtalen");
      assert.deepEqual(await view.sent("lock"), [{ type: "lock", locked: true }, { type: "lock", locked: false }]);
      await view.press("Avslutt for alle");
      await view.page.locator(".question .primary").click();
      await view.until(() => fakeBridge.received.some(({ type }) => type === "end_call"));
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
}
