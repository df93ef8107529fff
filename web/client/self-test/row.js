import { element, setAttribute, setText } from "../dom.js";
import { icon } from "../icons.js";

/** @typedef {"good" | "fair" | "poor" | "none" | "unknown" | "busy"} RowState */

/** One thing that is tested: what it is, how it stands in words (read out when that changes), and what belongs to it. */
export class Row {
  #status = element("p", { class: "test-status", role: "status" });
  body = element("div", { class: "test-body" });
  node;

  /** @param {string} title */
  constructor(title) {
    const mark = element("span", { class: "test-mark" }, icon("check"), icon("warning"));
    this.node = element("section", { class: "test-row", "data-state": "unknown" }, mark, element("div", { class: "test-words" }, element("h3", {}, title), this.#status, this.body));
  }

  /**
   * @param {RowState} state
   * @param {string} text
   */
  say(state, text) {
    setAttribute(this.node, "data-state", state);
    setText(this.#status, text);
  }
}
