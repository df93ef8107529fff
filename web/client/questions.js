import { element } from "./dom.js";
import { t } from "./i18n.js";

/**
 * Asks before something that cannot be taken back, or that somebody else asked for.
 *
 * @param {object} question
 * @param {string} question.title
 * @param {string} [question.body]
 * @param {string} question.yes what pressing does
 * @param {string} [question.no]
 * @param {boolean} [question.danger]
 * @returns {Promise<boolean>}
 */
export function ask({ title, body, yes, no = t("cancel"), danger = false }) {
  return new Promise((resolve) => {
    /** @param {boolean} answer */
    const answer = (answer) => {
      dialog.close();
      resolve(answer);
    };
    const dialog = element(
      "dialog",
      {
        class: "dialog question",
        "aria-labelledby": "question-title",
        onclose: () => {
          dialog.remove();
          resolve(false);
        },
      },
      element("h2", { id: "question-title" }, title),
      body !== undefined && element("p", {}, body),
      element(
        "footer",
        {},
        element("button", { type: "button", class: "button", onclick: () => answer(false) }, no),
        element("button", { type: "button", class: `button primary${danger ? " danger" : ""}`, onclick: () => answer(true) }, yes),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
