/** The waiting room, and what hosts decide, in real browsers with a bridge inside the page. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { inBrowsers } from "./open-page.js";

inBrowsers("the consultation", (eachPage, name) => {
  let view;
  eachPage((opened) => (view = opened));

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

  /** Holds a screen against the rules. */
  const inspect = (/** @type {string} */ screen) => view.look(`${name}-${screen}`);

  it("shows a patient their place, the time to expect and the doctor's messages, and nobody the patient", async () => {
    await wait();
    await view.untilText(".lobby-expected", "omtrent 30 minutter");
    await view.page.evaluate(() => fakeBridge.messageLobby({ id: "1", notice: "delayed", minutes: 10 }));
    await view.untilText(".lobby-messages", "omtrent 10 minutter forsinket");
    await view.page.evaluate(() => fakeBridge.messageLobby({ id: "2", notice: "text", text: "Vi starter straks." }));
    await view.untilText(".lobby-messages", "Vi starter straks.");
    assert.deepEqual(await view.sent("publish"), []);
    await view.until(() => document.querySelector(".preview video").videoWidth > 0);
    await view.look(`${name}-lobby`);
    await view.page.evaluate(() => fakeBridge.setLobby({ position: 1, expected_seconds: null, host_present: false }));
    await view.untilText(".lobby-place", "Du er neste");
    await view.untilText(".lobby-expected", "ikke her akkurat nå");
    await view.press("Gå ut av venterommet");
    await view.untilText("h1", "Du har gått ut av venterommet");
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

  it("does not tell a patient whom nobody let in that a call has ended", async () => {
    await wait();
    await view.page.evaluate(() => fakeBridge.end("time_is_up", 4410));
    await view.untilText("h1", "Venterommet er stengt");
    await view.untilText("main", "Ta kontakt med legekontoret");
  });

  it("leads a doctor who is alone to those who wait", async () => {
    await host();
    await view.untilText(".alone h2", "Du er den første her");
    await view.page.evaluate(() => fakeBridge.addWaiting({ name: "Kari Nordmann" }));
    await view.untilText(".alone h2", "Noen venter på deg");
    await view.until(() => document.title.startsWith("1 venter – Videokonsultasjon"));
    await view.press("Se hvem som venter");
    await view.press("Slipp inn Kari Nordmann");
    assert.deepEqual(await view.sent("admit"), [{ type: "admit", participant_ids: ["w-1"] }]);
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

  if (name === "chromium") {
    it("tests devices and line before the call, with the keyboard alone", async () => {
      const { page } = view;
      await page.goto(view.url);
      await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
      await page.focus(".choices button");
      await page.keyboard.press("Enter");
      await view.untilText(".test-status", "Kameraet virker.");
      const focus = async (text) => {
        const focused = () => page.evaluate(() => document.activeElement.textContent);
        for (let tries = 0; (await focused()) !== text; tries += 1) {
          assert.ok(tries < 20, `the Tab key leads to “${text}”`);
          await page.keyboard.press("Tab");
        }
        await page.keyboard.press("Enter");
      };
      await focus("Spill av en lyd");
      await view.untilText(".test-question", "Hørte du lyden?");
      await focus("Nei");
      await view.untilText(".test-status", "Skru opp lyden");
      await focus("Spill av en lyd");
      await focus("Ja");
      await view.untilText(".test-status", "Høyttaleren virker.");
      await page.waitForFunction(() => document.querySelector(".test-facts dd") !== null, { polling: 100 });
      await view.untilText(".test-facts dd", "UDP");
      assert.match(await page.evaluate(() => document.querySelector(".test-row:last-of-type").dataset.state), /good|fair|poor/);
      await view.look("self-test-done");
      await page.keyboard.press("Escape");
      await view.until(() => document.querySelector(".self-test") === null);
      assert.deepEqual(await view.sent("join"), [], "nobody has joined");
    });
  }

  it("lets the doctor moderate from a menu for each participant", async () => {
    await host();
    const id = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann", role: "pasient" }));
    await view.untilText(".tile-name", "Kari Nordmann");
    await view.press("Deltakere: 2 i samtalen");
    const choose = (action) => view.choose(id, action);
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

  it("chats with the room or with one, says what is unread, and shows captions over the pictures", async () => {
    await host();
    const kari = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann", role: "pasient" }));
    await view.untilText(".tile-name", "Kari Nordmann");
    await view.page.evaluate((id) => fakeBridge.say({ id, name: "Kari Nordmann", text: "Hei, jeg hører deg ikke." }), kari);
    await view.untilText("#notices", "Melding fra Kari Nordmann");
    await view.press("Meldinger, 1 uleste");
    await view.untilText(".chat-text", "Hei, jeg hører deg ikke.");
    assert.equal(await view.page.evaluate(() => document.activeElement.id), "chat-text");
    await view.page.keyboard.type("Prøver igjen.");
    await view.page.keyboard.press("Enter");
    await view.untilText(".chat-message.is-own .chat-text", "Prøver igjen.");
    await view.page.select("#chat-to", kari);
    await view.page.locator("#chat-text").fill("Bare til deg");
    await view.press("Send");
    await view.untilText(".chat-private", "Bare til Kari Nordmann");
    assert.deepEqual(await view.sent("chat"), [
      { type: "chat", text: "Prøver igjen.", lane: "message" },
      { type: "chat", text: "Bare til deg", lane: "message", to: kari },
    ]);
    await view.page.evaluate(() => fakeBridge.say({ id: "p-x", name: "Tone Tolk", text: "Hun sier at det gjør vondt.", lane: "caption" }));
    await view.untilText(".captions p", "Hun sier at det gjør vondt.");
    await view.look(`${name}-chat`);
    for (let count = 0; count < 3; count += 1) {
      await view.page.evaluate(() => fakeBridge.say({ id: "p-x", name: "Tone Tolk", text: "Hun sier at det gjør vondt. ".repeat(70), lane: "caption" }));
    }
    await view.until(() => document.querySelectorAll(".captions p").length === 3);
    const covered = await view.page.evaluate(() => {
      const [captions, holder, last] = [".captions", ".stage-holder", ".captions p:last-child"].map((each) => document.querySelector(each).getBoundingClientRect());
      return { above: holder.top - captions.top, below: last.bottom - captions.bottom };
    });
    assert.ok(covered.above <= 0 && covered.below <= 1, `captions leave the pictures: ${JSON.stringify(covered)}`);
  });

  it("lets an interpreter write captions, which are for everyone", async () => {
    await view.start(() => fakeBridge.grants.push("chat", "caption"));
    await view.until(() => fakeBridge.ownSources.length === 2);
    const kari = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann", role: "pasient" }));
    await view.untilText(".tile-name", "Kari Nordmann");
    await view.press("Meldinger");
    await view.page.select("#chat-to", kari);
    await view.page.locator("#chat-caption").click();
    assert.equal(await view.page.evaluate(() => document.querySelector("#chat-to").disabled), true);
    await view.page.locator("#chat-text").fill("Det gjør vondt.");
    await view.press("Send");
    await view.until(() => fakeBridge.received.some(({ type }) => type === "chat"));
    assert.deepEqual(await view.sent("chat"), [{ type: "chat", text: "Det gjør vondt.", lane: "caption" }]);
  });

  it("raises a hand and shows those of others, and who sits beside whom", async () => {
    await host();
    const kari = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann", role: "pasient" }));
    await view.untilText(".tile-name", "Kari Nordmann");
    await view.press("Rekk opp hånden");
    await view.untilText("#notices", "Hånden din er oppe.");
    await view.press("Ta ned hånden");
    assert.deepEqual(await view.sent("raise_hand"), [{ type: "raise_hand", raised: true }, { type: "raise_hand", raised: false }]);
    await view.page.evaluate((id) => fakeBridge.setHand(id, true), kari);
    await view.untilText("#notices", "Kari Nordmann rekker opp hånden.");
    await view.press("Deltakere: 2 i samtalen");
    await view.until(() => document.querySelector("[data-id] .hand-sign:not([hidden])"));
    await view.press("Hvem sitter sammen med deg?");
    await view.page.locator("#companion-names").fill("Per Hansen");
    await view.press("Lagre");
    await view.untilText(".person-facts", "Per Hansen");
    assert.deepEqual(await view.sent("set_companions"), [{ type: "set_companions", names: ["Per Hansen"] }]);
  });

  it("shows a doctor the queue that several rooms take from, and takes the next one", async () => {
    await host();
    await view.page.evaluate(() => fakeBridge.setQueue());
    await view.page.evaluate(() => fakeBridge.setQueue("Kari Nordmann", "Ola Hansen", "Per Berg"));
    await view.untilText("#notices", "Per Berg venter i køen.");
    await view.press("Deltakere: 1 i samtalen, 3 venter");
    await view.untilText(".queues h3", "Kø: Legevakt (3)");
    await inspect("queue");
    await view.press("Ta inn neste");
    await view.press("Ta inn Ola Hansen fra køen");
    await view.until(() => fakeBridge.received.filter(({ type }) => type === "take").length === 2);
    assert.deepEqual(await view.sent("take"), [
      { type: "take", queue_id: "Legevakt" },
      { type: "take", queue_id: "Legevakt", participant_id: "q-Ola Hansen" },
    ]);
    await view.press("Skriv til køen");
    await view.press("Send");
    await view.untilText("#notices", "Beskjeden er sendt.");
    assert.deepEqual(await view.sent("message_lobby"), [{ type: "message_lobby", notice: "soon", queue_id: "Legevakt" }]);
    await view.page.evaluate(() => fakeBridge.setQueue("Per Berg"));
    await view.until(() => document.querySelectorAll(".queue .person").length === 1);
  });

  it("lets a patient propose whom to invite, and tells what a host decided", async () => {
    await view.start(() => fakeBridge.grants.push("propose"));
    await view.until(() => fakeBridge.ownSources.length === 2);
    await view.press("Deltakere: 1 i samtalen");
    await view.press("Foreslå å invitere noen");
    await view.page.locator("#proposal-name").fill("Per Hansen");
    await view.accessible();
    await view.press("Send");
    await view.untilText("#notices", "Forslaget er sendt.");
    assert.deepEqual(await view.sent("propose_invitation"), [{ type: "propose_invitation", role: "parorende", name: "Per Hansen" }]);
    await view.page.evaluate(() => {
      const proposal = { id: "1", participant_id: "p-self", by: "Ola", role: "parorende", name: "Per Hansen" };
      fakeBridge.notice({ type: "proposal_answered", proposal, accepted: true });
    });
    await view.untilText("#notices", "Per Hansen blir invitert.");
  });

  it("says whose sound and picture a telephone call interrupts, and that they are back", async () => {
    await view.start();
    const id = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann" }));
    await view.until(() => document.querySelectorAll(".people .tile.has-picture").length === 1);
    const interrupt = (...what) => view.page.evaluate((changed) => fakeBridge.setInterrupted(...changed), [id, ...what]);
    await interrupt("camera", true);
    await view.untilText("#notices", "Bildet fra Kari Nordmann er avbrutt, men kommer tilbake av seg selv.");
    await view.until(() => document.querySelectorAll(".people .tile.has-picture").length === 0);
    await view.untilText(".tile-status", "Bildet er avbrutt");
    await interrupt("microphone", true);
    await view.untilText("#notices", "Lyden fra Kari Nordmann er avbrutt, men kommer tilbake av seg selv.");
    await view.untilText(".tile-status", "Lyden er avbrutt");
    await inspect("interrupted");
    await interrupt("microphone", false);
    await view.untilText("#notices", "Lyden fra Kari Nordmann er tilbake.");
    await interrupt("camera", false);
    await view.untilText("#notices", "Bildet fra Kari Nordmann er tilbake.");
    await view.until(() => document.querySelectorAll(".people .tile.has-picture").length === 1);
    assert.deepEqual((await view.sent("update_source")).filter(({ interrupted }) => interrupted), []);
  });

  it("offers no proposing to whoever may not", async () => {
    await view.start();
    await view.press("Deltakere: 1 i samtalen");
    await view.untilText(".person-name", "Ola");
    assert.deepEqual(await view.page.$$eval(".panel-actions button", (buttons) => buttons.filter((button) => button.checkVisibility()).map((button) => button.textContent)), [
      "Hvem sitter sammen med deg?",
    ]);
  });

  it("shows a host who was proposed, and makes the link: to copy, as a QR code, to take back", async () => {
    await host();
    await view.page.evaluate(() => {
      fakeBridge.propose({ id: "1" });
      fakeBridge.propose({ id: "2", role: "tolk", name: "Tone Tolk" });
    });
    await view.untilText("#notices", "Kari Nordmann foreslår å invitere Tone Tolk");
    await view.press("Deltakere: 1 i samtalen, 2 forslag");
    await view.untilText(".person-facts", "Pårørende · Foreslått av Kari Nordmann");
    await inspect("proposals");
    await view.press("Avslå forslaget om Tone Tolk");
    await view.until(() => fakeBridge.received.some(({ type }) => type === "decline_proposal"));
    assert.deepEqual(await view.sent("decline_proposal"), [{ type: "decline_proposal", proposal_id: "2" }]);
    await view.page.evaluate(() => fakeBridge.answerProposal("2", false));
    await view.press("Inviter Per Hansen, broren min");
    await view.page.waitForSelector("#invite-time");
    await view.page.select("#invite-time", "240");
    await inspect("invite");
    await view.press("Lag lenke");
    await view.untilText(".dialog", "Lenken gjelder i 4 timer, for én person.");
    assert.deepEqual(await view.sent("create_invitation"), [
      { type: "create_invitation", role: "parorende", name: "Per Hansen, broren min", minutes: 240, proposal_id: "1" },
    ]);
    assert.equal(await view.page.evaluate(() => document.querySelector("#invite-link").value), "https://bridge.example/signin#hJ3kQm2x9TzWb4Lp");
    await inspect("link");
    await view.press("Trekk tilbake");
    await view.untilText("#notices", "Lenken virker ikke lenger.");
    assert.deepEqual(await view.sent("revoke_invitation"), [{ type: "revoke_invitation", invitation_id: "inv-1" }]);
    await view.until(() => document.querySelector(".person.is-waiting") === null);
  });

  it("says so to a host whose link would lead nowhere", async () => {
    await host();
    await view.page.evaluate(() => (fakeBridge.nobodySignsIn = true));
    await view.press("Deltakere: 1 i samtalen");
    await view.press("Inviter noen");
    await view.page.waitForSelector("#invite-role");
    await view.page.select("#invite-role", "pasient");
    await view.press("Lag lenke");
    await view.untilText(".dialog [role=alert]", "Pasient må logge inn, og det går ikke an med en lenke herfra.");
    await view.page.select("#invite-role", "parorende");
    await view.press("Lag lenke");
    await view.untilText(".dialog", "Lenken gjelder i 1 time, for én person.");
  });

  it("asks whoever alone decides here, before they leave the others behind, whether the call is over", async () => {
    await host();
    const kari = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann", role: "pasient" }));
    await view.untilText(".tile-name", "Kari Nordmann");
    await view.press("Forlat samtalen");
    await view.untilText("dialog h2", "Er dere ferdige?");
    await view.accessible();
    await view.page.keyboard.press("Escape");
    await view.until(() => document.querySelector("dialog.question") === null);
    assert.deepEqual([await view.sent("end_call"), await view.sent("leave")], [[], []]);
    await view.press("Forlat samtalen");
    await view.press("Avslutt for alle");
    await view.until(() => fakeBridge.received.some(({ type }) => type === "end_call"));
    assert.deepEqual(await view.sent("leave"), []);
    await view.page.evaluate((id) => fakeBridge.removeParticipant(id), kari);
    await view.untilText(".alone h2", "De andre er ikke her lenger");
    await view.press("Forlat samtalen");
    await view.untilText("h1", "Du har forlatt samtalen");
  });

  it("lets a host leave those behind who may decide themselves", async () => {
    await host();
    await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Åse Lege", role: "spesialist" }));
    await view.untilText(".tile-name", "Åse Lege");
    await view.press("Forlat samtalen");
    await view.untilText("h1", "Du har forlatt samtalen");
  });

  it("lets a host moderate from the tile, by keyboard alone", async () => {
    await host();
    const id = await view.page.evaluate(() => fakeBridge.addParticipant({ name: "Kari Nordmann", role: "nav", screen: true }));
    await view.untilText(".people .tile-name", "Kari Nordmann");
    await view.page.focus(".tile > .menu > summary");
    await view.page.keyboard.press("Enter");
    await view.until(() => document.querySelector(".tile > .menu").open);
    await inspect("tile-menu");
    await view.page.keyboard.press("ArrowDown");
    await view.until(() => document.activeElement.textContent === "Demp mikrofonen");
    await view.page.keyboard.press("ArrowDown");
    await view.until(() => document.activeElement.textContent === "Stopp skjermdelingen");
    await view.page.keyboard.press("Enter");
    await view.until(() => fakeBridge.received.some(({ type }) => type === "stop_screen"));
    assert.deepEqual(await view.sent("stop_screen"), [{ type: "stop_screen", participant_id: id }]);
    assert.equal(await view.page.evaluate(() => document.activeElement.matches(".tile > .menu > summary")), true);
    await view.page.keyboard.press("Enter");
    for (const text of ["Demp mikrofonen", "Stopp skjermdelingen", "Vis stort for alle"]) {
      await view.page.keyboard.press("ArrowDown");
      assert.equal(await view.page.evaluate(() => document.activeElement.textContent), text);
    }
    await view.page.keyboard.press("Enter");
    await view.until(() => fakeBridge.received.some(({ type }) => type === "pin_for_all"));
    assert.deepEqual(await view.sent("pin_for_all"), [{ type: "pin_for_all", participant_id: id }]);
    await view.page.keyboard.press("Enter");
    await view.page.keyboard.press("Escape");
    await view.until(() => !document.querySelector(".tile > .menu").open);
    await view.page.evaluate(() => {
      fakeBridge.notice({ type: "grants_changed", grants: fakeBridge.grants.filter((grant) => grant !== "host") });
    });
    await view.until(() => document.querySelector(".tile > .menu").hidden);
  });
});
