import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { notify } from "./notices.js";
import { isRecorder } from "./people.js";
import { ask } from "./questions.js";

/** @import { Call, RemoteParticipant } from "../sdk/src/index.js" */
/** @import { TextKey } from "./i18n.js" */
/** @import { StillRequests } from "./still-request.js" */

/** Between a menu and its button: CSS pixels. */
const MENU_GAP = 4;

/** What one may do with somebody in the call, as a menu for their row or their tile. Who may nothing sees no menu. */
export class PersonMenu {
  #call;
  #participant;
  #summary;
  #items = element("div", { class: "menu-items" });
  #mute;
  #unmute;
  #screen;
  #pin;
  #office;
  #still;
  #stills;
  #hosts;
  node;

  /**
   * @param {Call} call
   * @param {RemoteParticipant} participant
   * @param {StillRequests | null} [stills] where still pictures are asked for from this menu
   */
  constructor(call, participant, stills = null) {
    this.#call = call;
    this.#stills = stills;
    this.#participant = participant;
    const { moderation } = call;
    const { id } = participant;
    this.#summary = element("summary", { class: "icon-button", "aria-label": t("moreActions", { name: nameOf(participant) }) }, icon("more"));
    this.#mute = this.#action("muteThem", () => {
      const microphone = participant.source("microphone");
      if (microphone) carryOut(moderation.mute(microphone.id));
    });
    this.#unmute = this.#action("askUnmute", () => carryOut(moderation.askToUnmute(id)));
    this.#screen = this.#action("stopTheirScreen", () => carryOut(moderation.stopScreen(id)));
    this.#pin = this.#action("pinForAll", () => carryOut(moderation.pinForAll(call.room.pinned === id ? null : id)));
    const back = this.#action("toLobby", () => carryOut(moderation.sendToLobby(id)));
    this.#office = this.#action("handOver", () => carryOut(moderation.handOver(id)));
    const remove = this.#action("removeThem", () => this.#remove());
    remove.classList.add("danger");
    this.#still = this.#action("stillAsk", () => stills?.toggle(participant));
    this.#hosts = [this.#mute, this.#unmute, this.#screen, this.#pin, back, this.#office, remove];
    this.#items.append(this.#still, ...this.#hosts);
    this.node = element("details", { class: "menu", ontoggle: () => this.#opened() }, this.#summary, this.#items);
    this.node.addEventListener("keydown", (event) => this.#key(event));
    this.node.addEventListener("focusout", (event) => {
      if (event.relatedTarget instanceof Node && !this.node.contains(event.relatedTarget)) this.node.open = false;
    });
    this.update();
  }

  /** Shows what is of use now. */
  update() {
    const microphone = this.#participant.source("microphone");
    const heard = microphone !== null && !microphone.muted;
    const { isHost } = this.#call;
    const mayAsk = this.#stills?.mayAsk(this.#participant) ?? false;
    // What there is to decide about the recorder is whether it records, and has its place below.
    setAttribute(this.node, "hidden", (!isHost && !mayAsk) || isRecorder(this.#participant));
    setAttribute(this.#still, "hidden", !mayAsk);
    setText(this.#still, t(this.#stills?.isAsked(this.#participant) ? "stillCancel" : "stillAsk"));
    for (const each of this.#hosts) setAttribute(each, "hidden", !isHost);
    if (!isHost) return;
    setAttribute(this.#mute, "hidden", !heard);
    setAttribute(this.#unmute, "hidden", heard);
    setAttribute(this.#screen, "hidden", this.#participant.source("screen") === null);
    setText(this.#pin, t(this.#call.room.pinned === this.#participant.id ? "unpinForAll" : "pinForAll"));
    setAttribute(this.#office, "hidden", !this.#participant.mayHost);
  }

  /**
   * @param {TextKey} word
   * @param {() => void} act
   */
  #action(word, act) {
    return element("button", { type: "button", class: "menu-item", onclick: () => {
      this.#close();
      act();
    } }, t(word, { name: nameOf(this.#participant) }));
  }

  #opened() {
    if (!this.node.open) return;
    this.update();
    placeBeside(this.#summary, this.#items);
    // Whoever pressed beside it wants it gone, also where nothing takes the focus.
    const outside = (/** @type {Event} */ event) => {
      if (event.target instanceof Node && this.node.contains(event.target)) return;
      this.node.open = false;
    };
    const over = new AbortController();
    this.node.addEventListener("toggle", () => over.abort(), { once: true });
    document.addEventListener("pointerdown", outside, { signal: over.signal });
    addEventListener("resize", () => requestAnimationFrame(() => placeBeside(this.#summary, this.#items)), { signal: over.signal });
  }

  #close() {
    this.node.open = false;
    this.#summary.focus();
  }

  /** @param {KeyboardEvent} event arrows go through it, as in menus of the system */
  #key(event) {
    if (!this.node.open) return;
    const items = /** @type {HTMLElement[]} */ ([...this.#items.children]).filter((item) => !item.hidden);
    const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (event.key === "Escape") this.#close();
    else if (event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (event.key === "ArrowUp") items.at(at <= 0 ? -1 : at - 1)?.focus();
    else return;
    event.preventDefault();
  }

  async #remove() {
    const name = nameOf(this.#participant);
    const sure = await ask({ title: t("removeThem"), body: t("removeQuestion", { name }), yes: t("removeThem"), danger: true });
    if (sure) carryOut(this.#call.moderation.remove(this.#participant.id));
  }
}

/** @param {RemoteParticipant} participant the recorder has one name for everybody, and each page its language */
export function nameOf({ name, role }) {
  return isRecorder({ role }) ? t("recorder") : name || t("noName");
}

/** What is said of something that did not work, where there is more to say. @type {Record<string, TextKey | undefined>} */
const REFUSALS = { room_full: "roomFullNow", consent_impossible: "consentImpossible" };

/** @param {{ code?: string }} error why something did not work */
export function sayRefusal({ code = "" }) {
  notify(t(REFUSALS[code] ?? "notDone"));
}

/** @param {Promise<unknown>} done says so where it did not work */
export function carryOut(done) {
  done.catch(sayRefusal);
}

/**
 * Places a menu under its button, or over it where there is no room under it. What scrolls would cut it off.
 *
 * @param {HTMLElement} button
 * @param {HTMLElement} items
 */
function placeBeside(button, items) {
  const { top, bottom, right } = button.getBoundingClientRect();
  const below = bottom + items.offsetHeight + MENU_GAP < innerHeight;
  items.style.top = `${below ? bottom + MENU_GAP : Math.max(MENU_GAP, top - items.offsetHeight - MENU_GAP)}px`;
  const left = Math.max(MENU_GAP, right - items.offsetWidth);
  items.style.left = `${Math.min(left, innerWidth - items.offsetWidth - MENU_GAP)}px`;
}
