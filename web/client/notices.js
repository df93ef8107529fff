import { element } from "./dom.js";

/** How long a notice is shown: milliseconds. Screen readers say it when it comes. */
const SHOWN_FOR = 4_500;
/** More would cover the picture; the oldest goes. */
const MOST = 2;

/** Takes all notices away: they were about what is no longer shown. */
export function clearNotices() {
  document.getElementById("notices")?.replaceChildren();
}

/**
 * Says something in passing: shown for a while, read out by screen readers, asks for nothing.
 *
 * @param {string} text
 */
export function notify(text) {
  const list = document.getElementById("notices");
  if (list === null) return;
  const notice = element("p", { class: "notice" }, text);
  list.append(notice);
  while (list.childElementCount > MOST) list.firstElementChild?.remove();
  setTimeout(() => notice.remove(), SHOWN_FOR);
}
