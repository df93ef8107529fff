import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { writeToLobby } from "./lobby-message-dialog.js";
import { notify } from "./notices.js";
import { sayRefusal } from "./person-menu.js";
import { ask } from "./questions.js";
import { factsOf, waitingName } from "./words.js";

/** @import { Call } from "../sdk/src/index.js" */

/** For hosts: one queue that several rooms take from, the next one first. */
export class QueueSection {
  #call;
  #id;
  #title = element("h3");
  #list = element("ol", { class: "person-list queue" });
  #nobody = element("p", { class: "help" }, t("queueEmpty"));
  #next;
  #write;
  /** By participant id. @type {Map<string, HTMLElement>} */
  #rows = new Map();
  node;

  /**
   * @param {Call} call
   * @param {string} id of the queue
   */
  constructor(call, id) {
    this.#call = call;
    this.#id = id;
    this.#next = element("button", { type: "button", class: "button primary", onclick: () => this.#take() }, t("takeNext"));
    this.#write = element("button", { type: "button", class: "button", onclick: () => this.#message() }, t("writeToQueue"));
    this.node = element(
      "section",
      {},
      this.#title,
      this.#nobody,
      element("div", { class: "panel-actions" }, this.#next, this.#write),
      this.#list,
    );
  }

  update() {
    const waiting = this.#call.queues.get(this.#id)?.waiting ?? [];
    setText(this.#title, t("queueTitle", { name: this.#id, count: waiting.length }));
    setAttribute(this.#nobody, "hidden", waiting.length > 0);
    setAttribute(this.#next, "hidden", waiting.length === 0);
    setAttribute(this.#write, "hidden", waiting.length === 0);
    const shown = new Set(waiting.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (shown.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const [index, info] of waiting.entries()) {
      const row = this.#rows.get(info.id) ?? this.#row(info.id);
      this.#rows.set(info.id, row);
      setText(row.querySelector(".person-name") ?? row, waitingName(info));
      setText(row.querySelector(".person-facts") ?? row, factsOf(info));
      setAttribute(row.querySelector(".take") ?? row, "aria-label", t("takeName", { name: waitingName(info) }));
      setAttribute(row.querySelector(".refuse") ?? row, "aria-label", t("refuseName", { name: waitingName(info) }));
      if (this.#list.children[index] !== row) this.#list.insertBefore(row, this.#list.children[index] ?? null);
    }
  }

  /** @param {string} id */
  #row(id) {
    const words = element("div", { class: "person-words" }, element("span", { class: "person-name" }), element("span", { class: "person-facts" }));
    const take = element("button", { type: "button", class: "button small take", onclick: () => this.#take(id) }, t("take"));
    const refuse = element("button", { type: "button", class: "button small refuse", onclick: () => this.#refuse(id) }, t("refuse"));
    return element("li", { class: "person" }, words, element("div", { class: "person-actions" }, take, refuse));
  }

  /** @param {string} id of somebody who may wait with other doctors as well: asked before it is done */
  async #refuse(id) {
    const info = this.#call.queues.get(this.#id)?.waiting.find((each) => each.id === id);
    if (info === undefined) return;
    const sure = await ask({ title: t("refuse"), body: t("refuseQuestion", { name: waitingName(info) }), yes: t("refuse"), danger: true });
    if (sure) this.#carryOut(this.#call.moderation.refuse(id, this.#id));
  }

  /** @param {string} [id] the next one if left out */
  #take(id) {
    this.#carryOut(this.#call.moderation.take(this.#id, id));
  }

  /** @param {Promise<void>} done another doctor of the queue may have been quicker */
  #carryOut(done) {
    done.catch((error) => {
      if (error.code === "queue_empty" || error.code === "participant_not_found") notify(t("takenByOther"));
      else sayRefusal(error);
    });
  }

  #message() {
    writeToLobby(t("messageQueueTitle"), ({ notice, text, minutes }) => {
      const options = { queue: this.#id, ...(text !== "" && { text }), ...(minutes !== undefined && { minutes }) };
      const sent = this.#call.moderation.messageLobby(notice, options);
      sent.then(() => notify(t("messageSent")), () => notify(t("notDone")));
    });
  }
}
