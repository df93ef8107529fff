import { element } from "./dom.js";
import { language } from "./i18n.js";

/** Beside the page's other texts, since the sign-in shows it too, and loads none of those. */
const WHAT = { nb: "Videokonsultasjon", nn: "Videokonsultasjon", en: "Video consultation" };
const HELP = { nb: "Trenger du hjelp?", nn: "Treng du hjelp?", en: "Need help?" };
/** As people write telephone numbers: eight digits or more, perhaps in groups. */
const TELEPHONE = /\+?\d(?: ?\d){7,}/;

/** What the operator put on the page: docs/operators/page.md. Empty where nothing was. */
export const service = { name: fact("name"), logo: fact("logo"), support: fact("support") };

/** The service's mark and name, above what a page outside the call says. */
export function brand() {
  const { name } = service;
  const words = name ? [element("span", { class: "brand-name" }, name), element("span", { class: "brand-what" }, WHAT[language])] : [WHAT[language]];
  return element("div", { class: "brand" }, logo() ?? element("img", { src: "client/icon.svg", alt: "", width: "32", height: "32" }), element("div", {}, ...words));
}

/** The service's logo, if it has one; its name stands beside it. */
export function logo() {
  return service.logo ? element("img", { class: "brand-logo", src: service.logo, alt: "" }) : null;
}

/** A title of the document, with whose page it is. @param {string} title */
export function titled(title) {
  return service.name ? `${title} – ${service.name}` : title;
}

/** Whom to turn to when what the page says to do does not help; null where the operator named nobody. */
export function support() {
  const { support: text } = service;
  if (!text) return null;
  const [number] = text.match(TELEPHONE) ?? [""];
  const at = text.indexOf(number);
  const link = number && element("a", { href: `tel:${number.replaceAll(" ", "")}` }, number);
  return element("p", { class: "support" }, element("strong", {}, HELP[language]), " ", text.slice(0, at), link, text.slice(at + number.length));
}

/** @param {string} name */
function fact(name) {
  return document.querySelector(`meta[name="service-${name}"]`)?.getAttribute("content") ?? "";
}
