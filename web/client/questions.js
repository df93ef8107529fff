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
 * @param {AbortSignal} [question.signal] takes the question back: the answer is then null
 * @param {false | null} [question.unanswered] what it comes to where it is closed without an answer: no, unless that does something
 * @returns {Promise<boolean | null>}
 */
export function ask({ title, body, yes, no = t("cancel"), danger = false, signal, unanswered = false }) {
  return new Promise((resolve) => {
    /** @param {boolean | null} answer */
    const answer = (answer) => {
      resolve(answer);
      dialog.close();
    };
    const dialog = element(
      "dialog",
      {
        class: "dialog question",
        "aria-labelledby": "question-title",
        onclose: () => {
          dialog.remove();
          resolve(unanswered);
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
    signal?.addEventListener("abort", () => answer(null));
  });
}
