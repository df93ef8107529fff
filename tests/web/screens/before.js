/** Screens before the call: sign-in, preparation, self-test, waiting room. */

const PROVIDERS = [{ id: "id-porten", title: "ID-porten" }];
const session = (invitation, who = null) => ({
  "/signin/session": { body: { providers: PROVIDERS, csrf: "token", signed_in: who, invitation } },
});
const signedIn = { level: "substantial", name: "Ola Nordmann" };

/** What a browser's statistics say of a line. Runs in the page, before it. */
const line = (figures) => [
  (said) => {
    const measured = window.setTimeout;
    // Measuring takes its time; nothing here is measured.
    window.setTimeout = (act, after, ...rest) => measured(act, after === 1000 ? 10 : after, ...rest);
    let at = 0;
    RTCPeerConnection.prototype.getStats = async () => {
      at += 0.5;
      const packets = Math.round(50 * at + 1);
      const entries = [
        { type: "outbound-rtp", kind: "audio", timestamp: at * 1000, packetsSent: packets, bytesSent: (said.rate / 8) * at, headerBytesSent: 0 },
        { type: "inbound-rtp", kind: "audio", packetsReceived: packets, packetsLost: Math.round(packets * said.loss * 2), bytesReceived: (said.rate / 8) * at, headerBytesReceived: 0, jitter: said.jitter / 1000 },
        { type: "remote-inbound-rtp", kind: "audio", packetsLost: Math.round(packets * said.loss), roundTripTime: said.roundTrip / 1000 },
        { type: "candidate-pair", nominated: true, state: "succeeded", availableOutgoingBitrate: said.rate },
      ];
      return new Map(entries.map((entry, index) => [String(index), entry]));
    };
    const answered = fakeBridge.serveSelfTest.bind(fakeBridge);
    fakeBridge.serveSelfTest = (url, init = {}) =>
      init.method === undefined || init.method === "GET" ? Promise.resolve(Response.json({ estimate: said.rate })) : answered(url, init);
  },
  figures,
];

async function tested(view, figures, level) {
  await view.page.evaluateOnNewDocument(...line(figures));
  await view.prepare();
  await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
  await view.press(view.words?.selfTest ?? "Test utstyr og linje");
  await view.until((wanted) => document.querySelector(".test-row:last-of-type")?.dataset.state === wanted, level);
  await view.page.evaluate(() => document.querySelector(".test-row:last-of-type").scrollIntoView({ block: "end" }));
}


/** Joins a room whose lobby is before the call. */
export async function enterLobby(view, lobby, label = "Bli med") {
  await view.prepare();
  await view.page.evaluate((now) => fakeBridge.setLobby(now), lobby);
  await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
  await view.press(label);
  await view.until(() => document.querySelector("main.lobby .lobby-place")?.textContent !== "");
  await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
}

/** @type {import("./list.js").Screen[]} */
export const SIGN_IN = [
  {
    id: "signin-choose",
    title: "Link opened, sign-in asked for",
    answers: session({ level: "high", question: null, missing: "signin_required" }),
    play: (view) => view.visit("/signin"),
  },
  {
    id: "signin-question",
    title: "A guest's question, answered wrongly once",
    answers: {
      ...session({ level: "none", question: "birth_date", missing: "invitation_unanswered" }),
      "/signin/answer": { status: 403, body: { code: "invitation_wrong_answer" } },
    },
    play: async (view) => {
      await view.visit("/signin");
      await view.page.evaluate(() => (document.getElementById("answer").value = "1970-01-31"));
      await view.press("Fortsett");
      await view.page.waitForSelector(".signin-problem");
    },
  },
  {
    id: "signin-guest",
    title: "A guest who need not sign in (English)",
    language: "en-GB",
    answers: session({ level: "none", question: null, missing: null }),
    play: (view) => view.visit("/signin"),
  },
  {
    id: "signin-level-too-low",
    title: "Signed in at too low a level (nynorsk)",
    language: "nn-NO",
    answers: session({ level: "high", question: null, missing: "signin_level_too_low" }, signedIn),
    play: (view) => view.visit("/signin"),
  },
  {
    id: "signin-not-yours",
    title: "Somebody else's link",
    answers: session({ level: "high", question: null, missing: "invitation_not_yours" }, signedIn),
    play: (view) => view.visit("/signin"),
  },
  {
    id: "signin-void",
    title: "A link that does not exist or has expired",
    answers: { "/signin/invitation": { status: 404, body: { code: "invitation_not_found" } } },
    play: (view) => view.visit("/signin#nonsense"),
  },
];

/** @type {import("./list.js").Screen[]} */
export const PREPARATION = [
  {
    id: "prepare",
    title: "Preview before the call",
    play: async (view) => {
      await view.prepare();
      await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
    },
  },
  {
    id: "prepare-off",
    title: "Camera and microphone off (nynorsk)",
    language: "nn-NO",
    play: async (view) => {
      await view.prepare();
      await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
      await view.press("Slå av kamera");
      await view.press("Slå av mikrofon");
      await view.until(() => document.querySelector(".preview-placeholder").checkVisibility());
    },
  },
  {
    id: "permission-refused",
    title: "The browser may not use the camera and the microphone",
    play: async (view) => {
      await view.prepare(() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
      });
      await view.untilText(".problem", "Nettleseren har ikke lov");
    },
  },
  {
    id: "self-test-running",
    title: "Self-test while the line is measured",
    play: async (view) => {
      await view.prepare();
      await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
      await view.page.evaluate(() => (fakeBridge.serveSelfTest = () => new Promise(() => undefined)));
      await view.press("Test utstyr og linje");
      await view.until(() => document.querySelector(".test-row:last-of-type")?.dataset.state === "busy");
    },
  },
  {
    id: "self-test-good",
    title: "Self-test, a good line",
    play: (view) => tested(view, { rate: 1_000_000, loss: 0, jitter: 4, roundTrip: 22 }, "good"),
  },
  {
    id: "self-test-poor",
    title: "Self-test, a poor line and what to do",
    play: (view) => tested(view, { rate: 140_000, loss: 0.09, jitter: 55, roundTrip: 640 }, "poor"),
  },
];

/** @type {import("./list.js").Screen[]} */
export const LOBBY = [
  {
    id: "lobby",
    title: "Waiting room: place and time to expect",
    play: (view) => enterLobby(view, { position: 3, expected_seconds: 1700 }),
  },
  {
    id: "lobby-messages",
    title: "Waiting room with the doctor's messages (English)",
    language: "en-GB",
    play: async (view) => {
      await enterLobby(view, { position: 1, expected_seconds: 1200 }, "Join");
      await view.page.evaluate(() => {
        fakeBridge.messageLobby({ id: "1", notice: "delayed", minutes: 10 });
        fakeBridge.messageLobby({ id: "2", notice: "text", text: "Please have your list of medicines at hand." });
      });
      await view.untilText(".lobby-messages", "medicines");
    },
  },
  {
    id: "lobby-consent",
    title: "Let in, and asked for consent to a recording first (nynorsk)",
    language: "nn-NO",
    play: async (view) => {
      await enterLobby(view, { position: 1, expected_seconds: 0 });
      await view.page.evaluate(() => fakeBridge.askConsent("somebody in the room"));
      await view.untilText(".question", "slepp du inn");
    },
  },
  {
    id: "lobby-reconnecting",
    title: "Waiting room, the network lost",
    play: async (view) => {
      await enterLobby(view, { position: 2, expected_seconds: 600 });
      await view.page.evaluate(() => {
        fakeBridge.unreachable = true;
        fakeBridge.cut();
      });
      await view.until(() => document.querySelector(".lobby-box .banner").checkVisibility());
    },
  },
];
