import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/** What one step makes larger, and how far it goes: a share of the picture's own pixels. */
const STEP = 1.5;
const LARGEST = 4;

/**
 * Shows a picture that came, to look at closely and to save. It is nowhere else: closing lets go of it.
 *
 * @param {Blob} picture
 * @param {string} name whose camera took it
 */
export async function showStill(picture, name) {
  const url = URL.createObjectURL(picture);
  const image = element("img", { class: "still-image", src: url, alt: t("stillFrom", { name }) });
  try {
    await image.decode();
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
  const { naturalWidth: width, naturalHeight: height } = image;
  // The keyboard scrolls what has the focus.
  const view = element("div", { class: "still-view", tabindex: "0", role: "group", "aria-label": t("stillFrom", { name }) }, image);
  const level = element("span", { class: "still-level", role: "status" });
  let zoom = 0;
  const fitting = () => Math.min(1, view.clientWidth / width, view.clientHeight / height);
  /** @param {number} wanted 0 fits it in */
  const show = (wanted) => {
    const fit = fitting();
    zoom = wanted <= fit ? 0 : Math.min(wanted, LARGEST);
    const shown = zoom || fit;
    // What was in the middle stays there.
    const middle = [view.scrollLeft + view.clientWidth / 2, view.scrollTop + view.clientHeight / 2].map((at, axis) => at / (axis === 0 ? view.scrollWidth : view.scrollHeight));
    image.width = Math.max(1, Math.floor(width * shown));
    image.height = Math.max(1, Math.floor(height * shown));
    view.scrollLeft = (middle[0] ?? 0) * view.scrollWidth - view.clientWidth / 2;
    view.scrollTop = (middle[1] ?? 0) * view.scrollHeight - view.clientHeight / 2;
    setText(level, t("zoomLevel", { percent: Math.round(shown * 100) }));
    setAttribute(whole, "aria-disabled", zoom === 0 ? "true" : undefined);
  };
  const larger = () => show((zoom || fitting()) * STEP);
  const smaller = () => show((zoom || fitting()) / STEP);
  const whole = element("button", { type: "button", class: "button small", onclick: () => show(0) }, t("zoomFit"));
  const dialog = element(
    "dialog",
    { class: "dialog still-viewer", "aria-labelledby": "still-viewer-title" },
    element(
      "header",
      {},
      element("h2", { id: "still-viewer-title" }, t("stillFrom", { name })),
      element("button", { type: "button", class: "icon-button", "aria-label": t("close"), onclick: () => dialog.close() }, icon("close")),
    ),
    view,
    element("p", { class: "help" }, t("stillFacts", { width, height })),
    element(
      "footer",
      {},
      element("button", { type: "button", class: "button small", onclick: smaller }, t("zoomOut")),
      level,
      element("button", { type: "button", class: "button small", onclick: larger }, t("zoomIn")),
      whole,
      element("a", { class: "button primary small", href: url, download: fileName(picture) }, t("save")),
    ),
  );
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "+") larger();
    else if (event.key === "-") smaller();
    else if (event.key === "0") show(0);
  });
  const resized = new ResizeObserver(() => show(zoom));
  dialog.addEventListener("close", () => {
    resized.disconnect();
    dialog.remove();
    URL.revokeObjectURL(url);
  });
  document.body.append(dialog);
  dialog.showModal();
  view.focus();
  resized.observe(view);
}

/** Without anybody's name: files lie about. @param {Blob} picture */
function fileName({ type }) {
  const [date = "", time = ""] = new Date().toISOString().split("T");
  return `${t("stillFileName")}-${date}-${time.slice(0, 5).replace(":", "")}.${type === "image/png" ? "png" : "jpg"}`;
}
