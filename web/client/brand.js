import { element } from "./dom.js";
import { t } from "./i18n.js";

/** The service's mark and name, above what a page outside the call says. */
export function brand() {
  return element("div", { class: "brand" }, element("img", { src: "client/icon.svg", alt: "", width: "32", height: "32" }), t("title"));
}
