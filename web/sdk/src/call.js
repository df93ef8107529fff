import { CallQuality } from "./call-quality.js";
import { Chat } from "./chat.js";
import { openCamera, openMicrophone, openScreen, reopen } from "./devices.js";
import { Emitter } from "./emitter.js";
import { Inviting } from "./inviting.js";
import { LayoutReporter } from "./layout-reporter.js";
import { LocalSource } from "./local-source.js";
import { Moderation } from "./moderation.js";
import { watchNetwork } from "./network.js";
import { Publisher } from "./publisher.js";
import { Recording } from "./recording.js";
import { Rejoining } from "./rejoining.js";
import { ROSTER_EVENTS, Roster } from "./roster.js";
import { Stills } from "./stills.js";
import { Subscriber } from "./subscriber.js";
import { Unheard } from "./unheard.js";
import { VideoConsent } from "./video-consent.js";
import { WAITING_ROOM_EVENTS, WaitingRoom } from "./waiting-room.js";

/** @import { CallEvents, CallState } from "./call-events.js" */
/** @import { VideoCodec } from "./encodings.js" */
/** @import { BridgeError } from "./errors.js" */
/** @import { OpenDevice } from "./local-source.js" */
/** @import { RemoteParticipant } from "./participant.js" */
/** @import { Joined, Notice, PictureLayout, PictureShape, QueueInfo, RoomInfo, SourceName, Stats, View, WaitingInfo } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/**
 * A call: the room as this participant sees it, and what it publishes.
 *
 * Besides the events of the roster (`participantjoined`, `sourcechange`, `speakers`, `activespeaker`, …) and of the lobby
 * (`admitted`, `senttolobby`, `lobbychange`, `waitingjoined`, …): `statechange`; `roomchange`, `grantschange`,
 * `mutedbyhost`, `stoppedbyhost` and `unmuteasked` when a host decided something; `chatmessage`; `consentasked` and
 * `consentsettled` when one is asked to consent to a recording, and when there is nothing to answer any more, and
 * `recordingfailed` when it ends by itself, as for lack of room (`recording_no_space`); what was recorded is kept;
 * `localsourcechange` and `localsourceended` for one's own sources; `unheard` when media of one's own stopped reaching
 * the bridge, or reaches it again; `quality` each few seconds, when the participants' `quality` was measured;
 * `viewchange` when the pictures come all in one, or each on its own again, and `composedchange` with the track of that
 * one; `closed` at the end, with the error that ended it or null when one left.
 *
 * @extends {Emitter<{ [Type in keyof CallEvents]: CallEvents[Type] }>}
 */
export class Call extends Emitter {
  #session;
  #publisher;
  #subscriber;
  #roster;
  #waitingRoom = new WaitingRoom();
  /** What hosts decide. */
  moderation;
  /** What is written in the room. */
  chat;
  /** Whether the room is recorded, and one's consent. */
  recording;
  /** Sharp still pictures of somebody's camera, by its owner's consent. */
  stills;
  /** One's consent to being seen, where the room asks for it. */
  videoConsent;
  /** Links for those who are to come. */
  inviting;
  /** @type {RoomInfo} */
  #room = { locked: false, recording: "off", video_consent: false, recordable: false, pinned: null, encryption: "bridge" };
  #handRaised = false;
  #layout;
  #quality;
  #rejoining;
  #rtcConfiguration;
  /** @type {RTCIceServer[]} */
  #iceServers = [];
  /** @type {CallState} */
  #state = "connecting";
  #stopWatchingNetwork;
  #id = "";
  /** @type {MediaStreamTrack | null} */
  #composed = null;
  /** @type {readonly string[]} */
  #grants = [];

  /**
   * @param {Session} session
   * @param {{ subscribe: "all" | "none", rtcConfiguration: RTCConfiguration }} options
   */
  constructor(session, { subscribe, rtcConfiguration }) {
    super();
    this.#session = session;
    this.moderation = new Moderation(session);
    this.chat = new Chat(session);
    this.recording = new Recording(session);
    this.inviting = new Inviting(session);
    this.videoConsent = new VideoConsent(session);
    this.#rtcConfiguration = rtcConfiguration;
    this.#roster = new Roster(this.#subscriptions(), subscribe === "all");
    // Before the connections: they find the participants and ICE servers of this `joined`, not of the last.
    session.on("joined", (joined) => this.#joined(joined));
    session.on("notice", (notice) => this.#noticed(notice));
    this.#layout = new LayoutReporter(session);
    this.#roster.on("sourceremoved", (source) => this.#layout.setHeight(source.id, null));
    const createConnection = () => this.#createConnection();
    this.#publisher = new Publisher(session, createConnection);
    this.#subscriber = new Subscriber(session, createConnection);
    this.#rejoining = new Rejoining(session, [this.#publisher, this.#subscriber]);
    this.#rejoining.on("change", () => this.#updateState());
    this.#quality = new CallQuality(this.#publisher, this.#subscriber, this.#roster, () => this.emit("quality", null));
    this.#stopWatchingNetwork = watchNetwork(() => this.#networkChanged());
    session.on("joined", () => this.#updateState());
    session.on("lost", () => this.#updateState());
    session.on("closed", (error) => this.#close(error));
    this.#publisher.on("state", () => this.#updateState());
    this.#subscriber.on("state", () => this.#updateState());
    new Unheard(session, () => this.localSources).on("change", (change) => this.emit("unheard", change));
    this.stills = new Stills(session, () => this.localSources);
    this.#subscriber.on("tracks", (tracks) => this.#roster.setTracks(tracks));
    this.#subscriber.on("composed", (track) => this.#setComposed(track));
    this.#forwardRosterEvents();
  }

  get state() {
    return this.#state;
  }

  /** One's own id in the room. */
  get id() {
    return this.#id;
  }

  /** What the token allows, such as `publish_camera`, `publish_microphone`, `publish_screen`, `subscribe`. */
  get grants() {
    return this.#grants;
  }

  /** What one may know while one waits; null in the room. */
  get lobby() {
    return this.#waitingRoom.lobby;
  }

  /** For hosts: who waits, by id, the next one first. @type {ReadonlyMap<string, WaitingInfo>} */
  get waiting() {
    return this.#waitingRoom.waiting;
  }

  /** For hosts: the queues that the room takes from, with those who wait there. @type {ReadonlyMap<string, QueueInfo>} */
  get queues() {
    return this.#waitingRoom.queues;
  }

  /** What holds for the room as a whole. */
  get room() {
    return this.#room;
  }

  /** Whether one's own hand is raised. */
  get handRaised() {
    return this.#handRaised;
  }

  /** @param {boolean} raised shows everyone that one would like to speak, or no longer */
  async raiseHand(raised) {
    await this.#session.request({ type: "raise_hand", raised });
    this.#handRaised = raised;
  }

  /** @param {string[]} names of those who sit at the same camera */
  async setCompanions(names) {
    await this.#session.request({ type: "set_companions", names });
  }

  /** Whether one may let others in, mute them, and so on. */
  get isHost() {
    return this.#grants.includes("host");
  }

  /** The others by id, in order of joining. @type {ReadonlyMap<string, RemoteParticipant>} */
  get participants() {
    return this.#roster.participants;
  }

  /** Who of the others speaks, or spoke last. */
  get activeSpeaker() {
    return this.#roster.activeSpeaker;
  }

  /** What one publishes oneself. */
  get localSources() {
    return this.#publisher.sources;
  }

  /** Whether sound arrives, looked at while one's line is too weak for somebody's picture; true otherwise. */
  get soundFlows() {
    return this.#quality.soundFlows;
  }

  /** How well one's own media reaches the bridge: 3 good, 2 fair, 1 poor, null unknown. */
  get quality() {
    return this.#quality.own;
  }

  /** Whether to spare the user's data: cameras come and go in their smallest size only. */
  get saveData() {
    return this.#layout.saveData;
  }

  set saveData(saveData) {
    this.#layout.saveData = saveData;
    this.#publisher.setSaving(saveData);
  }

  /**
   * How the pictures of the others are to come: `separate`, `composed` (all in one, as `composed`), or `auto`: in one
   * where the line is too thin for the pictures of a room of three or more. Undefined: as one's role says, else separate.
   *
   * @type {View | undefined}
   */
  get view() {
    return this.#layout.view;
  }

  set view(view) {
    this.#layout.view = view;
  }

  /**
   * Who stands where in one picture of everybody: `grid` all alike, `speaker` the one who speaks large, `interpreter` the
   * interpreter beside whom they interpret for, `screen` what is shared large, `auto` what suits who is there.
   *
   * @type {PictureLayout}
   */
  get composedLayout() {
    return this.#layout.composed.layout;
  }

  set composedLayout(layout) {
    this.#layout.composed = { ...this.#layout.composed, layout };
  }

  /** Whether it is `wide`, or `upright` as a telephone is held. @type {PictureShape} */
  get composedShape() {
    return this.#layout.composed.shape;
  }

  set composedShape(shape) {
    if (shape !== this.composedShape) this.#layout.composed = { ...this.#layout.composed, shape };
  }

  /**
   * Where it is shown, for `watchPicture`: while it is out of sight it is not sent. Height 0: out of sight; null: shown
   * nowhere any more.
   */
  composedPicture = {
    /** @param {number | null} height */
    setHeight: (height) => {
      const hidden = height === 0;
      if (hidden !== this.#layout.composed.hidden) this.#layout.composed = { ...this.#layout.composed, hidden };
    },
  };

  /** One picture of everybody, oneself included; null while the pictures come each on their own. */
  get composed() {
    return this.#composed;
  }

  /**
   * Whom to see best, whoever speaks: at most four; null: whom a host pinned for everybody (`room.pinned`), as at first.
   *
   * @param {RemoteParticipant[] | null} participants
   */
  pin(participants) {
    this.#layout.pin(participants?.map(({ id }) => id) ?? null);
  }

  /**
   * @param {{ deviceId?: string, track?: MediaStreamTrack, muted?: boolean, codec?: VideoCodec | undefined,
   *   open?: (deviceId?: string) => Promise<MediaStreamTrack> }} [options] `track`: one that is open already; `codec`: where
   *   the browser has it, else the bridge and the browser agree on one; `open`: opens cameras in place of `openCamera`, to send
   *   what is made of their pictures (`deriveTrack`)
   */
  async publishCamera({ deviceId, track, muted = false, codec, open: opener = openCamera } = {}) {
    const open = reopen(opener, deviceId);
    return this.#publish("camera", track ?? (await opener(deviceId)), { muted, open, codec });
  }

  /**
   * @param {{ deviceId?: string, track?: MediaStreamTrack, muted?: boolean }} [options] `track`: one that is open already
   */
  async publishMicrophone({ deviceId, track, muted = false } = {}) {
    const open = reopen(openMicrophone, deviceId);
    return this.#publish("microphone", track ?? (await openMicrophone(deviceId)), { muted, open });
  }

  /**
   * Asks the user for a screen and publishes it, with its sound if asked for and to be had.
   *
   * @param {{ audio?: boolean, codec?: VideoCodec | undefined }} [options]
   */
  async publishScreen(options) {
    const { video, audio } = await openScreen(options);
    const screen = await this.#publish("screen", video, { codec: options?.codec });
    if (audio) {
      const sound = await this.#publish("screen_audio", audio, {});
      screen.on("ended", () => sound.stop());
    }
    return screen;
  }

  /**
   * Publishes any track, such as that of a canvas.
   *
   * @param {MediaStreamTrack} track
   * @param {{ name: SourceName, muted?: boolean, codec?: VideoCodec | undefined }} options
   */
  publish(track, { name, muted = false, codec }) {
    return this.#publish(name, track, { muted, codec });
  }

  /** What this browser measures, for the time since the last reading. */
  statistics() {
    return this.#quality.read();
  }

  /**
   * What the bridge counts on this participant's connections.
   *
   * @returns {Promise<Stats>}
   */
  bridgeStatistics() {
    return this.#session.request({ type: "get_stats" });
  }

  /** Leaves for good and releases all devices. */
  async leave() {
    await this.#session.leave();
  }

  /** @param {Joined} joined */
  #joined(joined) {
    const { participant_id: id, grants, participants, ice_servers: iceServers, room } = joined;
    this.#id = id;
    this.#grants = grants;
    this.#room = room;
    this.#iceServers = iceServers;
    this.#roster.reset(participants);
    if (joined.lobby) this.#dropMedia();
    if (!joined.resumed) this.#handRaised = false;
    this.#waitingRoom.reset(joined);
    this.chat.apply(joined);
    this.recording.apply(joined);
    this.inviting.apply(joined);
    this.videoConsent.apply(joined);
  }

  /** @param {Notice} notice */
  #noticed(notice) {
    if (notice.type === "admitted") {
      this.#room = notice.room;
      this.#roster.reset(notice.participants);
    } else if (notice.type === "sent_to_lobby") {
      this.#roster.reset([]);
      this.#handRaised = false;
      this.#dropMedia();
    }
    this.chat.apply(notice);
    this.recording.apply(notice);
    this.inviting.apply(notice);
    this.videoConsent.apply(notice);
    this.#decided(notice);
    this.#waitingRoom.apply(notice);
    if (notice.type === "admitted" || notice.type === "sent_to_lobby") this.#updateState();
    this.#roster.apply(notice);
    if (notice.type === "quality") this.#quality.apply(notice, notice.participant_id === this.#id);
    if (notice.type === "view") this.emit("viewchange", { view: notice.view, reason: notice.reason });
  }

  /** @param {Notice} notice what a host decided */
  #decided(notice) {
    if (notice.type === "room_changed") {
      this.#room = notice.room;
      this.emit("roomchange", notice.room);
    } else if (notice.type === "grants_changed") {
      this.#grants = notice.grants;
      this.emit("grantschange", notice.grants);
    } else if (notice.type === "unmute_asked") {
      this.emit("unmuteasked", this.participants.get(notice.participant_id) ?? null);
    } else if (notice.type === "muted_by_host" || notice.type === "stopped_by_host") {
      const source = this.localSources.find(({ id }) => id === notice.source_id);
      if (source === undefined) return;
      const muted = notice.type === "muted_by_host";
      (muted ? source.mute() : source.stop()).catch(() => undefined);
      this.emit(muted ? "mutedbyhost" : "stoppedbyhost", source);
    }
  }

  /** In the lobby there is no media: what was sent is released, and both connections are closed. */
  #dropMedia() {
    for (const source of this.localSources) source.release();
    this.#publisher.drop();
    this.#subscriber.drop();
  }

  /** @param {MediaStreamTrack | null} track */
  #setComposed(track) {
    if (track === this.#composed) return;
    this.#composed = track;
    this.emit("composedchange", track);
  }

  /**
   * @param {SourceName} name
   * @param {MediaStreamTrack} track
   * @param {{ muted?: boolean, open?: OpenDevice, codec?: VideoCodec | undefined }} options
   */
  async #publish(name, track, options) {
    const publisher = this.#publisher;
    const source = new LocalSource(publisher, name, track, options);
    source.on("change", () => this.emit("localsourcechange", source));
    source.on("ended", () => {
      this.emit("localsourceended", source);
      source.stop().catch(() => undefined);
    });
    await publisher.add(source);
    this.emit("localsourcechange", source);
    return source;
  }

  /** @returns {import("./participant.js").SubscriptionHost} */
  #subscriptions() {
    return {
      setSubscribed: async (source, subscribed) => {
        const type = subscribed ? "subscribe" : "unsubscribe";
        await this.#session.request({ type, source_ids: [source.id] });
        source.subscribed = subscribed;
        this.emit("sourcechange", source);
      },
      setPaused: async (source, paused) => {
        await this.#session.request({ type: "update_subscription", source_id: source.id, paused });
        source.paused = paused;
        this.emit("sourcechange", source);
      },
      setHeight: (source, height) => this.#layout.setHeight(source.id, height),
    };
  }

  #createConnection() {
    return new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: this.#iceServers, ...this.#rtcConfiguration });
  }

  #networkChanged() {
    this.#session.nudge();
    this.#publisher.restartIce();
    this.#subscriber.restartIce();
  }

  #updateState() {
    if (this.#state === "closed") return;
    const media = [this.#publisher.state, this.#subscriber.state];
    const waiting = media.includes("connecting") || this.localSources.length > 0;
    if (!this.#session.joined) this.#become("reconnecting");
    else if (this.lobby !== null) this.#become("waiting");
    else if (media.includes("failed") || this.#rejoining.blocked) this.#become("blocked");
    else if (media.includes("recovering")) this.#become("reconnecting");
    else if (media.includes("connected")) this.#become("connected");
    else if (this.#state === "waiting") this.#become("connecting");
    else if (this.#state === "reconnecting" && !waiting) this.#become("connected");
  }

  /** @param {CallState} state */
  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("statechange", state);
  }

  /** @param {BridgeError | null} error */
  #close(error) {
    this.#stopWatchingNetwork();
    this.#quality.close();
    for (const source of this.localSources) source.release();
    this.#publisher.close();
    this.#subscriber.close();
    this.#become("closed");
    this.emit("closed", error);
  }

  #forwardRosterEvents() {
    for (const type of ROSTER_EVENTS) this.#roster.on(type, (detail) => this.emit(type, detail));
    this.chat.on("chatmessage", (message) => this.emit("chatmessage", message));
    for (const type of /** @type {const} */ (["consentasked", "consentsettled", "recordingfailed"])) {
      this.recording.on(type, (detail) => this.emit(type, detail));
    }
    for (const type of /** @type {const} */ (["invitationproposed", "proposalanswered"])) {
      this.inviting.on(type, (detail) => this.emit(type, /** @type {any} */ (detail)));
    }
    for (const type of WAITING_ROOM_EVENTS) this.#waitingRoom.on(type, (detail) => this.emit(type, detail));
  }
}
