import assert from "node:assert/strict";
import { test } from "node:test";

import { UdpReturn, offersUdp } from "../../web/sdk/src/udp-return.js";

/** Looks every two seconds for so many minutes; when it restarted ICE, in seconds. @param {(at: number) => ["udp" | "tcp" | null, boolean?]} seen */
function restarts(minutes, seen) {
  let now = 0;
  const at = [];
  const back = new UdpReturn(() => at.push(now / 1000), () => now);
  for (; now <= minutes * 60_000; now += 2_000) {
    const [protocol, offered = true] = seen(now / 1000);
    back.look(protocol, offered);
  }
  return at;
}

test("a connection that left UDP tries it again, ever less often while that does not help", () => {
  assert.deepEqual(restarts(65, (at) => [at < 10 ? "udp" : "tcp"]), [70, 190, 430, 910, 1810, 2710, 3610]);
});

test("one that never was on UDP is left alone, and so is one on UDP", () => {
  assert.deepEqual(restarts(30, () => ["tcp"]), []);
  assert.deepEqual(restarts(30, () => ["udp"]), []);
});

test("where the bridge takes no UDP it is not tried", () => {
  assert.deepEqual(restarts(30, (at) => [at < 10 ? "udp" : "tcp", false]), []);
});

test("what is interrupted goes on counting", () => {
  assert.deepEqual(restarts(2, (at) => [at < 10 ? "udp" : at > 30 && at < 50 ? null : "tcp"]), [70]);
});

test("UDP that comes and goes is tried less often; once it has stood for five minutes, trouble is new", () => {
  const comesAndGoes = (at) => [at < 10 || (at > 72 && at < 100) ? "udp" : "tcp"];
  assert.deepEqual(restarts(4, comesAndGoes), [70, 220]);
  const mended = (at) => [at < 10 || (at > 72 && at < 400) ? "udp" : "tcp"];
  assert.deepEqual(restarts(8, mended), [70, 460]);
});

test("candidates of the description tell whether the bridge takes UDP", () => {
  const of = (protocol) => ({ remoteDescription: { sdp: `v=0\r\na=candidate:1 1 ${protocol} 2130706431 192.0.2.1 3478 typ host\r\n` } });
  assert.equal(offersUdp(of("udp")), true);
  assert.equal(offersUdp(of("UDP")), true);
  assert.equal(offersUdp(of("tcp")), false);
  assert.equal(offersUdp(null), false);
});
