/** @import { LineReport } from "../../sdk/src/line-test.js" */
/** @import { TextKey } from "../i18n.js" */

/** @typedef {"good" | "fair" | "poor" | "none"} LineLevel */

/**
 * Beyond which a line is fair, and poor: milliseconds of round trip and of jitter (there and back), share of lost packets,
 * bit/s. Speech becomes tiring past 400 ms there and back (ITU-T G.114 has 150 ms one way, 400 ms at most); a small picture
 * takes 150 kbit/s and a clear one 500.
 */
const BOUNDS = {
  roundTrip: { fair: 250, poor: 500 },
  jitter: { fair: 40, poor: 100 },
  loss: { fair: 0.02, poor: 0.06 },
  rate: { fair: 500_000, poor: 150_000 },
};

/**
 * What a line is worth, and what to do about it, the most useful first.
 *
 * @param {LineReport} report
 * @returns {{ level: LineLevel, advice: TextKey[] }}
 */
export function judgeLine({ udp, protocol, roundTrip, jitter, lossUp, lossDown, rateUp, rateDown }) {
  if (protocol === null) return { level: "none", advice: ["adviceNone"] };
  const loss = Math.max(lossUp ?? 0, lossDown ?? 0);
  const rate = Math.min(rateUp ?? Infinity, rateDown ?? Infinity);
  const grades = {
    loss: grade(loss, BOUNDS.loss),
    jitter: grade(jitter ?? 0, BOUNDS.jitter),
    delay: grade(roundTrip ?? 0, BOUNDS.roundTrip),
    rate: grade(-rate, { fair: -BOUNDS.rate.fair, poor: -BOUNDS.rate.poor }),
  };
  const detour = protocol === "tcp" && udp === false;
  const worst = Math.max(...Object.values(grades), detour ? 1 : 0);
  /** @type {TextKey[]} */
  const advice = [];
  if (detour) advice.push("adviceTcp");
  if (grades.loss > 0 || grades.jitter > 0) advice.push("adviceLoss");
  if (grades.rate > 0) advice.push("adviceRate");
  if (grades.delay > 0) advice.push("adviceDelay");
  return { level: worst === 0 ? "good" : worst === 1 ? "fair" : "poor", advice };
}

/** @param {number} value @param {{ fair: number, poor: number }} bounds @returns {0 | 1 | 2} */
function grade(value, { fair, poor }) {
  return value >= poor ? 2 : value >= fair ? 1 : 0;
}
