import { testLine } from "../../sdk/src/line-test.js";
import { support } from "../brand.js";
import { element, setAttribute, setText } from "../dom.js";
import { language, t } from "../i18n.js";
import { Row } from "./row.js";
import { judgeLine } from "./verdict.js";

/** @import { LineReport } from "../../sdk/src/line-test.js" */
/** @import { TextKey } from "../i18n.js" */
/** @import { LineLevel } from "./verdict.js" */

/** @type {Record<LineLevel, TextKey>} */
const WORDS = { good: "lineGood", fair: "lineFair", poor: "linePoor", none: "lineNone" };

/** Tests the line, and says what it is worth, what to do about it, and what was measured. */
export class LineRow {
  #url;
  #token;
  #row = new Row(t("line"));
  #advice = element("ul", { class: "test-advice" });
  #support = element("div");
  #facts = element("dl", { class: "test-facts" });
  #again = element("button", { type: "button", class: "button small", onclick: () => this.start() }, t("selfTestAgain"));
  /** @type {AbortController | null} */
  #running = null;
  node = this.#row.node;

  /**
   * @param {string} url
   * @param {string} token
   */
  constructor(url, token) {
    this.#url = url;
    this.#token = token;
    this.#row.body.append(this.#advice, this.#support, this.#facts, this.#again);
  }

  /** To be called from a click: browsers start sound, silent though it is, only then. */
  async start() {
    if (this.#running) return;
    const { signal } = (this.#running = new AbortController());
    for (const each of [this.#advice, this.#support, this.#facts, this.#again]) setAttribute(each, "hidden", true);
    this.#row.say("busy", t("lineReaching"));
    try {
      this.#show(await testLine(this.#url, this.#token, { signal, onMeasuring: () => this.#row.say("busy", t("lineMeasuring")) }));
    } catch {
      if (!signal.aborted) this.#row.say("unknown", t("lineUntested"));
    } finally {
      this.#running = null;
      setAttribute(this.#again, "hidden", false);
    }
  }

  close() {
    this.#running?.abort();
  }

  /** @param {LineReport} report */
  #show(report) {
    const { level, advice } = judgeLine(report);
    this.#row.say(level, t(WORDS[level]));
    this.#advice.replaceChildren(...advice.map((key) => element("li", {}, t(key))));
    setAttribute(this.#advice, "hidden", advice.length === 0);
    this.#support.replaceChildren(support() ?? "");
    setAttribute(this.#support, "hidden", level !== "poor" && level !== "none");
    const { roundTrip, jitter, lossUp, lossDown, rateUp, rateDown, udp, tcp } = report;
    const ways = [udp === true && "UDP", tcp === true && "TCP"].filter(Boolean).join(", ") || t("wayNone");
    /** @type {[TextKey, string][]} */
    const facts = [
      ["factRoundTrip", milliseconds(roundTrip)],
      ["factJitter", milliseconds(jitter)],
      ["factLoss", `${percent(lossUp)} / ${percent(lossDown)}`],
      ["factRate", `${rate(rateUp)} / ${rate(rateDown)}`],
      ["factWays", ways],
    ];
    const shown = report.protocol === null ? facts.slice(-1) : facts;
    this.#facts.replaceChildren(...shown.flatMap(([key, value]) => [element("dt", {}, t(key)), element("dd", {}, value)]));
    setAttribute(this.#facts, "hidden", false);
    setText(this.#again, t("selfTestAgain"));
  }
}

/** @param {number | null} value */
function milliseconds(value) {
  return value === null ? t("unknown") : t("milliseconds", { value: Math.round(value) });
}

/** @param {number | null} share */
function percent(share) {
  return share === null ? t("unknown") : new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(share);
}

/** @param {number | null} bitrate */
function rate(bitrate) {
  if (bitrate === null) return t("unknown");
  const [value, unit] = bitrate < 1e6 ? [bitrate / 1000, "kbit/s"] : [bitrate / 1e6, "Mbit/s"];
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: unit === "kbit/s" ? 0 : 1 }).format(value)} ${unit}`;
}
