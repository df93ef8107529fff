import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Backoff } from "../../web/sdk/src/backoff.js";
import { BridgeError, RequestError, refusalToError, RoomError, TokenError } from "../../web/sdk/src/errors.js";
import { Emitter } from "../../web/sdk/src/emitter.js";
import { levelOf, rateParticipant, rateSending, worse } from "../../web/sdk/src/quality-monitor.js";
import { Roster } from "../../web/sdk/src/roster.js";
import { lostAtFirst, rate, StatisticsReader } from "../../web/sdk/src/statistics.js";
import { Unheard } from "../../web/sdk/src/unheard.js";

describe("Backoff", () => {
  it("doubles up to its maximum, half of it random", () => {
    const longest = new Backoff({ initial: 500, maximum: 4_000, random: () => 1 });
    assert.deepEqual([1, 2, 3, 4, 5, 6].map(() => longest.next()), [250, 500, 1_000, 2_000, 4_000, 4_000]);
    const shortest = new Backoff({ initial: 500, maximum: 4_000, random: () => 0 });
    assert.deepEqual([1, 2, 3, 4, 5, 6].map(() => shortest.next()), [0, 250, 500, 1_000, 2_000, 2_000]);
  });

  it("begins anew after a reset", () => {
    const backoff = new Backoff({ random: () => 0 });
    backoff.next();
    backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), 0);
    assert.equal(backoff.tries, 1);
  });
});

describe("refusalToError", () => {
  const refusal = { code: "room_full", message: "Full.", field: "room", hint: "Wait." };

  it("tells requests, rooms and tokens apart", () => {
    assert.ok(refusalToError(refusal) instanceof RequestError);
    assert.ok(refusalToError(refusal, 4403) instanceof RoomError);
    assert.ok(refusalToError({ code: "token_expired", message: "Expired." }) instanceof TokenError);
    assert.ok(refusalToError({ code: "anything", message: "No." }, 4401) instanceof TokenError);
  });

  it("keeps code, field and hint", () => {
    const error = refusalToError(refusal);
    assert.ok(error instanceof BridgeError);
    assert.deepEqual([error.code, error.message, error.field, error.hint], ["room_full", "Full.", "room", "Wait."]);
  });
});

describe("Roster", () => {
  const camera = { id: "s-1", source: "camera", kind: "video", muted: false, upload: "full", interrupted: false };
  const kari = { id: "p-1", name: "Kari", role: "fastlege", state: "connected", sources: [camera], level: "", hand_raised: false, companions: [], may_host: true, consent_pending: false, consented_by_vendor: false };

  function listenedRoster() {
    const roster = new Roster({ setSubscribed: async () => {}, setPaused: async () => {} }, true);
    const events = [];
    const types = ["participantjoined", "participantleft", "participantchange", "sourceadded", "sourceremoved", "sourcechange"];
    for (const type of types) roster.on(type, () => events.push(type));
    return { roster, events };
  }

  it("tells what a whole state changed, and nothing of what it did not", () => {
    const { roster, events } = listenedRoster();
    roster.reset([kari]);
    assert.deepEqual(events.splice(0), ["participantjoined", "sourceadded"]);
    roster.reset([kari]);
    assert.deepEqual(events.splice(0), []);
    roster.reset([{ ...kari, state: "reconnecting", sources: [] }]);
    assert.deepEqual(events.splice(0), ["participantchange", "sourceremoved"]);
    roster.reset([]);
    assert.deepEqual(events.splice(0), ["participantleft"]);
  });

  it("follows mute, stalled media and levels", () => {
    const { roster, events } = listenedRoster();
    roster.reset([kari]);
    events.length = 0;
    roster.apply({ type: "media_flow", source_id: "s-1", direction: "from_bridge", state: "stalled" });
    assert.equal(roster.source("s-1").stalled, true);
    roster.apply({ type: "source_updated", participant_id: "p-1", source: { ...camera, muted: true } });
    assert.equal(roster.source("s-1").stalled, false);
    assert.equal(roster.source("s-1").muted, true);
    assert.deepEqual(events, ["sourcechange", "sourcechange"]);
    roster.apply({ type: "audio_levels", levels: [{ participant_id: "p-1", source_id: "s-1", level: 0, voice: true }] });
    assert.deepEqual([roster.source("s-1").level, roster.source("s-1").speaking], [1, true]);
    roster.apply({ type: "audio_levels", levels: [] });
    assert.equal(roster.source("s-1").speaking, false);
  });

  it("tells who speaks, and when they are gone", () => {
    const { roster } = listenedRoster();
    const told = [];
    roster.on("activespeaker", (participant) => told.push(participant?.id ?? null));
    roster.reset([kari]);
    roster.apply({ type: "active_speaker", participant_id: "p-1", source_id: "s-1" });
    assert.equal(roster.activeSpeaker, roster.participants.get("p-1"));
    roster.apply({ type: "active_speaker", participant_id: "oneself", source_id: "s-9" });
    roster.reset([]);
    roster.apply({ type: "active_speaker", participant_id: null, source_id: null });
    assert.deepEqual(told, ["p-1", null]);
  });

  it("survives notices about people and sources that it does not know", () => {
    const { roster, events } = listenedRoster();
    roster.apply({ type: "participant_left", participant_id: "p-9", reason: "left" });
    roster.apply({ type: "source_removed", participant_id: "p-9", source_id: "s-9" });
    roster.apply({ type: "source_added", participant_id: "p-9", source: camera });
    roster.apply({ type: "media_flow", source_id: "s-9", direction: "from_bridge", state: "stalled" });
    assert.deepEqual(events, []);
  });
});

describe("quality", () => {
  it("is the worse of what the bridge says and what is measured", () => {
    assert.deepEqual(["excellent", "good", "poor", "lost", null].map(levelOf), [3, 2, 1, 0, null]);
    assert.equal(worse(3, 1), 1);
    assert.equal(worse(null, 2), 2);
    assert.equal(worse(0, null), 0);
    assert.equal(worse(null, null), null);
  });
});

describe("statistics", () => {
  const inbound = (timestamp, packetsReceived, packetsLost, bytesReceived) => ({
    id: "in-1", type: "inbound-rtp", timestamp, packetsReceived, packetsLost, bytesReceived, jitter: 0.01,
  });

  it("are figures for the time between two readings", () => {
    const reader = new StatisticsReader();
    assert.equal(reader.read(new Map([["in-1", inbound(1_000, 100, 0, 10_000)]]), () => "s-1").sources.size, 0);
    const { sources } = reader.read(new Map([["in-1", inbound(3_000, 195, 5, 35_000)]]), () => "s-1");
    const { bitrate, packets, lost } = sources.get("s-1");
    assert.deepEqual([bitrate, packets, lost], [100_000, 95, 0.05]);
  });

  it("tell what the line lost of all that was sent, though it came at the second try", () => {
    const outbound = (id, timestamp, packetsSent, retransmittedPacketsSent) => [
      id, { id, type: "outbound-rtp", timestamp, packetsSent, retransmittedPacketsSent },
    ];
    const remote = ["remote", { type: "remote-inbound-rtp", localId: "voice", fractionLost: 0.01 }];
    const reader = new StatisticsReader();
    reader.read(new Map([outbound("voice", 1_000, 50, 1), outbound("face", 1_000, 10, 0)]), ({ id }) => id);
    const { sources } = reader.read(new Map([outbound("voice", 3_000, 153, 4), outbound("face", 3_000, 60, 0), remote]), ({ id }) => id);
    assert.deepEqual(["voice", "face"].map((id) => sources.get(id).resent), [0.03, 0]);
    assert.equal(lostAtFirst([...sources.values()]).toFixed(3), (0.03 * 103 / 153).toFixed(3));
    assert.equal(lostAtFirst([]), 0);
  });

  it("find the address pair in use", () => {
    const report = new Map([
      ["old", { type: "candidate-pair", nominated: true, state: "succeeded", bytesReceived: 1, localCandidateId: "a" }],
      ["new", { type: "candidate-pair", nominated: true, state: "succeeded", bytesReceived: 9, localCandidateId: "b", currentRoundTripTime: 0.04 }],
      ["b", { type: "local-candidate", protocol: "tcp" }],
    ]);
    const reader = new StatisticsReader();
    const { connection } = reader.read(report, () => null);
    assert.deepEqual(connection, { roundTrip: 0.04, availableBitrate: null, protocol: "tcp", received: 9 });
    assert.equal(reader.read(report, () => null).connection.received, 0, "nothing comes back any more");
    // Chromium says which it is before it has nominated it.
    report.set("third", { type: "candidate-pair", nominated: false, bytesReceived: 12, availableOutgoingBitrate: 84_400 });
    report.set("transport", { type: "transport", selectedCandidatePairId: "third" });
    assert.equal(reader.read(report, () => null).connection.availableBitrate, 84_400);
  });

  it("become a rating", () => {
    const fine = { packets: 100, lost: 0, concealed: 0, frozen: 0 };
    assert.equal(rate(fine), 3);
    assert.equal(rate({ ...fine, lost: 0.03 }), 2);
    assert.equal(rate({ ...fine, frozen: 0.5 }), 1);
    assert.equal(rate({ ...fine, packets: 0 }), 0);
  });

  it("rate a participant by its worst source, without those that are muted", () => {
    const fine = { packets: 100, lost: 0, concealed: 0, frozen: 0 };
    const received = new Map([["voice", fine], ["face", { ...fine, lost: 0.2 }], ["off", { ...fine, packets: 0 }]]);
    const source = (id, muted = false) => [id, { id, muted, paused: false }];
    const participant = { sources: new Map([source("voice"), source("face"), source("off", true)]) };
    assert.equal(rateParticipant(participant, { received }), 1);
    assert.equal(rateParticipant({ sources: new Map() }, { received }), null);
  });

  it("rate one's own line by loss and round trip", () => {
    const sent = new Map([["s-1", { lost: 0 }]]);
    assert.equal(rateSending({ publish: { roundTrip: 0.05 }, sent }), 3);
    assert.equal(rateSending({ publish: { roundTrip: 0.4 }, sent }), 2);
    assert.equal(rateSending({ publish: { roundTrip: 0.05 }, sent: new Map([["s-1", { lost: 0.1 }]]) }), 1);
    assert.equal(rateSending({ publish: null, sent: new Map() }), null);
    const lossy = { publish: { roundTrip: 0.05 }, sent: new Map([["voice", { lost: 0.1 }], ["face", { lost: 0.01 }]]) };
    assert.equal(rateSending(lossy, new Set(["voice"])), 3, "what is repeated is there with the next packet, what is asked for a little later");
    assert.equal(rateSending(lossy, new Set(["face"])), 1);
  });
});

describe("Unheard", () => {
  const microphone = { id: "s-1" };
  const stalled = { type: "media_flow", direction: "to_bridge", source_id: "s-1", state: "stalled" };

  /** What is said of what the bridge tells: `+` of a source that does not reach it, `-` of one that does. */
  function said(...told) {
    const session = new Emitter();
    const unheard = new Unheard(session, () => [microphone]);
    const changes = [];
    unheard.on("change", (change) => changes.push(change.stalled ? "+" : "-"));
    for (const [type, detail] of told) session.emit(type, detail);
    return changes.join("");
  }

  it("tells of own sources that stop and go on", () => {
    assert.equal(said(["notice", stalled], ["notice", { ...stalled, state: "live" }]), "+-");
    assert.equal(said(["notice", { ...stalled, direction: "from_bridge" }], ["notice", { ...stalled, source_id: "s-2" }]), "");
  });

  it("forgets what stopped when everything is sent anew", () => {
    assert.equal(said(["notice", stalled], ["joined", { resumed: true }]), "+");
    assert.equal(said(["notice", stalled], ["joined", { resumed: false }], ["joined", { resumed: false }]), "+-");
    assert.equal(said(["notice", stalled], ["notice", { type: "sent_to_lobby" }]), "+-");
  });
});
