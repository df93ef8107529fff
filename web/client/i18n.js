import { en } from "./text/en.js";
import { nb } from "./text/nb.js";
import { nn } from "./text/nn.js";

/** @typedef {keyof typeof nb} TextKey */

const LANGUAGES = { nb, nn, en };

/**
 * The first language of the user's that there are texts for; bokmål for Norwegian as such, Danish, Swedish, and
 * English for all others that say what they want.
 *
 * @param {readonly string[]} wanted BCP 47 tags, best first
 * @returns {keyof typeof LANGUAGES}
 */
export function chooseLanguage(wanted) {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split("-")[0] ?? "";
    if (primary === "nn" || primary === "en") return primary;
    if (["nb", "no", "da", "sv"].includes(primary)) return "nb";
  }
  return wanted.length === 0 ? "nb" : "en";
}

/** The language of this page. */
export const language = chooseLanguage(navigator.languages ?? [navigator.language]);

/**
 * A text in the user's language.
 *
 * @param {TextKey} key
 * @param {Record<string, string | number>} [values] what `{…}` stand for
 * @returns {string}
 */
export function t(key, values = {}) {
  return LANGUAGES[language][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * The text as the beginning of a sentence.
 *
 * @param {string} text
 */
export function capitalized(text) {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}
