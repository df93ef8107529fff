/** What a line is called by what was measured, and how that is read from a browser's statistics. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { judgeLine } from "../../web/client/self-test/verdict.js";
import { LineMeter } from "../../web/sdk/src/line-meter.js";
import { only } from "../../web/sdk/src/line-test.js";

const GOOD = { udp: true, tcp: true, protocol: "udp", roundTrip: 30, jitter: 5, lossUp: 0, lossDown: 0, rateUp: 1e6, rateDown: 1e6 };

describe("a line", () => {
  const cases = [
    ["good", {}, "good", []],
    ["good where little is known", { roundTrip: null, jitter: null, lossUp: null, lossDown: null, rateUp: null, rateDown: null }, "good", []],
    ["fair with some loss either way", { lossDown: 0.03 }, "fair", ["adviceLoss"]],
    ["poor with much loss", { lossUp: 0.1 }, "poor", ["adviceLoss"]],
    ["poor where it carries little", { rateUp: 120_000 }, "poor", ["adviceRate"]],
    ["fair where answers come late", { roundTrip: 320 }, "fair", ["adviceDelay"]],
    ["fair over TCP, since UDP is stopped", { udp: false, protocol: "tcp" }, "fair", ["adviceTcp"]],
    ["none where nothing gets through", { udp: false, tcp: false, protocol: null }, "none", ["adviceNone"]],
    ["poor with everything", { udp: false, protocol: "tcp", lossUp: 0.2, rateDown: 1e5, roundTrip: 900 }, "poor", ["adviceTcp", "adviceLoss", "adviceRate", "adviceDelay"]],
  ];
  for (const [name, changes, level, advice] of cases) {
    it(`is ${name}`, () => assert.deepEqual(judgeLine({ ...GOOD, ...changes }), { level, advice }));
  }
});

describe("the meter", () => {
  const stats = (...entries) => new Map(entries.map((entry, index) => [String(index), entry]));
  /** Half a second apart: 250 kbit/s up, 100 kbit/s down. */
  const sample = (meter, at, { lost = 0, report = 0, jitter = 0.012 } = {}) => {
    const packets = 50 * at + 1;
    meter.add(
      stats(
        { type: "outbound-rtp", kind: "audio", timestamp: at * 1000, packetsSent: packets, bytesSent: 31_250 * at, headerBytesSent: 0 },
        { type: "remote-inbound-rtp", kind: "audio", packetsLost: report, roundTripTime: 0.08 },
        { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.2, availableOutgoingBitrate: 600_000 },
      ),
      stats({ type: "inbound-rtp", kind: "audio", packetsReceived: packets - lost, packetsLost: lost, bytesReceived: 12_500 * at, jitter }),
    );
  };

  it("reads rates, round trip, jitter and loss by direction", () => {
    const meter = new LineMeter();
    for (let at = 0; at <= 8; at += 1) sample(meter, at, { lost: at * 5, report: at * 2 });
    const { roundTrip, jitter, lossUp, lossDown, rateUp, rateDown } = meter.report(null);
    assert.equal(roundTrip, 80);
    assert.equal(jitter, 12);
    assert.ok(Math.abs(lossUp - 16 / 401) < 1e-9);
    assert.ok(Math.abs(lossDown - (40 / 401 - 16 / 401)) < 1e-9);
    assert.equal(rateUp, 600_000, "what the browser takes the line for");
    assert.equal(rateDown, 100_000);
    assert.equal(meter.report(450_000).rateDown, 450_000, "what the bridge takes the line for");
  });

  it("says that it does not know what it did not see", () => {
    const { roundTrip, lossUp, rateUp, rateDown } = new LineMeter().report(null);
    assert.deepEqual([roundTrip, lossUp, rateUp, rateDown], [null, null, null, null]);
  });
});

describe("an answer of one protocol", () => {
  const sdp = ["v=0", "a=candidate:1 1 udp 2 192.0.2.1 3478 typ host", "a=candidate:2 1 TCP 1 192.0.2.1 3478 typ host tcptype passive", "a=end-of-candidates", ""].join("\r\n");

  it("has that protocol's candidates only", () => {
    assert.equal(only("udp", sdp).match(/candidate:\d/g).join(), "candidate:1");
    assert.equal(only("tcp", sdp).match(/candidate:\d/g).join(), "candidate:2");
  });

  it("is none where the bridge offers none", () => {
    assert.equal(only("tcp", "v=0\r\na=candidate:1 1 udp 2 192.0.2.1 3478 typ host\r\n"), null);
  });
});
