import { element } from "./dom.js";
import { t } from "./i18n.js";
import { roleWord } from "./words.js";
import { written } from "./written.js";

/** Whom patients and others would have invited. */
const ROLES = ["parorende", "tolk", "dovetolk", "assistent", "spesialist", "nav"];

/**
 * Lets somebody say whom they would have in the call.
 *
 * @param {(role: string, name: string) => void} send
 */
export function proposeSomebody(send) {
  const name = element("input", { id: "proposal-name", type: "text", maxlength: "200", required: true });
  const role = element("select", { id: "proposal-role" }, ...ROLES.map((each) => element("option", { value: each }, roleWord(each))));
  const form = element(
    "form",
    { method: "dialog", class: "message-form", onsubmit: () => send(role.value, written(name.value)) },
    element("p", {}, t("proposeHelp")),
    element("div", { class: "field" }, element("label", { for: "proposal-role" }, t("proposeRole")), role),
    element("div", { class: "field" }, element("label", { for: "proposal-name" }, t("proposeName")), name),
    element(
      "footer",
      {},
      element("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("cancel")),
      element("button", { type: "submit", class: "button primary" }, t("send")),
    ),
  );
  const dialog = element(
    "dialog",
    { class: "dialog", "aria-labelledby": "proposal-title", onclose: () => dialog.remove() },
    element("h2", { id: "proposal-title" }, t("propose")),
    form,
  );
  document.body.append(dialog);
  dialog.showModal();
}
