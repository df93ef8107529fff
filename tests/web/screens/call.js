/** Screens of the call, for patients and for doctors. */

const DOCTOR = { name: "Åse Lege", role: "fastlege", level: "4", colour: "#557799" };
const PATIENT = { name: "Kari Nordmann", role: "pasient", level: "idporten-loa-high", colour: "#8a6d3b" };
const INTERPRETER = { name: "Tone Tolk", role: "tolk", level: "none", colour: "#775544" };
const RELATIVE = { name: "Per Hansen", role: "parorende", colour: "#4f7a66" };
const NAV = { name: "NAV Oslo, Ingrid Solbakken", role: "nav", camera: false };
const SPECIALIST = { name: "Siri Spesialist", role: "spesialist", colour: "#64597f" };

const host = () => fakeBridge.grants.push("host", "chat", "record", "invite", "still");
const guest = () => fakeBridge.grants.push("chat", "propose");

async function asPatient(view, ...others) {
  await view.join(guest);
  if (others.length > 0) await view.meet(...others);
}

async function asDoctor(view, ...others) {
  await view.join(host);
  if (others.length > 0) await view.meet(...others);
}

/** Opens the panel of the participants, whatever its button counts. */
const openPeople = (view) => view.page.evaluate(() => document.querySelector(".head-buttons button:last-child").click());

/** @type {import("./list.js").Screen[]} */
export const CALL = [
  {
    id: "call-alone",
    title: "The first one in the call",
    play: (view) => asPatient(view),
  },
  {
    id: "call-patient",
    title: "A patient with the doctor",
    play: (view) => asPatient(view, DOCTOR),
  },
  {
    id: "call-grid",
    title: "Six in the call, one speaking, one without a camera",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT, INTERPRETER, RELATIVE, NAV, SPECIALIST);
      await view.page.evaluate(() => {
        fakeBridge.setMuted(ids[2], "microphone", true);
        fakeBridge.setHand(ids[2], true);
        for (const [index, level] of ["excellent", "good", "poor", "excellent", "excellent"].entries()) fakeBridge.setLine(ids[index], level);
        setInterval(() => fakeBridge.setSpeaking([ids[0]]), 100);
      });
      await view.until(() => document.querySelector(".is-speaking"));
    },
  },
  {
    id: "call-composed",
    title: "Everybody in one picture, whoever speaks large",
    play: async (view) => {
      await asPatient(view, DOCTOR, INTERPRETER, RELATIVE, NAV);
      await view.page.evaluate(() => fakeBridge.compose(1280, 720));
      await view.until(() => document.querySelector(".is-composed video")?.videoWidth > 700);
    },
  },
  {
    id: "call-pinned",
    title: "The interpreter pinned",
    play: async (view) => {
      await asPatient(view, DOCTOR, INTERPRETER, RELATIVE);
      await view.press("Fest Tone Tolk");
      await view.until(() => document.querySelector(".screens .tile"));
    },
  },
  {
    id: "call-speaker",
    title: "Whoever speaks large, by one's own choice",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT, INTERPRETER, RELATIVE, NAV, SPECIALIST);
      await view.page.evaluate(() => {
        fakeBridge.setActiveSpeaker(ids[2]);
        setInterval(() => fakeBridge.setSpeaking([ids[2]]), 100);
      });
      await view.press("Vis den som snakker, stor");
      await view.until(() => document.querySelector(".has-speaker .is-speaking"));
    },
  },
  {
    id: "call-speaker-pinned",
    title: "The interpreter pinned beside whoever speaks",
    play: async (view) => {
      await asPatient(view, DOCTOR, INTERPRETER, RELATIVE);
      await view.page.evaluate(() => fakeBridge.setActiveSpeaker(ids[0]));
      await view.press("Vis den som snakker, stor");
      await view.press("Fest Tone Tolk");
      await view.until(() => document.querySelector(".has-speaker [aria-pressed='true']"));
    },
  },
  {
    id: "call-screen",
    title: "A screen is shared (nynorsk)",
    language: "nn-NO",
    play: (view) => asPatient(view, { ...DOCTOR, screen: true }, INTERPRETER),
  },
  {
    id: "call-poor-line",
    title: "A poor line: in words, with a still picture",
    play: async (view) => {
      await asPatient(view, DOCTOR, INTERPRETER);
      await view.page.evaluate(() => {
        fakeBridge.setDelivery(ids[0], "camera", "stills");
        fakeBridge.setDelivery(ids[1], "camera", "paused");
        setInterval(() => {
          fakeBridge.setLine("p-self", "poor");
          fakeBridge.setLine(ids[0], "poor");
        }, 100);
      });
      await view.untilText(".banner", "");
      await view.until(() => !document.querySelector(".banner").hidden && document.querySelector(".is-standing"));
    },
  },
  {
    id: "call-interrupted",
    title: "Telephone calls in the call: one's own, and somebody else's",
    play: async (view) => {
      await view.page.evaluateOnNewDocument(() => {
        const open = navigator.mediaDevices.getUserMedia;
        window.captured = [];
        navigator.mediaDevices.getUserMedia = async (wanted) => {
          const stream = await open(wanted);
          captured.push(...stream.getTracks());
          return stream;
        };
      });
      await asPatient(view, DOCTOR, INTERPRETER);
      await view.page.evaluate(() => {
        for (const source of ["microphone", "camera"]) fakeBridge.setInterrupted(ids[0], source, true);
        for (const track of captured) {
          Object.defineProperty(track, "muted", { value: true });
          track.dispatchEvent(new Event("mute"));
        }
      });
      await view.until(() => document.querySelector(".banner").checkVisibility());
      await view.untilText(".tile-status", "Lyden er avbrutt");
    },
  },
  {
    id: "call-reconnecting",
    title: "The network lost in the call (English)",
    language: "en-GB",
    play: async (view) => {
      await view.join(guest, "Join");
      await view.meet(DOCTOR);
      await view.page.evaluate(() => {
        fakeBridge.unreachable = true;
        fakeBridge.cut();
      });
      await view.until(() => document.querySelector(".banner").checkVisibility());
    },
  },
  {
    id: "call-chat",
    title: "Chat, private words and captions",
    play: async (view) => {
      await asPatient(view, DOCTOR, INTERPRETER);
      await view.press("Meldinger");
      await view.page.evaluate(() => {
        fakeBridge.say({ id: ids[0], name: "Åse Lege", text: "Hei! Ser og hører du meg godt?" });
        fakeBridge.say({ text: "Ja, men bildet hakker litt." });
        fakeBridge.say({ id: ids[0], name: "Åse Lege", text: "Her er timeboken: https://timebok.example/aase", to: "p-self" });
        fakeBridge.say({ id: ids[1], name: "Tone Tolk", text: "Hun sier at det gjør vondt når hun bøyer armen.", lane: "caption" });
      });
      await view.until(() => document.querySelectorAll(".chat-message").length >= 3);
    },
  },
  {
    id: "call-settings",
    title: "Devices and view, in the call",
    play: async (view) => {
      await asPatient(view, DOCTOR);
      await view.press("Oppsett");
      await view.until(() => document.querySelector("dialog:modal option[value='camera-1']"));
    },
  },
  {
    id: "video-consent",
    title: "Asked for consent to be seen",
    play: async (view) => {
      await view.prepare();
      await view.page.evaluate(() => (fakeBridge.room = { ...fakeBridge.room, video_consent: true }));
      await view.until(() => document.querySelector(".preview video")?.videoWidth > 0);
      await view.press("Bli med");
      await view.untilText(".question", "Vil du vises på video?");
    },
  },
  {
    id: "recording-consent",
    title: "Asked for consent to a recording",
    play: async (view) => {
      await asPatient(view, DOCTOR);
      await view.page.evaluate(() => fakeBridge.askConsent(ids[0]));
      await view.untilText(".question", "vil ta opp samtalen");
    },
  },
  {
    id: "recording-on",
    title: "Recording goes on",
    play: async (view) => {
      await asPatient(view, DOCTOR, INTERPRETER);
      await view.page.evaluate(() => fakeBridge.setRecording("on"));
      await view.untilText(".recording", "Opptak pågår");
    },
  },
  {
    id: "still-offer",
    title: "Asked for a sharp picture",
    play: async (view) => {
      await asPatient(view, DOCTOR);
      await view.page.evaluate(() => fakeBridge.askForStill(ids[0]));
      await view.until(() => document.querySelector(".still-offer video")?.videoWidth > 0);
    },
  },
];

/** @type {import("./list.js").Screen[]} */
export const DOCTORS = [
  {
    id: "doctor-awaited",
    title: "Alone, and somebody waits",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view);
      await view.page.evaluate(() => fakeBridge.addWaiting({ name: "Kari Nordmann" }));
      await view.untilText(".alone h2", "Noen venter på deg");
    },
  },
  {
    id: "doctor-people",
    title: "Participants, who waits, and what was proposed",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT, INTERPRETER);
      await view.page.evaluate(() => {
        fakeBridge.addWaiting({ name: "Ola Hansen" });
        fakeBridge.addWaiting({ name: "Per Hansen", role: "parorende", level: "" });
        fakeBridge.propose({ id: "1", by: "Kari Nordmann", name: "Per Hansen, broren min" });
        fakeBridge.setHand(ids[0], true);
      });
      await openPeople(view);
    },
  },
  {
    id: "doctor-queue",
    title: "The queue that several rooms take from",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view);
      await view.page.evaluate(() => fakeBridge.setQueue("Kari Nordmann", "Ola Hansen", "Per Berg"));
      await openPeople(view);
    },
  },
  {
    id: "doctor-moderation",
    title: "What a doctor may do with somebody",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT, INTERPRETER);
      await openPeople(view);
      await view.page.evaluate(() => document.querySelector(`[data-id="${ids[0]}"] summary`).click());
    },
    settle: (view) =>
      view.page.evaluate(async () => {
        // It stands beside its button: where the window changes, it is opened anew.
        for (const menu of document.querySelectorAll(".panel .menu[open]")) menu.open = false;
        await new Promise(requestAnimationFrame);
        document.querySelector(`[data-id="${ids[0]}"] summary`).click();
      }),
  },
  {
    id: "doctor-message",
    title: "A message to those who wait",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view);
      await view.page.evaluate(() => {
        fakeBridge.addWaiting({ name: "Kari Nordmann" });
        fakeBridge.addWaiting({ name: "Ola Hansen" });
      });
      await openPeople(view);
      await view.press("Skriv til alle som venter");
      await view.page.select("#message-kind", "delayed");
    },
  },
  {
    id: "doctor-invite",
    title: "Whom to invite",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT);
      await openPeople(view);
      await view.press("Inviter noen");
      await view.page.waitForSelector("#invite-name");
      await view.page.evaluate(() => (document.getElementById("invite-name").value = "Tone Tolk"));
    },
  },
  {
    id: "doctor-invited",
    title: "The link, its code, and texts to copy",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT);
      await openPeople(view);
      await view.press("Inviter noen");
      await view.page.waitForSelector("#invite-name");
      await view.press("Lag lenke");
      await view.page.waitForSelector(".qr");
    },
  },
  {
    id: "doctor-recording",
    title: "Recording asked for, consent awaited",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT, INTERPRETER);
      await view.page.evaluate(() => fakeBridge.setRecording("asking"));
      await openPeople(view);
      await view.page.evaluate(() => document.querySelector(".host-actions").scrollIntoView({ block: "end" }));
    },
  },
  {
    id: "still-viewer",
    title: "A sharp picture that came",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT);
      await openPeople(view);
      await view.page.evaluate(() => document.querySelector(`[data-id="${ids[0]}"] summary`).click());
      await view.press("Be om et skarpt bilde");
      await view.until(() => fakeBridge.still);
      await view.page.evaluate(() => fakeBridge.deliverStill(2400, 1800));
      await view.until(() => document.querySelector(".still-image")?.width > 0);
    },
  },
  {
    id: "end-for-all",
    title: "Asked before the call is ended for all",
    name: "Dr. Lege",
    play: async (view) => {
      await asDoctor(view, PATIENT);
      await openPeople(view);
      await view.press("Avslutt for alle");
    },
  },
];
