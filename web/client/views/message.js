import { brand, support } from "../brand.js";
import { element } from "../dom.js";
import { t } from "../i18n.js";

/**
 * A page that says one thing, with at most one thing to do.
 *
 * @param {object} content
 * @param {string} content.title
 * @param {string} content.body
 * @param {string} [content.code] for support, in small print
 * @param {boolean} [content.help] whether to say whom to turn to
 * @param {{ label: string, act: () => void }} [content.action]
 * @returns {HTMLElement}
 */
export function messageView({ title, body, code, help = false, action }) {
  return element(
    "main",
    { class: "message-page" },
    brand(),
    element("h1", { tabindex: "-1" }, title),
    element("p", {}, body),
    action && element("button", { type: "button", class: "button primary", onclick: action.act }, action.label),
    help && support(),
    code && element("p", { class: "small-print" }, t("errorCode", { code })),
  );
}
