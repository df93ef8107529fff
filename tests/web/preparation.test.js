import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { Preparation } from "../../web/sdk/src/preparation.js";
import { Socket } from "../../web/sdk/src/socket.js";
import { FakeSocket, settle } from "./fake-socket.js";

const URL = "wss://bridge.example/v1/signal";

describe("Preparation", () => {
  /** @type {FakeSocket[]} */
  let sockets;
  let preparation;

  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    sockets = [];
    preparation = new Preparation(URL, () => {
      sockets.push(new FakeSocket());
      return sockets.at(-1);
    });
  });
  afterEach(() => mock.timers.reset());

  it("opens one socket, says nothing on it, and hands it over once", () => {
    preparation.renew();
    preparation.renew();
    assert.equal(sockets.length, 1);
    sockets[0].open();
    assert.equal(preparation.take(URL), sockets[0]);
    assert.deepEqual(sockets[0].sent, []);
    assert.equal(preparation.take(URL), null);
    mock.timers.tick(60_000);
    assert.equal(sockets[0].readyState, 1);
  });

  it("lets go of a socket before the bridge does, and opens another when asked", () => {
    preparation.renew();
    sockets[0].open();
    mock.timers.tick(8_000);
    assert.equal(sockets[0].readyState, 3);
    assert.equal(preparation.take(URL), null);
    preparation.renew();
    sockets[1].end(1006);
    assert.equal(preparation.take(URL), null);
    preparation.renew();
    assert.equal(preparation.take(URL), sockets[2]);
  });

  it("gives nothing for another address, and closes with the page", () => {
    preparation.renew();
    assert.equal(preparation.take("wss://elsewhere.example/v1/signal"), null);
    assert.equal(sockets[0].readyState, 3);
    preparation.renew();
    preparation.close();
    assert.equal(sockets[1].readyState, 3);
  });

  it("serves a call whether it has opened already or not", async () => {
    for (const opened of [true, false]) {
      const fake = new FakeSocket();
      if (opened) fake.open();
      const socket = new Socket(URL, () => fake);
      if (!opened) fake.open();
      await socket.opened;
      socket.request({ type: "ping" }).catch(() => undefined);
      await settle();
      assert.equal(fake.sent[0].type, "ping");
      socket.abandon();
    }
  });
});
