import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { written } from "./written.js";

/** @import { LobbyNoticeName } from "../sdk/src/protocol.js" */

/**
 * A message to those who wait.
 *
 * @typedef {object} Draft
 * @property {LobbyNoticeName} notice
 * @property {string} text
 * @property {number} [minutes]
 */

/**
 * Lets a host choose what to tell those who wait.
 *
 * @param {string} title
 * @param {(draft: Draft) => void} send
 */
export function writeToLobby(title, send) {
  const kind = element(
    "select",
    { id: "message-kind" },
    ...[
      element("option", { value: "soon" }, t("kindSoon")),
      element("option", { value: "delayed" }, t("kindDelayed")),
      element("option", { value: "cancelled" }, t("kindCancelled")),
      element("option", { value: "text" }, t("kindText")),
    ],
  );
  const minutes = element("input", { id: "message-minutes", type: "number", min: "1", max: "600", value: "10", required: true });
  const minutesField = element("div", { class: "field", hidden: true }, element("label", { for: "message-minutes" }, t("messageMinutes")), minutes);
  const text = element("textarea", { id: "message-text", rows: "3", maxlength: "500" });
  const textLabel = element("label", { for: "message-text" }, t("messageText"));
  const follow = () => {
    setAttribute(minutesField, "hidden", kind.value !== "delayed");
    setAttribute(minutes, "disabled", kind.value !== "delayed");
    setAttribute(text, "required", kind.value === "text");
    setText(textLabel, t(kind.value === "text" ? "messageTextNeeded" : "messageText"));
  };
  kind.addEventListener("change", follow);
  const form = element(
    "form",
    {
      method: "dialog",
      class: "message-form",
      onsubmit: () => {
        const notice = /** @type {LobbyNoticeName} */ (kind.value);
        send({ notice, text: written(text.value), ...(notice === "delayed" && { minutes: Number(minutes.value) }) });
      },
    },
    element("div", { class: "field" }, element("label", { for: "message-kind" }, t("messageKind")), kind),
    minutesField,
    element("div", { class: "field" }, textLabel, text),
    element(
      "footer",
      {},
      element("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("cancel")),
      element("button", { type: "submit", class: "button primary" }, t("send")),
    ),
  );
  const dialog = element(
    "dialog",
    { class: "dialog", "aria-labelledby": "message-title", onclose: () => dialog.remove() },
    element("h2", { id: "message-title" }, title),
    form,
  );
  follow();
  document.body.append(dialog);
  dialog.showModal();
}
