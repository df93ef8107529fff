import { language, useTexts } from "./i18n.js";

/** Before what was lost on the way is asked for again: milliseconds. */
const AGAIN_AFTER = 1000;

/** Only those of the user's language come over the line. A script of its own, so that they come beside the page's other files. */
export const textsLoaded = load()
  .catch(async () => {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER));
    // Browsers remember of an address that nothing came from it.
    return load("?again");
  })
  .then((texts) => useTexts(texts[language]));

// The page hears of it once its other files are there, which may be later.
textsLoaded.catch(() => undefined);

/** @param {string} [query] */
function load(query = "") {
  return import(`./text/${language}.js${query}`);
}
