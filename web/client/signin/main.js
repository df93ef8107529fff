import { brand, support, titled } from "../brand.js";
import { element } from "../dom.js";
import { language } from "../i18n.js";
import { say, sayProblem } from "./texts.js";

/**
 * @typedef {object} Invitation
 * @property {string} level
 * @property {"name" | "birth_date" | null} question
 * @property {string | null} missing code of what still stands in the way
 *
 * @typedef {object} State what `/signin/session` answers
 * @property {{ id: string, title: string }[]} providers
 * @property {string | null} csrf
 * @property {{ level: string, name: string } | null} signed_in
 * @property {Invitation | null} invitation
 */

/** Refusals that trying again does not mend. */
const FINAL = ["invitation_void", "invitation_not_found", "invitation_used", "invitation_not_yours"];

/** A refusal of the bridge. */
class Refusal extends Error {
  /** @param {string} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** From the link to the call: what is missing is asked for, one thing at a time. */
class SignInPage {
  #holder = /** @type {HTMLElement} */ (document.getElementById("view"));
  /** @type {string | null} */
  #csrf = null;

  async start() {
    document.documentElement.lang = language;
    document.title = titled(say("title"));
    this.#show(element("p", { class: "signin-lead" }, say("opening")));
    const code = location.hash.slice(1);
    const problem = new URLSearchParams(location.search).get("problem");
    try {
      const state = code === "" ? await this.#ask("session") : await this.#ask("invitation", { code });
      // The session holds the invitation now; the secret need not stand where others may read it.
      history.replaceState(null, "", location.pathname);
      this.#present(state, problem);
    } catch (error) {
      this.#fail(error);
    }
    // Another link opened in the same tab.
    window.addEventListener("hashchange", () => location.reload());
  }

  /**
   * @param {State} state
   * @param {string | null} [problem] code of what went wrong last
   */
  #present(state, problem = null) {
    this.#csrf = state.csrf;
    const { invitation, signed_in: who } = state;
    if (invitation === null) {
      this.#message(say("title"), problem === null ? say("noLink") : sayProblem(problem), who !== null);
    } else if (invitation.missing === "invitation_unanswered") {
      this.#question(invitation, problem);
    } else if (invitation.missing === "invitation_not_yours") {
      this.#message(say("title"), sayProblem(invitation.missing), true);
    } else if (invitation.missing !== null) {
      this.#choose(state, invitation, problem ?? (who === null ? null : invitation.missing));
    } else if (who !== null && problem === null) {
      this.#join();
    } else {
      this.#ready(who, problem);
    }
  }

  /**
   * @param {State} state
   * @param {Invitation} invitation
   * @param {string | null} problem
   */
  #choose(state, invitation, problem) {
    const text = problem === "signin_level_too_low" ? "again" : "signInWith";
    this.#show(
      element("h1", { tabindex: "-1" }, say("title")),
      problem !== null && element("p", { class: "signin-problem" }, sayProblem(problem)),
      element("p", { class: "signin-lead" }, say("lead")),
      invitation.level === "high" && element("p", { class: "signin-small" }, say("leadHigh")),
      element(
        "div",
        { class: "signin-actions" },
        ...state.providers.map(({ id, title }) =>
          element("a", { class: "button primary large", href: `signin/${encodeURIComponent(id)}/start` }, say(text, { title })),
        ),
      ),
    );
  }

  /**
   * @param {Invitation} invitation
   * @param {string | null} problem
   */
  #question(invitation, problem) {
    const date = invitation.question === "birth_date";
    const input = element("input", {
      id: "answer",
      type: date ? "date" : "text",
      autocomplete: date ? "bday" : "name",
      required: true,
      maxlength: date ? undefined : "200",
      "aria-describedby": problem === null ? undefined : "problem",
    });
    const form = element(
      "form",
      { class: "signin-answer" },
      element("div", { class: "field" }, element("label", { for: "answer" }, say(date ? "birthDate" : "name")), input),
      element("button", { class: "button primary large" }, say("proceed")),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        this.#present(await this.#ask("answer", { answer: input.value }));
      } catch (error) {
        if (error instanceof Refusal && error.code === "invitation_wrong_answer") this.#question(invitation, error.code);
        else this.#fail(error);
      }
    });
    this.#show(
      element("h1", { tabindex: "-1" }, say("questionTitle")),
      problem !== null && element("p", { class: "signin-problem", id: "problem" }, sayProblem(problem)),
      form,
    );
  }

  /**
   * @param {State["signed_in"]} who
   * @param {string | null} problem
   */
  #ready(who, problem) {
    const lead = who === null ? say("guestLead") : who.name ? say("signedInAs", { name: who.name }) : say("signedIn");
    this.#show(
      element("h1", { tabindex: "-1" }, say("guestTitle")),
      problem !== null && element("p", { class: "signin-problem" }, sayProblem(problem)),
      element("p", { class: "signin-lead" }, lead),
      element(
        "div",
        { class: "signin-actions" },
        element("button", { type: "button", class: "button primary large", onclick: () => this.#join() }, say("proceed")),
      ),
      who !== null && this.#signOutButton(),
    );
  }

  async #join() {
    try {
      const { location: next } = await this.#ask("join", {});
      // The bridge's own page, and never another place.
      location.replace(new URL(next, location.origin));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #signOut() {
    try {
      const { location: next } = await this.#ask("signout", {});
      location.assign(next);
    } catch (error) {
      this.#fail(error);
    }
  }

  #signOutButton() {
    return element("button", { type: "button", class: "link-button", onclick: () => this.#signOut() }, say("signOut"));
  }

  /** @param {unknown} error */
  #fail(error) {
    const code = error instanceof Refusal ? error.code : "failed";
    this.#message(say("title"), sayProblem(code), false, !FINAL.includes(code));
  }

  /**
   * @param {string} title
   * @param {string} body
   * @param {boolean} [signedIn]
   * @param {boolean} [again]
   */
  #message(title, body, signedIn = false, again = false) {
    this.#show(
      element("h1", { tabindex: "-1" }, title),
      element("p", { class: "signin-problem" }, body),
      again &&
        element(
          "div",
          { class: "signin-actions" },
          element("button", { type: "button", class: "button", onclick: () => location.reload() }, say("tryAgain")),
        ),
      signedIn && this.#signOutButton(),
    );
  }

  /** @param {...import("../dom.js").Child} children */
  #show(...children) {
    const failed = children.some((child) => child instanceof Element && child.classList.contains("signin-problem"));
    const view = element("main", { class: "message-page signin" }, brand(), ...children, failed && support());
    this.#holder.replaceChildren(view);
    view.querySelector("h1")?.focus();
  }

  /**
   * Asks the door; GETs without a body.
   *
   * @param {string} path
   * @param {Record<string, string>} [body]
   * @returns {Promise<any>}
   */
  async #ask(path, body) {
    /** @type {Record<string, string>} */
    const headers = { "Content-Type": "application/json" };
    if (this.#csrf !== null) headers["X-CSRF-Token"] = this.#csrf;
    const options = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(`signin/${path}`, { ...options, credentials: "same-origin" });
    const answer = await response.json();
    if (!response.ok) throw new Refusal(String(answer.code));
    return answer;
  }
}

document.documentElement.dataset["runs"] = "";
document.dispatchEvent(new Event("started"));
new SignInPage().start();
