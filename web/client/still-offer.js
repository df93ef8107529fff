import { originOf } from "../sdk/src/index.js";
import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { notify } from "./notices.js";
import { nameOf } from "./person-menu.js";
import { showTrack } from "./video.js";

/** @import { Call } from "../sdk/src/index.js" */
/** @import { StillQuestion } from "../sdk/src/stills.js" */
/** @import { OwnMedia } from "./own-media.js" */
/** @import { TextKey } from "./i18n.js" */

/** Which wording `stillBody` has: kept with each answer. To be changed whenever the texts are. */
export const STILL_TEXT = "2026-1";

/**
 * Lets the user take and send a picture whenever somebody asks for one: seen first, and sent by their own hand only.
 *
 * @param {Call} call
 * @param {OwnMedia} own
 * @param {AbortSignal} signal ends it, with what is shown
 */
export function offerStills(call, own, signal) {
  /** @param {StillQuestion} question */
  const offer = (question) => new StillOffer(call, own, question, signal);
  call.stills.on("asked", offer, { signal });
  call.stills.on("ended", ({ question, reason }) => {
    const name = nameOfAsker(call, question);
    if (reason === "delivered") notify(t("stillDelivered", { name }));
    else if (reason !== "refused") notify(t("stillNotNeeded", { name }));
  }, { signal });
  for (const question of call.stills.questions) offer(question);
}

/** The dialogue for one picture. Closing it in any way is a no, until the picture is on its way. */
class StillOffer {
  #call;
  #own;
  #question;
  #video = element("video", { class: "still-picture", playsinline: true, muted: true, autoplay: true, tabindex: "-1", "aria-label": t("stillPreview") });
  #image = element("img", { class: "still-picture", alt: t("stillTaken"), hidden: true });
  #unblurred = element("p", { class: "still-unblurred", hidden: true }, t("stillUnblurred"));
  #status = element("p", { class: "still-status", role: "status" });
  #take = this.#button("stillTake", () => this.#takeOne(), true);
  #send = this.#button("stillSend", () => this.#sendIt(), true);
  #again = this.#button("stillAgain", () => this.#show(null));
  #switch = this.#button("switchCamera", () => this.#switchCamera());
  #decline = this.#button("stillDecline", () => this.#dialog.close());
  #dialog;
  /** @type {Blob | null} */
  #picture = null;
  #busy = false;
  #sent = false;
  #gone = new AbortController();

  /**
   * @param {Call} call
   * @param {OwnMedia} own
   * @param {StillQuestion} question
   * @param {AbortSignal} signal
   */
  constructor(call, own, question, signal) {
    this.#call = call;
    this.#own = own;
    this.#question = question;
    const name = nameOfAsker(call, question);
    this.#video.muted = true;
    this.#dialog = element(
      "dialog",
      { class: "dialog still-offer", "aria-labelledby": `still-${question.id}`, onclose: () => this.#closed() },
      element("h2", { id: `still-${question.id}` }, t("stillTitle", { name })),
      element("p", {}, t("stillBody", { name })),
      this.#unblurred,
      element("div", { class: "still-frame" }, this.#video, this.#image),
      this.#status,
      element("footer", {}, this.#decline, this.#switch, this.#again, this.#take, this.#send),
    );
    for (const each of [signal, question.signal]) each.addEventListener("abort", () => this.#dialog.close());
    // The camera may only just be starting, or be changed meanwhile; `own` has it right after this event.
    call.on("localsourcechange", () => setTimeout(() => this.#preview(), 0), { signal: this.#gone.signal });
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#show(null);
    this.#take.focus();
  }

  /**
   * @param {TextKey} word
   * @param {() => void} act
   * @param {boolean} [primary]
   */
  #button(word, act, primary = false) {
    return element("button", { type: "button", class: primary ? "button primary" : "button", onclick: () => this.#busy || act() }, t(word));
  }

  /** @param {Blob | null} picture what was taken; null for what the camera sees */
  #show(picture) {
    this.#picture = picture;
    if (this.#image.src) URL.revokeObjectURL(this.#image.src);
    if (picture) this.#image.src = URL.createObjectURL(picture);
    else this.#image.removeAttribute("src");
    this.#preview();
    setAttribute(this.#video, "hidden", picture !== null);
    setAttribute(this.#image, "hidden", picture === null);
    setAttribute(this.#take, "hidden", picture !== null);
    setAttribute(this.#switch, "hidden", picture !== null || !this.#own.canSwitchCamera);
    for (const each of [this.#send, this.#again]) setAttribute(each, "hidden", picture === null);
    (picture ? this.#send : this.#take).focus();
  }

  #preview() {
    const shown = this.#picture === null && !this.#gone.signal.aborted;
    const { cameraTrack } = this.#own;
    // As it is taken: the camera's own picture, which the bridge sends to nobody.
    showTrack(this.#video, shown && cameraTrack ? originOf(cameraTrack) : null);
    setAttribute(this.#unblurred, "hidden", cameraTrack === null || originOf(cameraTrack) === cameraTrack);
  }

  #takeOne() {
    return this.#working("stillTaking", "stillNotTaken", async () => this.#show(await this.#call.stills.take(this.#question)));
  }

  #switchCamera() {
    return this.#working("stillTaking", "stillNotTaken", async () => {
      await this.#own.switchCamera();
      this.#show(null);
    });
  }

  async #sendIt() {
    const picture = this.#picture;
    if (picture === null) return;
    await this.#working("stillSending", "stillNotSent", async () => {
      await this.#call.stills.send(this.#question, picture, STILL_TEXT);
      this.#sent = true;
      this.#dialog.close();
    });
  }

  /**
   * @param {TextKey} during
   * @param {TextKey} otherwise
   * @param {() => Promise<void>} work
   */
  async #working(during, otherwise, work) {
    this.#busy = true;
    setText(this.#status, t(during));
    try {
      await work();
      setText(this.#status, "");
    } catch {
      setText(this.#status, t(otherwise));
    } finally {
      this.#busy = false;
    }
  }

  #closed() {
    this.#gone.abort();
    showTrack(this.#video, null);
    if (this.#image.src) URL.revokeObjectURL(this.#image.src);
    this.#dialog.remove();
    if (this.#sent || this.#question.signal.aborted) return;
    this.#call.stills.refuse(this.#question, STILL_TEXT).catch(() => undefined);
  }
}

/**
 * @param {Call} call
 * @param {StillQuestion} question
 */
function nameOfAsker(call, { askedBy }) {
  const by = call.participants.get(askedBy);
  return by ? nameOf(by) : t("noName");
}
