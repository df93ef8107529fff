import assert from "node:assert/strict";
import { beforeEach, describe, it, mock } from "node:test";

import { Backoff } from "../../web/sdk/src/backoff.js";
import { Session } from "../../web/sdk/src/session.js";
import { FakeSocket, settle } from "./fake-socket.js";
import { protocolValidator } from "./schema.js";

const JOINED = {
  type: "joined",
  resumed: false,
  session: { id: "session-1", secret: "secret-1", grace_seconds: 30 },
  participant_id: "p-1",
  grants: ["publish_camera"],
  participants: [],
  own_sources: [],
  ice_servers: [],
  server: { name: "bridge", version: "1" },
};

/** Longer than any delay of the back-off. */
const AGES = 20_000;

describe("Session", () => {
  /** @type {FakeSocket[]} */
  let sockets;
  let tokens;
  let now;
  let session;
  let events;

  beforeEach((context) => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    context.after?.(() => mock.timers.reset());
    sockets = [];
    tokens = 0;
    now = 0;
    session = new Session("wss://bridge.example/v1/signal", () => `token-${(tokens += 1)}`, {
      subscribe: "all",
      reconnectFor: 60_000,
      backoff: new Backoff(),
      clock: () => now,
      openSocket: () => {
        sockets.push(new FakeSocket());
        return sockets.at(-1);
      },
    });
    events = [];
    for (const type of ["joined", "lost", "notice", "closed"]) session.on(type, (detail) => events.push([type, detail]));
  });

  const newest = () => sockets.at(-1);
  const names = () => events.map(([type]) => type);

  async function nextSocket() {
    now += AGES;
    mock.timers.tick(AGES);
    await settle();
    newest().open();
    await settle();
    return newest();
  }

  async function join() {
    const started = session.start();
    started.catch(() => undefined);
    const socket = await nextSocket();
    socket.reply(JOINED);
    await settle();
    return { socket, started };
  }

  it("joins with the token in the first message, as the protocol describes it", async () => {
    const { socket, started } = await join();
    assert.deepEqual(socket.sent, [{ type: "join", token: "token-1", subscribe: "all", id: 1 }]);
    assert.deepEqual(protocolValidator("client")(socket.sent[0]), []);
    assert.equal((await started).participant_id, "p-1");
  });

  it("resumes after the network was lost, with the newest secret", async () => {
    const { socket } = await join();
    socket.end(1006);
    await settle();
    assert.deepEqual(names(), ["joined", "lost"]);
    const second = await nextSocket();
    assert.deepEqual(second.sent, [{ type: "resume", session_id: "session-1", secret: "secret-1", id: 1 }]);
    second.reply({ ...JOINED, resumed: true, session: { ...JOINED.session, secret: "secret-2" } });
    await settle();
    second.end(1006);
    await settle();
    assert.equal((await nextSocket()).sent[0].secret, "secret-2");
  });

  it("joins anew with a fresh token when the session is gone", async () => {
    const { socket } = await join();
    socket.end(1006);
    await settle();
    const second = await nextSocket();
    second.reply({ type: "error", code: "session_unknown", message: "It is over." });
    second.end(4404);
    await settle();
    const third = await nextSocket();
    assert.equal(third.sent[0].type, "join");
    assert.equal(third.sent[0].token, "token-2");
  });

  it("joins anew when the bridge shuts down", async () => {
    const { socket } = await join();
    socket.deliver({ type: "closing", code: "shutting_down", message: "Bye.", close_code: 1001, retry: true });
    socket.end(1001);
    await settle();
    assert.equal((await nextSocket()).sent[0].type, "join");
  });

  it("does not fight with the tab that replaced it", async () => {
    const { socket } = await join();
    socket.deliver({ type: "closing", code: "replaced", message: "Elsewhere.", close_code: 4409, retry: false });
    socket.end(4409);
    await settle();
    mock.timers.tick(AGES);
    await settle();
    assert.equal(sockets.length, 1);
    assert.equal(events.at(-1)[0], "closed");
    assert.equal(events.at(-1)[1].code, "replaced");
  });

  it("offers the newest token that the bridge gave for a new join, and tells of each", async () => {
    const offered = [];
    const renewed = [];
    session = new Session("wss://bridge.example/v1/signal", (newest) => (offered.push(newest), newest ?? "first"), {
      subscribe: "all",
      reconnectFor: 60_000,
      backoff: new Backoff(),
      clock: () => now,
      renewed: "kept",
      openSocket: () => (sockets.push(new FakeSocket()), sockets.at(-1)),
    });
    session.on("renewed", (token) => renewed.push(token));
    session.start();
    const socket = await nextSocket();
    socket.reply({ ...JOINED, token: "second" });
    await settle();
    socket.deliver({ type: "token_renewed", token: "third" });
    await settle();
    socket.end(1001);
    await settle();
    const again = await nextSocket();
    assert.equal(again.sent[0].token, "third");
    assert.deepEqual([offered, renewed], [["kept", "third"], ["second", "third"]]);
    // Another bridge, or too late: the first one may do.
    again.reply({ type: "error", code: "token_bad_signature", message: "No." });
    again.deliver({ type: "closing", code: "token_bad_signature", message: "No.", close_code: 4401, retry: false });
    again.end(4401);
    await settle();
    assert.equal((await nextSocket()).sent[0].token, "first");
  });

  it("says what is wrong with the token, and tries no more", async () => {
    const started = session.start();
    const socket = await nextSocket();
    socket.reply({ type: "error", code: "token_expired", message: "It has expired.", field: "token", hint: "Get another." });
    socket.deliver({ type: "closing", code: "token_expired", message: "It has expired.", close_code: 4401, retry: false });
    socket.end(4401);
    await assert.rejects(started, { name: "TokenError", code: "token_expired", field: "token", hint: "Get another." });
    mock.timers.tick(AGES);
    await settle();
    assert.equal(sockets.length, 1);
  });

  it("gives up the first join after a few tries", async () => {
    const started = session.start();
    started.catch(() => undefined);
    for (let tries = 0; tries < 4; tries += 1) {
      mock.timers.tick(AGES);
      await settle();
      newest().end(1006);
      await settle();
    }
    await assert.rejects(started, { name: "ConnectionError", code: "unreachable" });
    assert.equal(sockets.length, 4);
  });

  it("gives a lost session up after a while, by its own clock", async () => {
    await join();
    for (let tries = 0; tries < 4; tries += 1) {
      assert.deepEqual(names(), tries === 0 ? ["joined"] : ["joined", "lost"]);
      newest().end(1006);
      await settle();
      now += AGES;
      mock.timers.tick(AGES);
      await settle();
    }
    newest().end(1006);
    await settle();
    assert.deepEqual(names(), ["joined", "lost", "closed"]);
    assert.equal(events.at(-1)[1].code, "unreachable");
  });

  it("joins anew with a fresh token when it is told to", async () => {
    await join();
    session.rejoin();
    await settle();
    assert.deepEqual(names(), ["joined", "lost"]);
    assert.deepEqual((await nextSocket()).sent, [{ type: "join", token: "token-2", subscribe: "all", id: 1 }]);
  });

  it("finds a dead network by asking, and comes back", async () => {
    const { socket } = await join();
    mock.timers.tick(10_000);
    assert.equal(socket.sent.at(-1).type, "ping");
    mock.timers.tick(5_000);
    await settle();
    assert.deepEqual(names(), ["joined", "lost"]);
    assert.equal((await nextSocket()).sent[0].type, "resume");
  });

  it("fails requests that a lost network left without a reply", async () => {
    const { socket } = await join();
    const request = session.request({ type: "get_stats" });
    socket.end(1006);
    await assert.rejects(request, { name: "ConnectionError", code: "connection_lost" });
  });

  it("gives requests their own errors", async () => {
    const { socket } = await join();
    const request = session.request({ type: "subscribe", source_ids: ["s-9"] });
    socket.reply({ type: "error", code: "unknown_source", message: "None such.", field: "source_ids[0]" });
    await assert.rejects(request, { name: "RequestError", code: "unknown_source", field: "source_ids[0]" });
  });

  it("passes notices on and ignores what it cannot read", async () => {
    const { socket } = await join();
    socket.dispatchEvent(new MessageEvent("message", { data: "{" }));
    socket.dispatchEvent(new MessageEvent("message", { data: "null" }));
    socket.deliver({ type: "something_of_version_2" });
    assert.deepEqual(names(), ["joined", "notice"]);
  });

  it("leaves for good", async () => {
    const { socket } = await join();
    const leaving = session.leave();
    assert.equal(socket.sent.at(-1).type, "leave");
    socket.reply({ type: "done" });
    await leaving;
    mock.timers.tick(AGES);
    await settle();
    assert.equal(sockets.length, 1);
    assert.deepEqual(events.at(-1), ["closed", null]);
    await assert.rejects(session.request({ type: "ping" }), { code: "left" });
  });
});
