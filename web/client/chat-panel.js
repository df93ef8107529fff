import { element, setAttribute, setText } from "./dom.js";
import { language, t } from "./i18n.js";
import { notify } from "./notices.js";
import { people } from "./people.js";
import { nameOf } from "./person-menu.js";
import { written } from "./written.js";

/** @import { Call } from "../sdk/src/index.js" */
/** @import { ChatMessage } from "../sdk/src/chat.js" */
/** @import { TextKey } from "./i18n.js" */

/** @type {Record<string, TextKey>} */
const REFUSALS = { too_many_messages: "chatTooFast", bad_text: "chatRefused" };

/** What is written in the call. */
export class ChatPanel {
  #call;
  #list = element("div", { class: "chat-list", role: "log", tabindex: "0", "aria-label": t("chatTitle") });
  #empty = element("p", { class: "help" }, t("chatEmpty"));
  #to = element("select", { id: "chat-to" });
  #text = element("textarea", { id: "chat-text", rows: "2", maxlength: "2000" });
  #caption = element("input", { type: "checkbox", id: "chat-caption" });
  #captionField = element("div", { class: "check" }, this.#caption, element("label", { for: "chat-caption" }, t("captionLane")));
  #form;
  /** @type {Set<string>} */
  #shown = new Set();
  title = t("chatTitle");
  node;

  /** @param {Call} call */
  constructor(call) {
    this.#call = call;
    this.#form = element(
      "form",
      { class: "chat-form", onsubmit: (event) => this.#submit(event) },
      element("div", { class: "field" }, element("label", { for: "chat-to" }, t("chatTo")), this.#to),
      element("div", { class: "field" }, element("label", { for: "chat-text" }, t("chatLabel")), this.#text),
      this.#captionField,
      element("button", { type: "submit", class: "button primary" }, t("send")),
    );
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    // Captions are for everyone: who ticks that must not believe to write to one.
    this.#caption.addEventListener("change", () => setAttribute(this.#to, "disabled", this.#caption.checked));
    this.node = element("div", { class: "chat-panel" }, this.#empty, this.#list, this.#form);
  }

  opened() {
    this.#list.scrollTop = this.#list.scrollHeight;
    if (!this.#form.hidden) this.#text.focus();
  }

  /** Shows what was written, and to whom one may write. */
  update() {
    const { chat, grants, participants } = this.#call;
    const atEnd = this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - 8;
    for (const message of chat.messages) {
      if (this.#shown.has(message.id)) continue;
      this.#shown.add(message.id);
      this.#list.append(this.#row(message));
    }
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
    setAttribute(this.#empty, "hidden", this.#shown.size > 0);
    setAttribute(this.#form, "hidden", !grants.includes("chat") && !grants.includes("caption"));
    setAttribute(this.#captionField, "hidden", !grants.includes("caption"));
    const choices = [["", t("chatToAll")], ...people(participants.values()).map((other) => [other.id, nameOf(other)])];
    if (choices.map(([id]) => id).join() === [...this.#to.options].map(({ value }) => value).join()) return;
    const chosen = this.#to.value;
    this.#to.replaceChildren(...choices.map(([id, name]) => element("option", { value: id ?? "" }, name ?? "")));
    this.#to.value = choices.some(([id]) => id === chosen) ? chosen : "";
  }

  /** @param {ChatMessage} message */
  #row(message) {
    const own = message.participantId === this.#call.id;
    const time = message.at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
    const row = element(
      "div",
      { class: "chat-message" },
      element("p", { class: "chat-head" }, element("strong", {}, own ? t("you") : message.name || t("noName")), ` ${time}`),
      message.to !== null && element("p", { class: "chat-private" }, this.#privacy(message, own)),
      element("p", { class: "chat-text" }, message.text),
    );
    row.classList.toggle("is-own", own);
    row.classList.toggle("is-caption", message.caption);
    return row;
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} own
   */
  #privacy({ to }, own) {
    if (!own) return t("chatPrivateToYou");
    const other = this.#call.participants.get(to ?? "");
    return t("chatPrivateTo", { name: other ? nameOf(other) : t("noName") });
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const text = written(this.#text.value);
    if (text === "") return;
    this.#text.value = "";
    const caption = this.#caption.checked && !this.#captionField.hidden;
    try {
      await this.#call.chat.send(text, { caption, ...(this.#to.value !== "" && !caption && { to: this.#to.value }) });
    } catch (error) {
      // What could not be sent is not lost.
      this.#text.value ||= text;
      const code = /** @type {{ code?: string }} */ (error).code ?? "";
      notify(t(REFUSALS[code] ?? "notDone"));
    }
  }
}

/** How long a caption is shown at least: milliseconds. */
const CAPTION_SHOWN_FOR = 10_000;
/** What a character takes to read, slowly: subtitles have 12 to 15 of them a second. Milliseconds. */
const READING = 80;
/** More would cover the picture. */
const MOST_CAPTIONS = 3;

/** What an interpreter writes, over the pictures. */
export class Captions {
  node = element("div", { class: "captions", role: "log", "aria-live": "polite", "aria-label": t("captions"), hidden: true });

  /** @param {ChatMessage} message */
  show({ text }) {
    const line = element("p", {});
    setText(line, text);
    this.node.append(line);
    setAttribute(this.node, "hidden", false);
    while (this.node.childElementCount > MOST_CAPTIONS) this.node.firstElementChild?.remove();
    setTimeout(() => {
      line.remove();
      setAttribute(this.node, "hidden", this.node.childElementCount === 0);
    }, Math.max(CAPTION_SHOWN_FOR, text.length * READING));
  }
}
