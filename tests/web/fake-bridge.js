/**
 * A bridge inside the page: takes the place of `WebSocket`, speaks the protocol, and has real peer connections at its
 * end, so that the SDK and the page are tested with real media before any server runs.
 *
 * It is injected after `drawn-media.js` and before the page's own scripts, and must stay free of imports. Tests steer it by
 * `window.fakeBridge`. What comes by HTTP is in fake-http.js.
 */
export function installFakeBridge() {
  class FakeSocket extends EventTarget {
    readyState = 0;

    constructor(url, protocol) {
      super();
      this.url = url;
      this.protocol = protocol;
      bridge.sockets.push(this);
      setTimeout(() => {
        if (bridge.unreachable) return this.end(1006);
        this.readyState = 1;
        this.dispatchEvent(new Event("open"));
      }, bridge.delay);
    }

    send(text) {
      const message = JSON.parse(text);
      bridge.received.push(message);
      setTimeout(() => this.readyState === 1 && bridge.handle(this, message), bridge.delay);
    }

    close() {
      this.end(1000);
    }

    deliver(message) {
      if (this.readyState !== 1) return;
      bridge.sent.push(message);
      this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
    }

    end(code) {
      if (this.readyState === 3) return;
      this.readyState = 3;
      if (bridge.socket === this) bridge.socket = null;
      this.dispatchEvent(new CloseEvent("close", { code }));
    }
  }

  class FakeBridge {
    received = [];
    sent = [];
    sockets = [];
    socket = null;
    participants = [];
    ownSources = [];
    delay = 5;
    unreachable = false;
    refusal = null;
    closeCode = 4403;
    chat = [];
    consent = null;
    room = { locked: false, recording: "off", video_consent: false, recordable: true, pinned: null, encryption: "bridge" };
    lobby = null;
    waiting = [];
    proposals = [];
    grants = ["publish_camera", "publish_microphone", "publish_screen", "subscribe"];
    /** What is given to join anew with, if anything is. @type {string | undefined} */
    token = undefined;
    /** Whether there is nowhere to sign in for whoever has a link. */
    nobodySignsIn = false;
    sessions = 0;
    session = null;
    negotiation = 0;
    answered = 0;
    changed = false;
    publishing = null;
    subscribing = null;
    tracks = [];
    /** One picture of everybody, if that is what is sent. @type {MediaStreamTrack | null} */
    composed = null;

    handle(socket, message) {
      const handler = this[`on_${message.type}`] ?? this.decided;
      Promise.resolve(handler.call(this, socket, message)).then((reply) => {
        if (reply) socket.deliver({ reply_to: message.id, ...reply });
        if (message.type === "join" || message.type === "resume") this.offer();
      });
    }

    refuse(socket, code) {
      socket.deliver({ type: "closing", code, message: "No.", close_code: this.closeCode, retry: false });
      socket.end(this.closeCode);
    }

    on_join(socket) {
      if (this.refusal) {
        setTimeout(() => this.refuse(socket, this.refusal), 0);
        return { type: "error", code: this.refusal, message: "No." };
      }
      this.sessions += 1;
      this.publishing?.close();
      this.subscribing?.close();
      this.publishing = this.subscribing = null;
      this.ownSources = [];
      this.negotiation = this.answered = 0;
      this.session = { id: `session-${this.sessions}`, secret: "secret", grace_seconds: 30 };
      return this.joined(socket, false);
    }

    on_resume(socket, { session_id: id }) {
      if (this.session?.id !== id) {
        setTimeout(() => socket.end(4404), 0);
        return { type: "error", code: "session_unknown", message: "It is over." };
      }
      return this.joined(socket, true);
    }

    joined(socket, resumed) {
      this.socket = socket;
      return {
        type: "joined",
        resumed,
        session: this.session,
        participant_id: "p-self",
        grants: this.grants,
        participants: this.lobby ? [] : this.participants.map(({ info }) => info),
        own_sources: this.ownSources,
        ice_servers: [],
        server: { name: "fake", version: "0" },
        limits: { message_bytes: 262144, requests_per_second: 20, request_burst: 100 },
        room: this.room,
        chat: this.chat,
        stills: [],
        ...(this.token && { token: this.token }),
        ...(this.consent && { consent: this.consent }),
        ...(this.lobby && { lobby: this.lobby }),
        ...(this.grants.includes("host") && !this.lobby && { waiting: this.waiting, proposals: this.proposals }),
      };
    }

    async on_publish(_, { offer, sources }) {
      this.publishing ??= new RTCPeerConnection();
      await this.publishing.setRemoteDescription({ type: "offer", sdp: offer });
      await this.publishing.setLocalDescription();
      await this.gathered(this.publishing);
      const kinds = new Map(this.publishing.getTransceivers().map(({ mid, receiver }) => [mid, receiver.track.kind]));
      this.ownSources = sources.map(({ mid, source, muted = false }) => ({
        id: `s-own-${mid}`,
        mid,
        source,
        kind: kinds.get(mid),
        muted,
        upload: "full",
        interrupted: false,
      }));
      return { type: "published", answer: this.publishing.localDescription.sdp, sources: this.ownSources, rejected: [] };
    }

    on_unpublish(_, { source_ids: ids }) {
      this.ownSources = this.ownSources.filter(({ id }) => !ids.includes(id));
      return { type: "done" };
    }

    on_update_source(_, { source_id: id, muted, source, upload, interrupted }) {
      const own = this.ownSources.find((candidate) => candidate.id === id);
      if (own && muted !== undefined) own.muted = muted;
      if (own && source !== undefined) own.source = source;
      if (own && upload !== undefined) own.upload = upload;
      if (own && interrupted !== undefined) own.interrupted = interrupted;
      return { type: "done" };
    }

    on_subscribe() {
      return { type: "done" };
    }

    on_unsubscribe() {
      return { type: "done" };
    }

    on_update_subscription() {
      return { type: "done" };
    }

    on_layout(_, layout) {
      this.layout = layout;
      return { type: "done" };
    }

    on_restart_ice() {
      setTimeout(() => this.offer(true), 0);
      return { type: "done" };
    }

    on_get_stats() {
      return { type: "stats", publish: null, subscribe: null };
    }

    on_ping() {
      return { type: "pong" };
    }

    /** Decisions are taken note of; what follows from them, the test plays. */
    decided() {
      return { type: "done" };
    }

    on_create_invitation(_, { role, minutes = 60, proposal_id: id }) {
      if (this.nobodySignsIn && role === "pasient") return { type: "error", code: "signin_impossible", message: "No." };
      if (id !== undefined) setTimeout(() => this.answerProposal(id, true), 0);
      // It looks like a code, with the three squares by which cameras find one, and says nothing.
      const square = (x, y) => [[0, 0], [26, 0], [0, 26]].map(([left, top]) => Math.max(Math.abs(x - left - 3), Math.abs(y - top - 3))).find((far) => far <= 4);
      const dark = (x, y) => [true, true, false, true, false][square(x, y)] ?? (x * x * 7 + y * y * 13 + x * y * 5) % 11 < 5;
      const row = (/** @type {number} */ y) => Array.from({ length: 33 }, (_, x) => (dark(x, y) ? "1" : "0")).join("");
      return {
        type: "invitation",
        invitation_id: "inv-1",
        link: "https://bridge.example/signin#hJ3kQm2x9TzWb4Lp",
        qr: Array.from({ length: 33 }, (_, y) => row(y)),
        role,
        level: role === "pasient" ? "high" : "none",
        expires_seconds: minutes * 60,
      };
    }

    propose({ id = "1", by = "Kari Nordmann", role = "parorende", name = "Per Hansen, broren min", who = "p-kari" }) {
      this.proposals.push({ id, participant_id: who, by, role, name });
      this.notice({ type: "invitation_proposed", proposal: this.proposals.at(-1) });
    }

    answerProposal(id, accepted) {
      const proposal = this.proposals.find((candidate) => candidate.id === id);
      this.proposals = this.proposals.filter((candidate) => candidate.id !== id);
      this.notice({ type: "proposal_answered", proposal, accepted });
    }

    on_leave(socket) {
      setTimeout(() => socket.end(1000), 0);
      return { type: "done" };
    }

    async on_subscribe_answer(_, { negotiation, answer }) {
      if (negotiation !== this.negotiation) return { type: "error", code: "stale_answer", message: "Too late." };
      await this.subscribing.setRemoteDescription({ type: "answer", sdp: answer });
      this.answered = negotiation;
      if (this.changed) this.offer();
      return { type: "done" };
    }

    /** Offers what the participants send; one offer at a time. */
    async offer(iceRestart = false) {
      if (this.socket === null || this.lobby) return;
      if (this.answered !== this.negotiation) {
        this.changed = true;
        return;
      }
      this.changed = false;
      const wanted = this.participants.flatMap(({ info, media }) =>
        info.sources.map(({ id, source, kind }) => ({ participant_id: info.id, source_id: id, source, kind, track: media.get(id) })),
      );
      if (this.composed) wanted.push({ participant_id: null, source_id: null, source: "composed", kind: "video", track: this.composed });
      if (wanted.length === 0 && this.subscribing === null) return;
      this.subscribing ??= new RTCPeerConnection();
      const connection = this.subscribing;
      this.negotiation += 1;
      for (const transceiver of connection.getTransceivers()) {
        const keeps = wanted.some(({ track }) => track === transceiver.sender.track);
        if (!keeps) {
          transceiver.direction = "inactive";
          await transceiver.sender.replaceTrack(null);
        }
      }
      for (const { track } of wanted) {
        if (connection.getSenders().some((sender) => sender.track === track)) continue;
        connection.addTransceiver(track, { direction: "sendonly" });
      }
      await connection.setLocalDescription(await connection.createOffer({ iceRestart }));
      await this.gathered(connection);
      const mids = new Map(connection.getTransceivers().map(({ mid, sender }) => [sender.track, mid]));
      const tracks = wanted.map(({ track, ...info }) => ({ mid: mids.get(track), ...info }));
      const notice = { type: "subscribe_offer", negotiation: this.negotiation, offer: connection.localDescription.sdp, tracks };
      this.socket?.deliver(notice);
    }

    /** @returns the participant's id */
    addParticipant({ name, role = "fastlege", colour = "#447788", camera = true, microphone = true, screen = false, frequency = 440, level = "" }) {
      const id = `p-${this.participants.length + 1}-${Math.random().toString(36).slice(2, 8)}`;
      const media = new Map();
      const info = { id, name, role, state: "connected", sources: [], level, hand_raised: false, companions: [], may_host: role !== "pasient", consent_pending: false, consented_by_vendor: false };
      const add = (source, kind, track) => {
        media.set(`s-${id}-${source}`, track);
        info.sources.push({ id: `s-${id}-${source}`, source, kind, muted: false, upload: "full", interrupted: false });
      };
      if (microphone) add("microphone", "audio", drawnMedia.tone(frequency));
      if (camera) add("camera", "video", drawnMedia.person(colour));
      if (screen) add("screen", "video", drawnMedia.screen());
      this.participants.push({ info, media });
      this.notice({ type: "participant_joined", participant: info });
      this.offer();
      return id;
    }

    say({ id = "p-self", name = "Ola Nordmann", text, lane = "message", to = null }) {
      const message = { id: String(this.chat.length + 1), participant_id: id, name, lane, text, to, age_seconds: 0 };
      this.chat.push(message);
      this.notice({ type: "chat_message", message });
    }

    on_chat(_, { text, lane, to }) {
      setTimeout(() => this.say({ text, lane, to }), 0);
      return { type: "done" };
    }

    /** Sends everybody in one picture, upright or wide. */
    compose(width, height) {
      this.composed = drawnMedia.composed(width, height);
      this.notice({ type: "view", view: "composed", reason: "asked" });
      this.offer();
    }

    /** Says how good somebody's line is. */
    setLine(id, level) {
      this.notice({ type: "quality", participant_id: id, publish: level, subscribe: level, publish_mos: null, subscribe_mos: null });
    }

    setRecording(recording) {
      this.room = { ...this.room, recording };
      this.notice({ type: "room_changed", room: this.room });
    }

    askConsent(by) {
      this.consent = { id: "consent-1", text_version: "2026-1", asked_by: by, consented: false };
      this.setRecording("asking");
      this.notice({ type: "consent_asked", consent: this.consent });
    }

    ownerOf(source) {
      return this.participants.find(({ info }) => info.sources.some(({ id }) => id === source)).info.id;
    }

    setHand(id, raised) {
      const { info } = this.participants.find((candidate) => candidate.info.id === id);
      info.hand_raised = raised;
      this.notice({ type: "participant_updated", participant: info });
    }

    /** @returns the id of someone who waits */
    addWaiting({ name, role = "pasient", level = "idporten-loa-high" }) {
      const participant = { id: `w-${this.waiting.length + 1}`, name, role, level, state: "connected", consent_pending: false };
      this.waiting.push(participant);
      this.notice({ type: "waiting_joined", participant });
      return participant.id;
    }

    setQueue(...names) {
      const waiting = names.map((name) => ({ id: `q-${name}`, name, role: "pasient", level: "idporten-loa-high", state: "connected", consent_pending: false }));
      this.notice({ type: "queues_changed", queues: [{ id: "Legevakt", waiting }] });
    }

    removeWaiting(id, reason = "admitted") {
      this.waiting = this.waiting.filter((participant) => participant.id !== id);
      this.notice({ type: "waiting_left", participant_id: id, reason });
    }

    setLobby(changes) {
      this.lobby = { position: 1, expected_seconds: null, host_present: true, messages: [], ...this.lobby, ...changes };
      if (this.socket) this.notice({ type: "lobby_changed", lobby: this.lobby });
    }

    messageLobby(message) {
      this.lobby.messages.push({ text: "", minutes: null, ...message });
      this.notice({ type: "lobby_message", message: this.lobby.messages.at(-1) });
    }

    admitSelf() {
      this.lobby = null;
      this.notice({ type: "admitted", participants: this.participants.map(({ info }) => info), room: this.room, chat: this.chat });
      this.offer();
    }

    sendSelfToLobby() {
      this.publishing?.close();
      this.subscribing?.close();
      this.publishing = this.subscribing = null;
      this.ownSources = [];
      this.negotiation = this.answered = 0;
      this.lobby = { position: 1, expected_seconds: 0, host_present: true, messages: [] };
      this.notice({ type: "sent_to_lobby", lobby: this.lobby });
    }

    removeParticipant(id, reason = "left") {
      this.participants = this.participants.filter(({ info }) => info.id !== id);
      this.notice({ type: "participant_left", participant_id: id, reason });
      this.offer();
    }

    setState(id, state) {
      const { info } = this.participants.find((candidate) => candidate.info.id === id);
      info.state = state;
      this.notice({ type: "participant_updated", participant: info });
    }

    setMuted(id, name, muted) {
      const { info } = this.participants.find((candidate) => candidate.info.id === id);
      const source = info.sources.find((candidate) => candidate.source === name);
      source.muted = muted;
      this.notice({ type: "source_updated", participant_id: id, source });
    }

    setUpload(id, name, upload) {
      const { info } = this.participants.find((candidate) => candidate.info.id === id);
      const source = info.sources.find((candidate) => candidate.source === name);
      source.upload = upload;
      this.notice({ type: "source_updated", participant_id: id, source });
    }

    setInterrupted(id, name, interrupted) {
      const { info } = this.participants.find((candidate) => candidate.info.id === id);
      const source = info.sources.find((candidate) => candidate.source === name);
      source.interrupted = interrupted;
      this.notice({ type: "source_updated", participant_id: id, source });
    }

    pinForAll(id) {
      this.room = { ...this.room, pinned: id };
      this.notice({ type: "room_changed", room: this.room });
    }

    setStalled(id, name, stalled) {
      const state = stalled ? "stalled" : "live";
      this.notice({ type: "media_flow", source_id: `s-${id}-${name}`, direction: "from_bridge", state });
    }

    setDelivery(id, name, state) {
      this.notice({ type: "video_state", source_id: `s-${id}-${name}`, state });
    }

    setSpeaking(ids) {
      const levels = ids.map((id) => ({ participant_id: id, source_id: `s-${id}-microphone`, level: 20, voice: true }));
      this.notice({ type: "audio_levels", levels });
    }

    /** Somebody speaks, for longer than in passing. */
    setActiveSpeaker(id) {
      this.notice({ type: "active_speaker", participant_id: id, source_id: `s-${id}-microphone` });
    }

    /** The network is gone; the session is not. */
    cut() {
      this.socket?.end(1006);
    }

    /** The bridge was killed: it knows nothing any more. */
    restart() {
      this.session = null;
      this.cut();
    }

    /** The bridge ends the session. */
    end(code, closeCode, retry = false) {
      const socket = this.socket;
      socket.deliver({ type: "closing", code, message: "The end.", close_code: closeCode, retry });
      socket.end(closeCode);
    }

    notice(message) {
      this.socket?.deliver(message);
    }

    /** Complete once the candidates are in: none are sent afterwards. */
    gathered(connection) {
      return new Promise((resolve) => {
        const check = () => connection.iceGatheringState === "complete" && resolve();
        connection.addEventListener("icegatheringstatechange", check);
        check();
      });
    }
  }

  const bridge = new FakeBridge();
  window.fakeBridge = bridge;
  window.WebSocket = FakeSocket;
}
