/** Whether the node takes new calls, and the button that changes it. */
import { element, setAttribute, setText } from "../dom.js";
import { setDraining } from "./api.js";
import { say } from "./texts.js";

/** @import { NodeState } from "./api.js" */

export class DrainControl {
  /**
   * @param {boolean} allowed whether the operator's key grants it
   * @param {() => void} onChanged
   * @param {(error: unknown) => void} onFailed
   */
  constructor(allowed, onChanged, onFailed) {
    this.draining = false;
    this.onChanged = onChanged;
    this.onFailed = onFailed;
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
    this.node = element("div", { class: "drain-control" }, this.state, control, this.dialog);
  }

  /** @param {NodeState} node */
  show({ draining, checks }) {
    this.draining = draining;
    const failing = Object.keys(checks).filter((name) => name !== "not_draining" && !checks[name]);
    const kind = failing.length > 0 ? "failing" : draining ? "draining" : "taking";
    setAttribute(this.state, "class", `state ${kind}`);
    setText(this.state, kind === "failing" ? say("notReady", { checks: failing.join(", ") }) : say(kind === "draining" ? "draining" : "taking"));
    setText(this.button, say(draining ? "undrain" : "drain"));
  }

  press() {
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
      this.onFailed(error);
    }
  }
}
