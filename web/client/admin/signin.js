/** The sign-in at an operators' provider, where there is one, or by an operator key. */
import { element, setText } from "../dom.js";
import { Refusal, providers, signIn } from "./api.js";
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

  const choices = element("div", { class: "signin-form", hidden: true });
  const lead = element("p", { class: "lead" }, say("signInLead"));

  async function offer() {
    // Without an answer the key is still a way in.
    const offered = await providers().catch(() => []);
    if (offered.length === 0) return;
    choices.replaceChildren(
      ...offered.map(({ id, title }) =>
        element("a", { class: "button primary large", href: `/admin/signin/${encodeURIComponent(id)}` }, say("signInWith", { title })),
      ),
      element("p", { class: "small-print" }, say("orKey")),
    );
    choices.hidden = false;
    setText(lead, say("signInLeadProviders"));
  }

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
  void offer();
  return element(
    "main",
    { class: "message-page" },
    element("h1", { tabindex: "-1" }, say("signInTitle")),
    lead,
    trouble,
    choices,
    form,
  );
}
