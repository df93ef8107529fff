import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { writeToLobby } from "./lobby-message-dialog.js";
import { notify } from "./notices.js";
import { people } from "./people.js";
import { carryOut, nameOf, PersonMenu } from "./person-menu.js";
import { proposeSomebody } from "./proposal.js";
import { ask } from "./questions.js";
import { QueueSection } from "./queue-section.js";
import { RecordingSection } from "./recording-section.js";
import { StillRequests } from "./still-request.js";
import { withdrawVideoConsent } from "./video-consent.js";
import { factsOf, roleWord, waitingName } from "./words.js";
import { written } from "./written.js";

/** @import { Call, RemoteParticipant } from "../sdk/src/index.js" */
/** @import { ProposalInfo } from "../sdk/src/protocol.js" */
/** @import { Draft } from "./lobby-message-dialog.js" */

/** Everyone who is there, without exception; for hosts those who wait, too, and what hosts decide. */
export class PeoplePanel {
  #call;
  #ownName;
  #waitingTitle = element("h3");
  #waiting = element("ul", { class: "person-list" });
  #nobody = element("p", { class: "help" }, t("nobodyWaits"));
  #all;
  #waitingSection;
  #insideTitle = element("h3");
  #inside = element("ul", { class: "person-list" });
  #lock;
  #hostActions;
  #recording;
  #stills;
  #companions;
  #propose;
  #invite;
  #unseen;
  #proposalSection;
  #queues = element("div", { class: "queues" });
  /** By id. @type {Map<string, QueueSection>} */
  #queueSections = new Map();
  #proposals = element("ul", { class: "person-list" });
  /** @type {readonly string[]} */
  #ownCompanions = [];
  /** By participant id. @type {Map<string, { node: HTMLElement, update: () => void }>} */
  #rows = new Map();
  title = t("peopleTitle");
  node;

  /**
   * @param {Call} call
   * @param {string} ownName
   */
  constructor(call, ownName) {
    this.#call = call;
    this.#ownName = ownName;
    this.#all = element(
      "div",
      { class: "panel-actions" },
      element("button", { type: "button", class: "button primary", onclick: () => carryOut(call.moderation.admit()) }, t("admitAll")),
      element("button", { type: "button", class: "button", onclick: () => this.#write() }, t("writeToAll")),
    );
    this.#waitingSection = element("section", {}, this.#waitingTitle, this.#nobody, this.#waiting, this.#all);
    this.#lock = element(
      "button",
      { type: "button", class: "button", onclick: () => carryOut(call.moderation.lock(!call.room.locked)) },
    );
    this.#hostActions = element(
      "section",
      { class: "panel-actions host-actions" },
      this.#lock,
      element("button", { type: "button", class: "button danger", onclick: () => this.#end() }, t("endForAll")),
    );
    this.#recording = new RecordingSection(call, carryOut);
    this.#stills = new StillRequests(call, () => this.update());
    this.#companions = element("button", { type: "button", class: "button small", onclick: () => this.#nameCompanions() }, t("companionsButton"));
    this.#propose = element("button", { type: "button", class: "button small", onclick: () => this.#proposeSomebody() }, t("propose"));
    this.#unseen = element("button", { type: "button", class: "button small", onclick: () => carryOut(withdrawVideoConsent(call).then(() => this.update())) }, t("withdrawVideoConsent"));
    this.#invite = element("button", { type: "button", class: "button small", onclick: () => inviteSomebody(call) }, t("invite"));
    this.#proposalSection = element("section", {}, element("h3", {}, t("proposalsTitle")), this.#proposals);
    this.node = element(
      "div",
      { class: "people-panel" },
      this.#queues,
      this.#waitingSection,
      this.#proposalSection,
      element("section", {}, this.#insideTitle, this.#inside, element("div", { class: "panel-actions" }, this.#invite, this.#companions, this.#propose, this.#unseen)),
      this.#recording.node,
      this.#hostActions,
      element("p", { class: "help encryption" }, icon("lock"), t("encryptionExplained")),
    );
  }

  /** Shows the room as it is now. */
  update() {
    const { isHost, waiting, participants, room } = this.#call;
    setText(this.#waitingTitle, t("waitingTitle", { count: waiting.size }));
    // Where a queue stands above, an empty lobby says nothing more.
    setAttribute(this.#waitingSection, "hidden", !isHost || (waiting.size === 0 && this.#call.queues.size > 0));
    setAttribute(this.#nobody, "hidden", waiting.size > 0);
    setAttribute(this.#all, "hidden", waiting.size < 2);
    setText(this.#insideTitle, t("insideTitle", { count: people(participants.values()).length + 1 }));
    setText(this.#lock, t(room.locked ? "unlockRoom" : "lockRoom"));
    setAttribute(this.#hostActions, "hidden", !isHost);
    const invites = isHost || this.#call.grants.includes("invite");
    const { proposals } = this.#call.inviting;
    setAttribute(this.#propose, "hidden", invites || !this.#call.grants.includes("propose"));
    setAttribute(this.#invite, "hidden", !invites);
    const { needed, given } = this.#call.videoConsent;
    setAttribute(this.#unseen, "hidden", !needed || given !== true);
    setAttribute(this.#proposalSection, "hidden", proposals.size === 0);
    this.#recording.update();
    this.#updateQueues();
    const shown = new Set(["self"]);
    this.#place("self", this.#inside, () => this.#ownRow());
    for (const info of waiting.values()) {
      shown.add(`w-${info.id}`);
      this.#place(`w-${info.id}`, this.#waiting, () => this.#waitingRow(info.id));
    }
    for (const id of proposals.keys()) {
      shown.add(`p-${id}`);
      this.#place(`p-${id}`, this.#proposals, () => this.#proposalRow(id));
    }
    for (const participant of participants.values()) {
      shown.add(participant.id);
      this.#place(participant.id, this.#inside, () => this.#personRow(participant));
    }
    for (const [id, { node }] of this.#rows) {
      if (shown.has(id)) continue;
      node.remove();
      this.#rows.delete(id);
    }
  }

  #updateQueues() {
    const { queues } = this.#call;
    setAttribute(this.#queues, "hidden", queues.size === 0);
    for (const [id, section] of this.#queueSections) {
      if (queues.has(id)) continue;
      section.node.remove();
      this.#queueSections.delete(id);
    }
    for (const id of queues.keys()) {
      const section = this.#queueSections.get(id) ?? new QueueSection(this.#call, id);
      this.#queueSections.set(id, section);
      if (section.node.parentNode !== this.#queues) this.#queues.append(section.node);
      section.update();
    }
  }

  /**
   * @param {string} id
   * @param {HTMLElement} list
   * @param {() => { node: HTMLElement, update: () => void }} make
   */
  #place(id, list, make) {
    const row = this.#rows.get(id) ?? make();
    this.#rows.set(id, row);
    if (row.node.parentNode !== list) list.append(row.node);
    row.update();
  }

  #ownRow() {
    const facts = element("span", { class: "person-facts" });
    const hand = handSign();
    const words = element("div", { class: "person-words" }, element("span", { class: "person-name" }, this.#ownName), facts);
    const node = element("li", { class: "person" }, words, hand);
    const update = () => {
      setText(facts, this.#ownCompanions.join(" · "));
      setAttribute(hand, "hidden", !this.#call.handRaised);
    };
    return { node, update };
  }

  /** @param {string} id */
  #waitingRow(id) {
    const { moderation } = this.#call;
    const name = element("span", { class: "person-name" });
    const facts = element("span", { class: "person-facts" });
    const admit = element("button", { type: "button", class: "button primary small", onclick: () => carryOut(moderation.admit([id])) }, t("admit"));
    const write = element("button", { type: "button", class: "button small", onclick: () => this.#write(id) }, t("writeTo"));
    const refuse = element("button", { type: "button", class: "button small", onclick: () => carryOut(moderation.refuse(id)) }, t("refuse"));
    const node = element(
      "li",
      { class: "person is-waiting" },
      element("div", { class: "person-words" }, name, facts),
      element("div", { class: "person-actions" }, admit, write, refuse),
    );
    const update = () => {
      const info = this.#call.waiting.get(id);
      if (info === undefined) return;
      const called = waitingName(info);
      setText(name, called);
      setText(facts, info.consent_pending ? `${factsOf(info)} · ${t("waitsForConsent")}` : factsOf(info));
      setAttribute(admit, "aria-label", t("admitName", { name: called }));
      setAttribute(write, "aria-label", t("writeToName", { name: called }));
      setAttribute(refuse, "aria-label", t("refuseName", { name: called }));
    };
    return { node, update };
  }

  /** @param {string} id of a proposal */
  #proposalRow(id) {
    const { inviting } = this.#call;
    const proposal = inviting.proposals.get(id);
    const called = proposal?.name ?? "";
    const by = proposal?.by || t("noName");
    const invite = element(
      "button",
      { type: "button", class: "button primary small", "aria-label": t("inviteNamed", { name: called }), onclick: () => inviteSomebody(this.#call, inviting.proposals.get(id)) },
      t("inviteShort"),
    );
    const decline = element(
      "button",
      { type: "button", class: "button small", "aria-label": t("declineName", { name: called }), onclick: () => carryOut(inviting.decline(id)) },
      t("decline"),
    );
    const facts = `${proposal ? roleWord(proposal.role) : ""} · ${t("proposalBy", { by })}`;
    const words = element("div", { class: "person-words" }, element("span", { class: "person-name" }, called), element("span", { class: "person-facts" }, facts));
    return { node: element("li", { class: "person is-waiting" }, words, element("div", { class: "person-actions" }, invite, decline)), update: () => undefined };
  }

  /** @param {RemoteParticipant} participant */
  #personRow(participant) {
    const { id } = participant;
    const name = element("span", { class: "person-name" });
    const facts = element("span", { class: "person-facts" });
    const menu = new PersonMenu(this.#call, participant, this.#stills);
    const hand = handSign();
    const node = element("li", { class: "person", "data-id": id }, element("div", { class: "person-words" }, name, facts), hand, menu.node);
    const update = () => {
      setText(name, nameOf(participant));
      const said = [factsOf(participant)];
      if (participant.consentedByVendor) said.push(t("consentedByVendor"));
      if (participant.consentPending) said.push(t("waitsForConsent"));
      setText(facts, said.join(" · "));
      menu.update();
      setAttribute(hand, "hidden", !participant.handRaised);
    };
    return { node, update };
  }

  /** @param {string} [id] of one who waits; all of them if left out */
  #write(id) {
    const info = id === undefined ? undefined : this.#call.waiting.get(id);
    const title = info ? t("messageTitle", { name: waitingName(info) }) : t("messageAllTitle");
    writeToLobby(title, ({ notice, ...options }) => {
      const sent = this.#call.moderation.messageLobby(notice, { ...withoutEmptyText(options), ...(id !== undefined && { to: id }) });
      carryOut(sent.then(() => notify(t("messageSent"))));
    });
  }

  #proposeSomebody() {
    proposeSomebody((role, name) => {
      carryOut(this.#call.inviting.propose(role, name).then(() => notify(t("proposalSent"))));
    });
  }

  #nameCompanions() {
    const names = element("textarea", { id: "companion-names", rows: "3" });
    names.value = this.#ownCompanions.join("\n");
    const form = element(
      "form",
      {
        method: "dialog",
        class: "message-form",
        onsubmit: () => {
          const companions = written(names.value).split("\n").map((name) => name.trim()).filter((name) => name !== "");
          carryOut(this.#call.setCompanions(companions).then(() => {
            this.#ownCompanions = companions;
            this.update();
          }));
        },
      },
      element("div", { class: "field" }, element("label", { for: "companion-names" }, t("companionsHelp")), names),
      element(
        "footer",
        {},
        element("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("cancel")),
        element("button", { type: "submit", class: "button primary" }, t("save")),
      ),
    );
    const dialog = element(
      "dialog",
      { class: "dialog", "aria-labelledby": "companions-title", onclose: () => dialog.remove() },
      element("h2", { id: "companions-title" }, t("companionsButton")),
      form,
    );
    document.body.append(dialog);
    dialog.showModal();
  }

  async #end() {
    const sure = await ask({ title: t("endForAll"), body: t("endQuestion"), yes: t("endForAll"), danger: true });
    // The answer is the end of one's own session, too.
    if (sure) this.#call.moderation.endCall().catch(() => undefined);
  }
}

/**
 * Its dialogue is loaded when it is wanted: patients never do.
 *
 * @param {Call} call
 * @param {ProposalInfo} [proposal]
 */
function inviteSomebody(call, proposal) {
  carryOut(import("./invite-dialog.js").then((dialog) => dialog.inviteSomebody(call, proposal)));
}

function handSign() {
  return element("span", { class: "hand-sign", role: "img", "aria-label": t("handRaised"), hidden: true }, icon("hand"));
}

/** @param {Omit<Draft, "notice">} options */
function withoutEmptyText({ text, ...rest }) {
  return text === "" ? rest : { ...rest, text };
}
