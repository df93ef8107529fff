/** The sign-in by an operator key. */
import { element, setText } from "../dom.js";
import { Refusal, signIn } from "./api.js";
import { say } from "./texts.js";

/** @import { Operator } from "./api.js" */

/**
 * @param {object} options
 * @param {string} options.key that the link held; empty for none
 * @param {string} options.problem why one has to sign in (again); empty for no reason
 * @param {(operator: Operator) => void} options.onSignedIn
 * @param {(error: unknown) => string} options.describe
 */
export function signInView({ key, problem, onSignedIn, describe }) {
  const trouble = element("p", { class: "trouble", role: "alert", hidden: problem === "" }, problem);
  const input = element("input", { id: "key", type: "password", autocomplete: "current-password", spellcheck: "false", required: true });
  input.value = key;
  const form = element(
    "form",
    {
      class: "signin-form",
      onsubmit: (event) => {
        event.preventDefault();
        void submit();
      },
    },
    element("div", { class: "field" }, element("label", { for: "key" }, say("key")), input),
    element("button", { class: "button primary large", type: "submit" }, say("signIn")),
  );

  async function submit() {
    trouble.hidden = true;
    try {
      onSignedIn(await signIn(input.value));
    } catch (error) {
      const hasty = error instanceof Refusal && error.code === "rate_limited";
      setText(trouble, hasty ? say("rateLimited") : describe(error));
      trouble.hidden = false;
      input.select();
    }
  }

  if (!window.isSecureContext) {
    setText(trouble, say("insecure"));
    trouble.hidden = false;
  }
  return element(
    "main",
    { class: "message-page" },
    element("h1", { tabindex: "-1" }, say("signInTitle")),
    element("p", { class: "lead" }, say("signInLead")),
    trouble,
    form,
  );
}
