import { language, useTexts } from "./i18n.js";

/** Only those of the user's language come over the line. A script of its own, so that they come beside the page's other files. */
export const textsLoaded = import(`./text/${language}.js`).then((texts) => useTexts(texts[language]));
