import assert from "node:assert/strict";
import { beforeEach, describe, it, mock } from "node:test";

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
