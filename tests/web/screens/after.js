/** Screens that say one thing: why there is no call, or no longer. */

async function refused(view, code, closeCode, label = "Bli med") {
  await view.join(new Function(`Object.assign(fakeBridge, { refusal: ${JSON.stringify(code)}, closeCode: ${closeCode} })`), label);
}

async function ended(view, code, closeCode) {
  await view.join();
  await view.page.evaluate((...end) => fakeBridge.end(...end), code, closeCode);
  await view.page.waitForSelector("main.message-page");
}

/** @type {import("./list.js").Screen[]} */
export const MESSAGES = [
  {
    id: "message-left",
    title: "Left the call",
    play: async (view) => {
      await view.join();
      await view.press("Forlat samtalen");
      await view.page.waitForSelector("main.message-page");
    },
  },
  { id: "message-ended", title: "The call was ended", play: (view) => ended(view, "ended", 4410) },
  { id: "message-removed", title: "Removed from the call", play: (view) => ended(view, "removed", 4403) },
  { id: "message-full", title: "The room is full", play: (view) => refused(view, "room_full", 4403) },
  { id: "message-expired", title: "The link has expired (nynorsk)", language: "nn-NO", play: (view) => refused(view, "token_expired", 4401) },
  { id: "message-early", title: "The room is not open yet (English)", language: "en-GB", play: (view) => refused(view, "room_not_open", 4403, "Join") },
  {
    id: "message-unreachable",
    title: "The bridge cannot be reached",
    play: async (view) => {
      // From the first: a socket is opened before anybody presses.
      await view.page.evaluateOnNewDocument(() => (fakeBridge.unreachable = true));
      await view.join();
    },
  },
  {
    id: "message-too-old",
    title: "The browser is too old",
    play: async (view) => {
      await view.page.evaluateOnNewDocument(() => delete window.RTCPeerConnection);
      await view.visit("/join#aaa.bbb.ccc");
    },
  },
  {
    id: "message-no-token",
    title: "A link without a token",
    play: (view) => view.visit("/join"),
  },
];
