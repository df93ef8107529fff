/** A small line chart of the last quarter of an hour. What it shows stands in words below it. */
import { element, setText } from "../dom.js";
import { say } from "./texts.js";

/** @import { Sample } from "./api.js" */

const WIDTH = 300;
const HEIGHT = 84;
const TOP = 6;
/** Seconds that it shows. */
export const WINDOW = 900;

/**
 * @typedef {object} Line
 * @property {(sample: Sample) => number} of
 * @property {string} [name] where there are two
 */

export class Chart {
  /**
   * @param {string} title
   * @param {Line[]} lines
   * @param {(value: number) => string} format
   * @param {number} least the top of the scale is not below this, so that a quiet bridge looks quiet
   */
  constructor(title, lines, format, least) {
    this.lines = lines;
    this.format = format;
    this.least = least;
    this.top = element("span", { class: "chart-top" });
    this.words = lines.map(() => element("span", {}));
    this.paths = lines.map((_, index) => svg("path", { class: `chart-line line-${index}` }));
    this.area = svg("path", { class: "chart-area" });
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    for (const share of [0, 0.5, 1]) {
      const y = String(TOP + (HEIGHT - TOP - 1) * share);
      picture.append(svg("line", { class: "chart-grid", x1: "0", x2: String(WIDTH), y1: y, y2: y }));
    }
    picture.append(this.area, ...this.paths);
    const legend = lines.map(({ name }, index) =>
      element("p", { class: "chart-words" }, name && element("span", { class: `chart-key line-${index}` }), name && `${name}: `, this.words[index]),
    );
    this.node = element(
      "figure",
      { class: "chart" },
      element("figcaption", {}, element("h3", {}, title), ...legend),
      element("div", { class: "chart-picture" }, this.top, picture),
      element("div", { class: "chart-axis", "aria-hidden": "true" }, element("span", {}, say("minutesAgo")), element("span", {}, say("now"))),
    );
  }

  /**
   * @param {Sample[]} samples oldest first
   * @param {number} now seconds since the epoch
   */
  show(samples, now) {
    const most = Math.max(this.least, ...samples.flatMap((sample) => this.lines.map(({ of }) => of(sample))));
    const x = (/** @type {Sample} */ { at }) => WIDTH * (1 - (now - at) / WINDOW);
    const y = (/** @type {number} */ value) => HEIGHT - 1 - (HEIGHT - TOP - 1) * (value / most);
    setText(this.top, this.format(most));
    this.lines.forEach(({ of }, index) => {
      const points = samples.map((sample) => `${x(sample).toFixed(1)} ${y(of(sample)).toFixed(1)}`);
      const line = points.length === 0 ? "" : `M${points.join("L")}`;
      this.paths[index]?.setAttribute("d", line);
      const first = samples[0];
      const last = samples.at(-1);
      if (first === undefined || last === undefined) return;
      if (index === 0) this.area.setAttribute("d", `${line}L${x(last).toFixed(1)} ${HEIGHT}L${x(first).toFixed(1)} ${HEIGHT}Z`);
      const values = samples.map(of);
      const words = say("nowAndMost", { now: this.format(of(last)), most: this.format(Math.max(...values)) });
      const place = this.words[index];
      if (place) setText(place, words);
    });
  }
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 */
function svg(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
