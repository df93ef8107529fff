import { forThisMachine } from "./storage.js";

/** Remembered for the next call on this machine. */
const STORED = {
  camera: "bridge.camera",
  microphone: "bridge.microphone",
  speaker: "bridge.speaker",
  saveData: "bridge.saveData",
  view: "bridge.view",
  layout: "bridge.layout",
  arrangement: "bridge.arrangement",
  blur: "bridge.blur",
};

/** @param {keyof typeof STORED} what */
export function remembered(what) {
  return forThisMachine.getItem(STORED[what]) ?? undefined;
}

/**
 * @param {keyof typeof STORED} what
 * @param {string} value
 */
export function remember(what, value) {
  forThisMachine.setItem(STORED[what], value);
}

export function forgetDevices() {
  forThisMachine.removeItem(STORED.camera);
  forThisMachine.removeItem(STORED.microphone);
}
