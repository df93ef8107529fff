import { element } from "./dom.js";
import { language } from "./i18n.js";

/** Beside the page's other texts, since the sign-in shows it too, and loads none of those. */
const NAME = { nb: "Videokonsultasjon", nn: "Videokonsultasjon", en: "Video consultation" };

/** The service's mark and name, above what a page outside the call says. */
export function brand() {
  return element("div", { class: "brand" }, element("img", { src: "client/icon.svg", alt: "", width: "32", height: "32" }), NAME[language]);
}
