import { originOf } from "../../sdk/src/index.js";
import { logo, service, support, titled } from "../brand.js";
import { background } from "../background.js";
import { Captions, ChatPanel } from "../chat-panel.js";
import { element, setAttribute, setText } from "../dom.js";
import { t } from "../i18n.js";
import { FloatingPicture, isShortcut } from "../floating-picture.js";
import { icon, setIcon } from "../icons.js";
import { announceInterruptions, ownInterruption } from "../interruptions.js";
import { initials } from "../layout.js";
import { leaveCall } from "../leaving.js";
import { notify, withdrawNotices } from "../notices.js";
import { OwnMedia } from "../own-media.js";
import { PeoplePanel } from "../people-panel.js";
import { people } from "../people.js";
import { nameOf } from "../person-menu.js";
import { ask } from "../questions.js";
import { remember, remembered } from "../remembered.js";
import { rememberedArrangement, rememberedLayout, rememberedView } from "../remembered-view.js";
import { RECORDING_WORDS } from "../recording-section.js";
import { SettingsDialog } from "../settings-dialog.js";
import { PanelButton, SidePanel } from "../side-panel.js";
import { Sound } from "../sound.js";
import { Stage } from "../stage.js";
import { offerStills } from "../still-offer.js";
import { Toolbar } from "../toolbar.js";
import { waitingName } from "../words.js";

/** @import { Call, RemoteParticipant, RemoteSource } from "../../sdk/src/index.js" */
/** @import { Equipment } from "../equipment.js" */
/** @import { TextKey } from "../i18n.js" */

/** What is said when the pictures come all in one, by the reason. @type {Record<string, TextKey | undefined>} */
const COMPOSED_TEXTS = { thin_line: "composedForLine", asked: "composedNow" };
/** What is said when they come each on their own. @type {Record<string, TextKey | undefined>} */
const SEPARATE_TEXTS = {
  good_line: "separateAgain",
  asked: "separateAgain",
  legs_exhausted: "notComposed",
  leg_failed: "notComposed",
  unsupported_codec: "notComposed",
};

/** The call itself. */
export class CallView {
  #call;
  #name;
  #own;
  #sound;
  #stage;
  #toolbar;
  #floating;
  #settings;
  #count = element("span");
  #panel = new SidePanel(() => this.#queueUpdate());
  #people;
  #peopleButton;
  #chat;
  #chatButton;
  #unread = 0;
  #hand;
  #arrange = element("button", { type: "button", class: "head-button", onclick: () => this.#switchArrangement() }, icon("arrange-speaker"));
  #captions = new Captions();
  #recording = element("p", { class: "recording", role: "status" });
  #encryption = element("span", { class: "encryption", title: t("encryptionExplained") }, icon("lock"), element("span", { class: "encryption-word" }, t("encryptedToBridge")));
  #banner = element("p", { class: "banner", role: "status", "aria-live": "polite" });
  #alone;
  #aloneTitle = element("h2");
  #aloneBody = element("p");
  /** Whether anybody else has been here. */
  #met = false;
  #seeWhoWaits = element(
    "button",
    { type: "button", class: "button primary", onclick: () => this.#panel.open(this.#people, this.#peopleButton.node) },
    t("seeWhoWaits"),
  );
  #unlockButton;
  #abort = new AbortController();
  #updateQueued = false;
  /** Cameras whose picture the line does not carry. @type {Set<string>} */
  #gone = new Set();
  #unheard = false;
  #wasConnected = false;
  /** @type {WakeLockSentinel | null} */
  #wakeLock = null;
  node;

  /**
   * @param {Call} call
   * @param {string | null} name one's own
   * @param {() => void} leave
   */
  constructor(call, name, leave) {
    this.#call = call;
    this.#name = name;
    this.#stage = new Stage(call, rememberedArrangement(), (id) => this.#pin(id));
    this.#own = new OwnMedia(call, () => this.#queueUpdate(), this.#abort.signal);
    this.#sound = new Sound((blocked) => setAttribute(this.#unlockButton, "hidden", !blocked));
    this.#floating = new FloatingPicture({ microphone: () => this.#own.toggleMicrophone(), leave, changed: () => this.#queueUpdate() });
    this.#toolbar = new Toolbar({
      microphone: () => this.#own.toggleMicrophone(),
      camera: () => this.#own.toggleCamera(),
      screen: () => this.#own.toggleScreen(),
      switchCamera: () => this.#own.switchCamera(),
      floating: () => this.#floating.toggle(),
      settings: () => this.#settings.open(),
      leave: () => leaveCall(call, people(call.participants.values()), leave),
    });
    this.#people = new PeoplePanel(call, name === null ? t("you") : t("youNamed", { name }));
    this.#peopleButton = new PanelButton("people", (opener) => this.#panel.toggle(this.#people, opener));
    this.#chat = new ChatPanel(call);
    this.#chatButton = new PanelButton("chat", (opener) => this.#panel.toggle(this.#chat, opener));
    this.#hand = element("button", { type: "button", class: "head-button", onclick: () => this.#raiseHand() }, icon("hand"));
    this.#settings = this.#makeSettings();
    this.#unlockButton = element(
      "button",
      { type: "button", class: "button primary large unlock", hidden: true, onclick: () => this.#sound.unlock() },
      icon("speaker"),
      t("tapForSound"),
    );
    this.#alone = element("div", { class: "alone" }, icon("people"), this.#aloneTitle, this.#aloneBody, this.#seeWhoWaits);
    this.node = element(
      "main",
      { class: "call" },
      element(
        "header",
        { class: "call-head" },
        element("h1", { tabindex: "-1" }, logo(), element("span", { class: "service-name" }, service.name || t("title"))),
        this.#recording,
        element("p", { class: "count" }, this.#encryption, this.#count),
        element("div", { class: "head-buttons" }, this.#arrange, this.#hand, this.#chatButton.node, this.#peopleButton.node),
      ),
      this.#banner,
      this.#alone,
      element(
        "div",
        { class: "call-body" },
        element("div", { class: "stage-holder" }, this.#stage.node, this.#captions.node),
        this.#panel.node,
      ),
      this.#unlockButton,
      this.#toolbar.node,
      this.#settings.node,
    );
    call.saveData = remembered("saveData") === "true";
    call.view = rememberedView();
    call.composedLayout = rememberedLayout();
    this.#listen();
    offerStills(call, this.#own, this.#abort.signal);
    announceInterruptions(call, this.#abort.signal);
    this.#update();
  }

  /** @param {Equipment} equipment what was chosen before the call */
  async start(equipment) {
    for (const { sources } of this.#call.participants.values()) for (const source of sources.values()) this.#hear(source);
    this.#keepAwake();
    await this.#own.start(equipment);
  }

  close() {
    this.#abort.abort();
    this.#wakeLock?.release().catch(() => undefined);
    this.#sound.close();
    this.#floating.close();
    this.#stage.close();
    this.#panel.dispose();
    this.#settings.node.close();
  }

  #listen() {
    const call = this.#call;
    const options = { signal: this.#abort.signal };
    call.on("participantjoined", (participant) => {
      // Of a recording the call says by itself that it begins and ends.
      if (people([participant]).length > 0) notify(t("joinedAnnouncement", { name: nameOf(participant) }));
      this.#queueUpdate();
    }, options);
    call.on("participantleft", ({ participant, reason }) => {
      // Whoever reloaded the page is about to be back.
      const left = reason === "sent_back" ? "inLobbyAgain" : "leftAnnouncement";
      if (reason !== "replaced" && people([participant]).length > 0) notify(t(left, { name: nameOf(participant) }));
      this.#queueUpdate();
    }, options);
    call.on("sourcechange", (source) => {
      if (source.stalled && !source.interrupted && source.kind === "audio") notify(t("cannotHear", { name: nameOf(source.participant) }));
      this.#hear(source);
      this.#announceDelivery(source);
      this.#queueUpdate();
    }, options);
    call.on("sourceadded", (source) => {
      if (source.name === "screen") notify(t("sharesAnnouncement", { name: nameOf(source.participant) }));
      this.#queueUpdate();
    }, options);
    call.on("sourceremoved", (source) => {
      this.#sound.play(source.id, null);
      this.#queueUpdate();
    }, options);
    call.on("viewchange", ({ view, reason }) => {
      const text = view === "composed" ? COMPOSED_TEXTS[reason] : SEPARATE_TEXTS[reason];
      // Who did not ask for it misses nothing.
      if (text && (text !== "notComposed" || call.view === "composed")) notify(t(text));
    }, options);
    call.on("composedchange", (track) => {
      // Until it comes, what was shown before stays.
      track?.addEventListener("unmute", () => this.#queueUpdate(), options);
      this.#queueUpdate();
    }, options);
    call.on("unheard", ({ source, stalled }) => {
      if (source.kind === "audio") this.#unheard = stalled;
      this.#queueUpdate();
    }, options);
    call.on("queuejoined", (info) => notify(t("isInQueue", { name: waitingName(info) })), options);
    call.on("waitingjoined", (info) => notify(t("isReady", { name: waitingName(info) })), options);
    call.on("waitingrefused", (info) => notify(t("saidNoToRecording", { name: waitingName(info) })), options);
    let failed = false;
    call.on("recordingfailed", ({ code }) => {
      // A host who takes the recorder out stops it.
      if (code === "recorder_removed") return;
      failed = true;
      notify(t(code === "recording_no_space" ? "recordingNoSpace" : "recordingFailed"));
    }, options);
    let { locked: wasLocked, recording: wasRecording, pinned: wasPinned } = call.room;
    call.on("roomchange", ({ locked, recording, pinned }) => {
      if (pinned !== wasPinned) this.#announcePin(pinned);
      wasPinned = pinned;
      if (locked !== wasLocked) notify(t(locked ? "lockedAnnouncement" : "unlockedAnnouncement"));
      if (recording !== "off") withdrawNotices("recording");
      else if (wasRecording !== "off" && !failed) {
        notify(t(wasRecording === "asking" ? "recordingOff" : "recordingStopped"), "recording");
      }
      failed = false;
      wasLocked = locked;
      wasRecording = recording;
      this.#queueUpdate();
    }, options);
    call.on("chatmessage", (message) => {
      if (message.caption) this.#captions.show(message);
      else if (message.participantId !== call.id && !this.#panel.shows(this.#chat)) {
        this.#unread += 1;
        notify(t("chatFrom", { name: message.name || t("noName") }));
      }
      this.#queueUpdate();
    }, options);
    /** @type {Set<string>} */
    const hands = new Set();
    call.on("participantchange", (participant) => {
      const { id, handRaised } = participant;
      if (handRaised && !hands.has(id)) notify(t("handAnnouncement", { name: nameOf(participant) }));
      hands[handRaised ? "add" : "delete"](id);
    }, options);
    call.on("consentsettled", () => this.#queueUpdate(), options);
    let wasHost = call.isHost;
    call.on("grantschange", () => {
      if (call.isHost !== wasHost) notify(t(call.isHost ? "nowHost" : "noLongerHost"));
      wasHost = call.isHost;
      this.#queueUpdate();
    }, options);
    call.on("mutedbyhost", () => notify(t("mutedByHost")), options);
    call.on("stoppedbyhost", ({ name }) => notify(t(name === "camera" ? "videoConsentNeeded" : "screenStoppedByHost")), options);
    call.on("invitationproposed", ({ by, name }) => notify(t("proposalTitle", { by: by || t("noName"), name })), options);
    call.on("proposalanswered", ({ proposal: { participant_id: id, name }, accepted }) => {
      if (id === call.id) notify(t(accepted ? "proposalAccepted" : "proposalDeclined", { name }));
      this.#queueUpdate();
    }, options);
    call.on("unmuteasked", (by) => this.#unmuteAsked(by), options);
    const changes = /** @type {const} */ (["participantchange", "speakers", "activespeaker", "quality", "statechange", "waitingchange", "invitationproposed"]);
    for (const type of changes) {
      call.on(type, () => this.#queueUpdate(), options);
    }
    document.addEventListener("visibilitychange", () => this.#keepAwake(), options);
    document.addEventListener("keydown", (event) => {
      if (!isShortcut(event)) return;
      event.preventDefault();
      this.#floating.toggle();
    }, options);
  }

  #switchArrangement() {
    const arrangement = this.#stage.arrangement === "grid" ? "speaker" : "grid";
    remember("arrangement", arrangement);
    this.#stage.arrangement = arrangement;
    notify(t(arrangement === "grid" ? "gridNow" : "speakerNow"));
    this.#queueUpdate();
  }

  async #raiseHand() {
    const raised = !this.#call.handRaised;
    await this.#call.raiseHand(raised).then(() => notify(t(raised ? "ownHandUp" : "ownHandDown")), () => notify(t("notDone")));
    this.#queueUpdate();
  }

  /** @param {RemoteParticipant | null} by */
  async #unmuteAsked(by) {
    if (this.#own.microphoneOn) return;
    const name = by === null ? t("noName") : nameOf(by);
    const wants = await ask({ title: t("unmuteAskedTitle", { name }), body: t("unmuteAskedBody"), yes: t("unmute"), no: t("notNow") });
    if (wants && !this.#own.microphoneOn) this.#own.toggleMicrophone();
  }

  /** @param {string | null} id */
  #pin(id) {
    const participant = this.#call.participants.get(id ?? "");
    this.#call.pin(participant ? [participant] : []);
    this.#update();
  }

  /**
   * Says when a picture goes for the line's sake, and when it is back: nothing is switched off silently.
   *
   * @param {RemoteSource} source
   */
  #announceDelivery(source) {
    if (source.name !== "camera") return;
    const theirs = source.upload === "paused";
    const gone = theirs || source.delivery === "paused";
    if (gone === this.#gone.has(source.id)) return;
    if (gone) this.#gone.add(source.id);
    else this.#gone.delete(source.id);
    const text = theirs ? "theirLineTooWeakAnnouncement" : gone ? "lineTooWeakAnnouncement" : "pictureBackAnnouncement";
    notify(t(text, { name: nameOf(source.participant) }));
  }

  /** @param {string | null} pinned whom a host wants everybody to see large */
  #announcePin(pinned) {
    const participant = this.#call.participants.get(pinned ?? "");
    if (participant) notify(t("pinnedForAllAnnouncement", { name: nameOf(participant) }));
    else if (pinned === this.#call.id) notify(t("youArePinnedForAll"));
  }

  /** @param {RemoteSource} source */
  #hear(source) {
    if (source.kind === "audio") this.#sound.play(source.id, source.track);
  }

  /** Many events come at once; the page is drawn once for all of them. */
  #queueUpdate() {
    if (this.#updateQueued || this.#abort.signal.aborted) return;
    this.#updateQueued = true;
    queueMicrotask(() => {
      this.#updateQueued = false;
      if (!this.#abort.signal.aborted) this.#update();
    });
  }

  #update() {
    const own = this.#own;
    const others = this.#call.participants;
    const track = own.cameraTrack;
    this.#stage.update(
      others.values(),
      this.#call.activeSpeaker,
      {
        name: this.#name === null ? t("you") : t("youNamed", { name: this.#name }),
        letters: initials(this.#name ?? t("you")),
        track: own.cameraInterrupted ? null : track,
        muted: !own.microphoneOn,
        speaking: false,
        active: false,
        status: "",
        // What was told last says nothing while the bridge is not reached.
        quality: ["reconnecting", "blocked"].includes(this.#call.state) ? 0 : this.#call.quality,
        content: "camera",
        mirrored: track === null || originOf(track).getSettings().facingMode !== "environment",
        source: null,
      },
      own.screenTrack,
      this.#call.composed?.muted === false ? this.#call.composed : null,
    );
    const { microphoneOn, cameraOn, sharing, canShare, canSwitchCamera, canSpeak, canShow } = own;
    const { possible: canFloat, open: floating } = this.#floating;
    this.#toolbar.update({ microphoneOn, cameraOn, sharing, canShare, canSwitchCamera, canSpeak, canShow, canFloat, floating });
    if (this.#stage.main) this.#floating.update({ picture: this.#stage.main, microphoneOn, canSpeak });
    const large = this.#stage.arrangement === "speaker";
    setIcon(this.#arrange, large ? "arrange-grid" : "arrange-speaker");
    const arrangeLabel = t(large ? "showGrid" : "showSpeaker");
    setAttribute(this.#arrange, "aria-label", arrangeLabel);
    setAttribute(this.#arrange, "title", arrangeLabel);
    setAttribute(this.#arrange, "hidden", !this.#stage.arrangeable);
    setText(this.#count, t("inTheCall", { count: people(others.values()).length + 1 }));
    this.#updatePanels();
    this.#updateAlone();
    this.#updateBanner();
    this.#settings.update();
  }

  /** Nobody else is here yet, or any more: whoever decides about those who wait is told what to do next. */
  #updateAlone() {
    const { participants } = this.#call;
    const awaited = this.#countWaiting() > 0;
    const alone = people(participants.values()).length === 0;
    this.#met ||= !alone;
    setText(this.#aloneTitle, t(awaited ? "awaitedTitle" : this.#met ? "leftAloneTitle" : "aloneTitle"));
    setText(this.#aloneBody, t(awaited ? "awaitedBody" : this.#met ? "leftAloneBody" : "aloneBody"));
    setAttribute(this.#seeWhoWaits, "hidden", !awaited || this.#panel.shows(this.#people));
    setAttribute(this.#alone, "hidden", !alone);
  }

  /** In the lobby, and in the queues that the room takes from. */
  #countWaiting() {
    const { waiting, queues } = this.#call;
    return [...queues.values()].reduce((count, queue) => count + queue.waiting.length, waiting.size);
  }

  #updatePanels() {
    const { participants, room, handRaised } = this.#call;
    const waiting = this.#countWaiting();
    // Also for who has another window open while they wait for somebody.
    document.title = titled(waiting > 0 ? `${t("titleWaiting", { count: waiting })} – ${t("title")}` : t("title"));
    if (this.#panel.shows(this.#chat)) this.#unread = 0;
    const chatLabel = this.#unread > 0 ? t("openChatUnread", { count: this.#unread }) : t("openChat");
    this.#chatButton.update(chatLabel, this.#unread, this.#panel.shows(this.#chat));
    this.#chat.update();
    const handLabel = t(handRaised ? "lowerHand" : "raiseHand");
    setAttribute(this.#hand, "aria-label", handLabel);
    setAttribute(this.#hand, "title", handLabel);
    this.#hand.classList.toggle("is-raised", handRaised);
    setText(this.#recording, room.recording === "off" ? "" : t(RECORDING_WORDS[room.recording]));
    setAttribute(this.#recording, "data-state", room.recording);
    const { size: proposed } = this.#call.inviting.proposals;
    const counts = { count: people(participants.values()).length + 1, waiting };
    const label = t(waiting > 0 ? "openPeopleWaiting" : "openPeople", counts);
    this.#peopleButton.update(proposed > 0 ? `${label}, ${t("proposalsCount", { count: proposed })}` : label, waiting + proposed, this.#panel.shows(this.#people));
    this.#people.update();
  }

  #updateBanner() {
    const { state, quality } = this.#call;
    if (state === "connected" && this.#banner.dataset["state"] === "reconnecting") notify(t("reconnected"));
    this.#wasConnected ||= state === "connected";
    const text = this.#bannerText(state, quality);
    setText(this.#banner, text);
    setAttribute(this.#banner, "hidden", text === "");
    setAttribute(this.#banner, "data-state", state);
  }

  /**
   * @param {Call["state"]} state
   * @param {Call["quality"]} quality
   */
  #bannerText(state, quality) {
    if (state === "reconnecting") return t("reconnecting");
    if (state === "blocked") return [t("blocked"), support()?.textContent].filter(Boolean).join(" ");
    if (state === "connecting" && !this.#wasConnected && this.#call.localSources.length > 0) return t("connecting");
    const interruption = ownInterruption(this.#call);
    if (interruption) return interruption;
    if (this.#unheard) return t("othersCannotHearYou");
    const upload = this.#call.localSources.find(({ kind, muted }) => kind === "video" && !muted)?.upload;
    if (upload === "stills") return t("ownStillPicture");
    if (upload === "paused") return t("ownLineTooWeak");
    if (quality === 1) return t("poorLine");
    return "";
  }

  #makeSettings() {
    const own = this.#own;
    return new SettingsDialog(
      {
        chooseCamera: (id) => own.chooseCamera(id),
        chooseMicrophone: (id) => own.chooseMicrophone(id),
        chooseSpeaker: (id) => {
          remember("speaker", id);
          this.#sound.chooseSpeaker(id);
        },
        blur: (on) => background.set(on),
        saveData: (on) => {
          remember("saveData", String(on));
          this.#call.saveData = on;
        },
        view: (view) => {
          remember("view", view);
          this.#call.view = view;
        },
        layout: (layout) => {
          remember("layout", layout);
          this.#call.composedLayout = layout;
        },
      },
      () => ({
        cameraId: (own.cameraTrack && originOf(own.cameraTrack).getSettings().deviceId) ?? remembered("camera"),
        microphoneId: own.microphoneTrack?.getSettings().deviceId ?? remembered("microphone"),
        speakerId: remembered("speaker"),
        saveData: this.#call.saveData,
        view: rememberedView(),
        layout: rememberedLayout(),
        camera: own.cameraTrack,
        microphone: own.microphoneTrack,
      }),
    );
  }

  /** A phone that goes to sleep ends the picture. Browsers drop the lock whenever the page is hidden. */
  async #keepAwake() {
    if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    this.#wakeLock = await navigator.wakeLock.request("screen").catch(() => null);
  }
}
