/** @typedef {typeof import("./text/nb.js").nb} Texts */
/** @typedef {keyof Texts} TextKey */
/** @typedef {"nb" | "nn" | "en"} Language */

/**
 * The first language of the user's that there are texts for; bokmål for Norwegian as such, Danish, Swedish, and
 * English for all others that say what they want.
 *
 * @param {readonly string[]} wanted BCP 47 tags, best first
 * @returns {Language}
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

/** In the user's language. @type {Texts | null} */
let texts = null;

/** @param {Texts} loaded what `t` says from now on: see texts.js */
export function useTexts(loaded) {
  texts = loaded;
}

/**
 * A text in the user's language, once its texts are loaded.
 *
 * @param {TextKey} key
 * @param {Record<string, string | number>} [values] what `{…}` stand for
 * @returns {string}
 */
export function t(key, values = {}) {
  if (texts === null) throw new Error(`the text ${key} is asked for before the texts are loaded`);
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * The text as the beginning of a sentence.
 *
 * @param {string} text
 */
export function capitalized(text) {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}
