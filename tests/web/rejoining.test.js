import assert from "node:assert/strict";
import { beforeEach, describe, it, mock } from "node:test";

import { ConnectionWatch } from "../../web/sdk/src/connection.js";
import { Emitter } from "../../web/sdk/src/emitter.js";
import { Rejoining } from "../../web/sdk/src/rejoining.js";

class Source extends Emitter {
  state = "connecting";
  rejoined = 0;

  rejoin() {
    this.rejoined += 1;
  }

  tell(type, detail) {
    this.emit(type, detail);
  }
}

/** Longer than any delay of the back-off. */
const AGES = 60_000;

describe("Rejoining", () => {
  let session;
  let connections;
  let rejoining;

  beforeEach((context) => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    context.after?.(() => mock.timers.reset());
    session = new Source();
    connections = [new Source(), new Source()];
    rejoining = new Rejoining(session, connections);
  });

  const fail = (connection = "publish") => session.tell("notice", { type: "connection_state", connection, state: "failed" });

  it("joins anew once when the bridge has given both connections up", () => {
    fail("publish");
    fail("subscribe");
    mock.timers.tick(AGES);
    assert.equal(session.rejoined, 1);
  });

  it("joins anew once when the browser sends nothing over them any more", () => {
    for (const connection of connections) connection.tell("spent", null);
    mock.timers.tick(AGES);
    assert.equal(session.rejoined, 1);
  });

  it("heeds no other state of a connection", () => {
    session.tell("notice", { type: "connection_state", connection: "publish", state: "disconnected" });
    mock.timers.tick(AGES);
    assert.equal(session.rejoined, 0);
  });

  it("joins anew no more when that has happened meanwhile, or the call is over", () => {
    fail();
    session.tell("joined", { resumed: false });
    mock.timers.tick(AGES);
    fail();
    session.tell("joined", { resumed: true });
    session.tell("closed", null);
    mock.timers.tick(AGES);
    assert.equal(session.rejoined, 0);
  });

  it("waits longer each time, until both connections stand", () => {
    const delays = [];
    const delay = () => {
      fail();
      const before = session.rejoined;
      for (let waited = 0; ; waited += 100) {
        if (session.rejoined > before) return waited;
        mock.timers.tick(100);
      }
    };
    for (let times = 0; times < 4; times += 1) delays.push(delay());
    assert.ok(delays[0] <= 2_600 && delays[2] >= 5_000 && delays[3] >= 10_000, `${delays}`);
    connections[0].state = "connected";
    connections[0].tell("state", "connected");
    assert.ok(delay() >= 10_000);
    assert.equal(rejoining.blocked, true);
    connections[1].state = "connected";
    connections[1].tell("state", "connected");
    assert.equal(rejoining.blocked, false);
    assert.ok(delay() <= 2_600);
  });
});

describe("ConnectionWatch", () => {
  beforeEach(() => mock.timers.reset());

  class Connection extends EventTarget {
    connectionState = "new";
    received = 0;

    async getStats() {
      return new Map([["pair", { type: "candidate-pair", bytesReceived: this.received }]]);
    }

    become(state) {
      this.connectionState = state;
      this.dispatchEvent(new Event("connectionstatechange"));
    }
  }

  /** What it says of a connection that goes through these states. */
  function said(failsForGood, ...states) {
    const connection = new Connection();
    const watch = new ConnectionWatch(connection, failsForGood);
    const told = [];
    watch.on("state", (state) => told.push(state));
    watch.on("spent", () => told.push("spent"));
    for (const state of states) connection.become(state);
    watch.close();
    return told;
  }

  const FAILED_IN_MID_CALL = ["connecting", "connected", "disconnected", "failed", "connecting", "connected"];

  it("takes a connection that failed and is back as good, where browsers do", () => {
    assert.deepEqual(said(false, ...FAILED_IN_MID_CALL), ["connecting", "connected", "recovering", "connected"]);
  });

  it("has another one take its place where it sends nothing any more", () => {
    assert.deepEqual(said(true, ...FAILED_IN_MID_CALL), ["connecting", "connected", "recovering", "spent"]);
    assert.deepEqual(said(true, "connecting", "failed", "connecting", "connected"), ["connecting", "spent"]);
  });

  /** Lets so many milliseconds pass, and what was begun then go on. */
  async function pass(milliseconds) {
    mock.timers.tick(milliseconds);
    await new Promise(setImmediate);
  }

  /** A connection that was connected, and what is said of it. */
  function connected() {
    mock.timers.enable({ apis: ["setTimeout"] });
    const connection = new Connection();
    const watch = new ConnectionWatch(connection, false);
    const told = [];
    watch.on("state", (state) => told.push(state));
    watch.on("restart", () => told.push("restart"));
    for (const state of ["connecting", "connected"]) connection.become(state);
    told.length = 0;
    return { connection, watch, told };
  }

  it("leaves one alone on which media arrives, whatever one lost check is to the browser", async () => {
    const { connection, watch, told } = connected();
    connection.become("disconnected");
    connection.received += 1_000;
    await pass(1_000);
    connection.become("connected");
    await pass(AGES);
    assert.deepEqual(told, []);
    watch.close();
  });

  it("restarts one that stays disconnected though media arrives: ours may not", async () => {
    const { connection, watch, told } = connected();
    connection.become("disconnected");
    for (let second = 0; second < 3; second += 1) {
      connection.received += 1_000;
      await pass(1_000);
    }
    assert.deepEqual(told, ["recovering", "restart"]);
    watch.close();
  });

  it("says after a second that nothing arrives, and restarts after two", async () => {
    const { connection, watch, told } = connected();
    connection.become("disconnected");
    await pass(1_000);
    assert.deepEqual(told, ["recovering"]);
    await pass(1_000);
    assert.deepEqual(told, ["recovering", "restart"]);
    watch.close();
  });

  it("says of one that stays away, and is restarted before the browser says so, that it has failed", async () => {
    const { connection, watch, told } = connected();
    connection.become("disconnected");
    await pass(1_000);
    connection.become("connecting");
    mock.timers.tick(AGES);
    connection.become("disconnected");
    mock.timers.tick(AGES);
    connection.become("connected");
    mock.timers.tick(AGES);
    const states = told.filter((what) => what !== "restart");
    assert.deepEqual(states, ["recovering", "failed", "connected"]);
    watch.close();
  });

  it("keeps one that was only disconnected", () => {
    const states = ["connecting", "connected", "disconnected", "connecting", "connected"];
    assert.deepEqual(said(true, ...states), ["connecting", "connected"]);
  });
});
