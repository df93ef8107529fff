/** Whether the node takes new calls, and the button that changes it. */
import { element, setAttribute, setText } from "../dom.js";
import { setDraining } from "./api.js";
import { say } from "./texts.js";

/** @import { NodeState } from "./api.js" */

/**
 * Names of the checks that fail; draining has words of its own.
 *
 * @param {NodeState["checks"]} checks
 */
function failing(checks) {
  return Object.keys(checks).filter((name) => name !== "not_draining" && !checks[name]);
}

/**
 * @param {NodeState} node
 * @param {{ draining: string, well: string }} words
 */
export function condition({ draining, checks }, words) {
  const failed = failing(checks);
  const parts = [...(draining ? [words.draining] : []), ...(failed.length > 0 ? [say("notReady", { checks: failed.join(", ") })] : [])];
  return parts.join(" · ") || words.well;
}

export class DrainControl {
  /**
   * @param {boolean} allowed whether the operator's key grants it
   * @param {() => void} onChanged
   * @param {(error: unknown) => string} onFailed what to say of it
   */
  constructor(allowed, onChanged, onFailed) {
    this.draining = false;
    this.onChanged = onChanged;
    this.onFailed = onFailed;
    this.trouble = element("p", { class: "trouble", role: "alert", hidden: true });
    this.state = element("p", { class: "state", role: "status" });
    this.button = element("button", { class: "button", type: "button", onclick: () => this.press() }, say("drain"));
    this.dialog = element(
      "dialog",
      { class: "dialog", "aria-labelledby": "drain-title" },
      element("h2", { id: "drain-title" }, say("drainTitle")),
      element("p", {}, say("drainBody")),
      element(
        "footer",
        {},
        element("button", { class: "button", type: "button", onclick: () => this.dialog.close() }, say("cancel")),
        element("button", { class: "button primary", type: "button", onclick: () => void this.set(true) }, say("drain")),
      ),
    );
    const control = allowed ? this.button : element("p", { class: "small-print" }, say("mayNotDrain"));
    this.node = element("div", { class: "drain-control" }, this.state, control, this.trouble, this.dialog);
  }

  /** @param {NodeState} node */
  show(node) {
    this.draining = node.draining;
    const kind = failing(node.checks).length > 0 ? "failing" : node.draining ? "draining" : "taking";
    setAttribute(this.state, "class", `state ${kind}`);
    setText(this.state, condition(node, { draining: say("draining"), well: say("taking") }));
    setText(this.button, say(node.draining ? "undrain" : "drain"));
  }

  /** @param {string} words why it was not done, until the next press; empty for nothing */
  refuse(words) {
    this.trouble.hidden = words === "";
    setText(this.trouble, words);
  }

  press() {
    this.refuse("");
    if (this.draining) void this.set(false);
    else this.dialog.showModal();
  }

  /** @param {boolean} draining */
  async set(draining) {
    this.dialog.close();
    try {
      await setDraining(draining);
      this.onChanged();
    } catch (error) {
      this.refuse(this.onFailed(error));
    }
  }
}
