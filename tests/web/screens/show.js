/** A page that is played into a screen, and then looked at on every size and in both themes. */
import { OpenPage } from "../open-page.js";

/** What screens are looked at on: CSS pixels. What is touched has no pointer that hovers. */
export const DEVICES = {
  phone: { width: 390, height: 844, touch: true },
  side: { width: 844, height: 390, touch: true },
  tablet: { width: 820, height: 1180, touch: true },
  desktop: { width: 1280, height: 800, touch: false },
};
/** A window on a desktop that is enlarged (WCAG 1.4.4 and 1.4.10): 1280 × 800 at 200 %, 1280 × 1024 at 400 %. */
export const ENLARGED = {
  "200 %": { width: 640, height: 400, touch: false },
  "400 %": { width: 320, height: 256, touch: false },
};
export const THEMES = /** @type {const} */ (["light", "dark"]);

export class ShownPage extends OpenPage {
  /** @param {import("puppeteer-core").Browser} browser @param {string} origin @param {import("./list.js").Screen} screen */
  static async play(browser, origin, screen) {
    const self = await this.open(browser, origin, screen.name ?? "Ola Nordmann", screen.language ?? "nb-NO");
    // Sizes are given below; two that hold at once would both be half right.
    await self.page.setViewport(null);
    self.devtools = await self.page.createCDPSession();
    // What the screen before was set to is not this one's.
    await self.page.evaluateOnNewDocument(() => localStorage.clear());
    await self.page.evaluateOnNewDocument(installDevices);
    await self.page.evaluateOnNewDocument(installAnswers, screen.answers ?? {});
    await screen.play(self);
    return self;
  }

  /** Opens one of the pages that are no call. @param {string} path */
  async visit(path) {
    await this.page.goto(this.origin + path);
    await this.page.waitForSelector("h1", { visible: true });
  }

  /** Opens the page that comes before the call. @param {() => void} [prepare] runs in it */
  async prepare(prepare) {
    if (prepare) await this.page.evaluateOnNewDocument(prepare);
    await this.page.goto(this.url);
    await this.page.waitForSelector("h1", { visible: true });
  }

  /** @param {string} label */
  press(label) {
    return this.page.$$eval(
      "button, summary",
      (found, text) => {
        const dialog = document.querySelector("dialog:modal") ?? document;
        const one = found.find((node) => dialog.contains(node) && node.checkVisibility() && (node.ariaLabel ?? node.textContent).trim() === text);
        if (!one) throw new Error(`there is no button “${text}”`);
        one.click();
      },
      label,
    );
  }

  /** Joins a call; `prepare` runs in the page before. @param {() => void} [prepare] */
  async join(prepare, label = "Bli med") {
    await this.prepare();
    if (prepare) await this.page.evaluate(prepare);
    await this.until(() => document.querySelector(".preview video")?.videoWidth > 0);
    await this.press(label);
    await this.until(() => document.querySelector("main.call, main.lobby, main.message-page"));
    await this.until(() => !document.querySelector("main.call") || fakeBridge.publishing?.connectionState === "connected");
  }

  /** Who else is there, their pictures moving. @param {object[]} people */
  async meet(...people) {
    await this.page.evaluate((all) => {
      window.ids = all.map((person) => fakeBridge.addParticipant(person));
    }, people);
    const moving = people.filter(({ camera = true }) => camera).length;
    await this.until((count) => [...document.querySelectorAll(".people video, .screens video")].filter(({ videoWidth }) => videoWidth > 2).length >= count, moving);
  }

  /**
   * @param {keyof typeof DEVICES | keyof typeof ENLARGED} device
   * @param {"light" | "dark"} theme
   */
  async on(device, theme) {
    const { width, height, touch } = { ...DEVICES, ...ENLARGED }[device];
    // Not by `setViewport`, which loads the page anew for another kind of pointer.
    await this.devtools.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: touch });
    await this.devtools.send("Emulation.setTouchEmulationEnabled", { enabled: touch });
    await this.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    // What is said in passing is gone a little later.
    await this.page.evaluate(() => document.getElementById("notices")?.replaceChildren());
    await this.page.evaluate(() => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(resolve)), 200)));
  }
}

/** Devices with the names that devices have, and pictures that stand still. Runs in the page. */
function installDevices() {
  drawnMedia.still = true;
  const named = (kind, deviceId, label) => ({ kind, deviceId, label, groupId: "" });
  const devices = [
    named("videoinput", "camera-1", "Integrert kamera"),
    named("videoinput", "camera-2", "Dokumentkamera USB"),
    named("audioinput", "microphone-1", "Intern mikrofon"),
    named("audioinput", "microphone-2", "Hodetelefoner (USB)"),
    named("audiooutput", "speaker-1", "Høyttalere"),
    named("audiooutput", "speaker-2", "Hodetelefoner (USB)"),
  ];
  navigator.mediaDevices.enumerateDevices = async () => devices;
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    const tracks = [audio && drawnMedia.tone(330), video && drawnMedia.person("#6b7f8c", 2)].filter(Boolean);
    return new MediaStream(tracks);
  };
  navigator.mediaDevices.getDisplayMedia = async () => new MediaStream([drawnMedia.screen()]);
}

/** What the bridge answers by HTTP, by the end of the path. Runs in the page. */
function installAnswers(answers) {
  const before = window.fetch;
  window.fetch = (url, init) => {
    const path = new URL(url, location.href).pathname;
    const found = Object.entries(answers).find(([end]) => path.endsWith(end));
    if (!found) return before(url, init);
    const [next, ...later] = [found[1]].flat();
    if (later.length > 0) answers[found[0]] = later;
    const { status = 200, body } = next;
    return Promise.resolve(Response.json(body, { status }));
  };
}
