import { t } from "./i18n.js";
import { isRecorder } from "./people.js";

/** @import { LobbyMessageInfo } from "../sdk/src/protocol.js" */
/** @import { TextKey } from "./i18n.js" */

/** @type {Record<string, TextKey>} */
const ROLES = {
  fastlege: "role_fastlege",
  legevaktlege: "role_legevaktlege",
  spesialist: "role_spesialist",
  helsepersonell: "role_helsepersonell",
  pasient: "role_pasient",
  parorende: "role_parorende",
  tolk: "role_tolk",
  dovetolk: "role_dovetolk",
  nav: "role_nav",
  assistent: "role_assistent",
  rom: "role_rom",
  opptak: "role_opptak",
};

/** The bridge's own words, ID-porten's `acr` values, and HelseID's security levels. @type {Record<string, TextKey>} */
const LEVELS = {
  high: "levelHigh",
  substantial: "levelSubstantial",
  low: "levelLow",
  none: "levelNone",
  "idporten-loa-high": "levelHigh",
  "idporten-loa-substantial": "levelSubstantial",
  4: "level4",
};

/** @param {string} role an operator's own role is shown as it is called */
export function roleWord(role) {
  const key = ROLES[role];
  return key ? t(key) : role;
}

/** @param {string} level of a sign-in */
export function levelWord(level) {
  if (level === "") return t("levelUnknown");
  const key = LEVELS[level];
  return key ? t(key) : t("levelOther", { level });
}

/** @param {{ name: string }} person */
export function waitingName({ name }) {
  return name || t("noName");
}

/** @param {{ role: string, level: string, companions?: readonly string[] }} person */
export function factsOf({ role, level, companions = [] }) {
  // The recorder signs in nowhere.
  if (isRecorder({ role })) return roleWord(role);
  return [roleWord(role), levelWord(level), ...companions].join(" · ");
}

/**
 * What a host's message to those who wait says: the fixed words in the reader's language, then the host's own.
 *
 * @param {LobbyMessageInfo} message
 */
export function lobbyMessageWords({ notice, text, minutes }) {
  const fixed = {
    delayed: t("noticeDelayed", { minutes: minutes ?? 0 }),
    soon: t("noticeSoon"),
    cancelled: t("noticeCancelled"),
    text: "",
  }[notice];
  return [fixed, text].filter((part) => part !== "").join(" ");
}
