import { element, setAttribute } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/** @import { IconName } from "./icons.js" */

/**
 * What stands in a panel.
 *
 * @typedef {object} PanelContent
 * @property {string} title
 * @property {HTMLElement} node
 * @property {() => void} [opened]
 */

/** A panel beside the pictures, or over them where the window is narrow: closed, or showing one of its contents. */
export class SidePanel {
  #title = element("h2", { id: "panel-title", tabindex: "-1" });
  #body = element("div", { class: "panel-body" });
  /** @type {PanelContent | null} */
  #shown = null;
  /** What opened it gets the focus back. @type {HTMLElement | null} */
  #opener = null;
  #changed;
  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && document.querySelector("dialog[open]") === null) this.close();
  };
  node;

  /** @param {() => void} changed called when it was opened or closed */
  constructor(changed) {
    this.#changed = changed;
    const close = element(
      "button",
      { type: "button", class: "icon-button", "aria-label": t("close"), onclick: () => this.close() },
      icon("close"),
    );
    this.node = element(
      "aside",
      { class: "panel", "aria-labelledby": "panel-title", hidden: true },
      element("header", {}, this.#title, close),
      this.#body,
    );
    // On the document: what had the focus may have gone with somebody who left.
    document.addEventListener("keydown", this.#onKey);
  }

  /** Takes the panel away for good. */
  dispose() {
    document.removeEventListener("keydown", this.#onKey);
  }

  /** @param {PanelContent} content */
  shows(content) {
    return this.#shown === content;
  }

  /**
   * Shows a content, or nothing if it is shown already.
   *
   * @param {PanelContent} content
   * @param {HTMLElement} opener
   */
  toggle(content, opener) {
    if (this.#shown === content) this.close();
    else this.open(content, opener);
  }

  /**
   * @param {PanelContent} content
   * @param {HTMLElement} opener
   */
  open(content, opener) {
    this.#shown = content;
    this.#opener = opener;
    this.#title.textContent = content.title;
    this.#body.replaceChildren(content.node);
    setAttribute(this.node, "hidden", false);
    this.#title.focus();
    content.opened?.();
    this.#changed();
  }

  close() {
    if (this.#shown === null) return;
    const { activeElement } = document;
    const hadFocus = activeElement === document.body || this.node.contains(activeElement);
    this.#shown = null;
    setAttribute(this.node, "hidden", true);
    if (hadFocus) this.#opener?.focus();
    this.#changed();
  }
}

/** A round button in the head of the call that opens a panel, with a number on it where something awaits the user. */
export class PanelButton {
  #badge = element("span", { class: "badge", "aria-hidden": "true", hidden: true });
  node;

  /**
   * @param {IconName} name
   * @param {(opener: HTMLElement) => void} act
   */
  constructor(name, act) {
    this.node = element("button", { type: "button", class: "head-button", onclick: () => act(this.node) }, icon(name), this.#badge);
  }

  /**
   * @param {string} label
   * @param {number} count 0 shows none
   * @param {boolean} open
   */
  update(label, count, open) {
    setAttribute(this.node, "aria-label", label);
    setAttribute(this.node, "title", label);
    setAttribute(this.node, "aria-expanded", open ? "true" : "false");
    this.#badge.textContent = String(count);
    setAttribute(this.#badge, "hidden", count === 0);
  }
}
