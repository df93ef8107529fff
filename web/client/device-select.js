import { listDevices } from "../sdk/src/index.js";
import { element, setAttribute } from "./dom.js";
import { t } from "./i18n.js";

/** @import { Devices } from "../sdk/src/devices.js" */

/**
 * @typedef {object} DeviceSelect
 * @property {HTMLElement} node
 * @property {(devices: Devices, chosen: string | undefined) => void} update
 */

/**
 * A labelled list of devices.
 *
 * @param {"camera" | "microphone" | "speaker"} kind
 * @param {(id: string) => void} choose
 * @returns {DeviceSelect}
 */
export function deviceSelect(kind, choose) {
  const id = `device-${kind}-${(nextId += 1)}`;
  const select = element("select", { id, onchange: () => choose(select.value) });
  const node = element("div", { class: "field" }, element("label", { for: id }, t(kind)), select);
  return {
    node,
    update(devices, chosen) {
      const list = { camera: devices.cameras, microphone: devices.microphones, speaker: devices.speakers }[kind];
      const options = list.map(({ id: value, label }, index) => {
        const text = label || t("deviceNumber", { kind: t(kind), number: index + 1 });
        return element("option", { value, selected: value === chosen }, text);
      });
      if (options.length === 0) options.push(element("option", { value: "" }, t(kind === "camera" ? "noCamera" : "noMicrophone")));
      select.replaceChildren(...options);
      setAttribute(select, "disabled", list.length === 0);
      // Firefox and Safari leave the choice of speaker to the system: a list without entries would only puzzle.
      setAttribute(node, "hidden", kind === "speaker" && list.length === 0);
    },
  };
}

let nextId = 0;

/** The devices, or none where the browser does not tell. @returns {Promise<Devices>} */
export function devicesOrNone() {
  return listDevices().catch(() => ({ cameras: [], microphones: [], speakers: [] }));
}
