import { element } from "./dom.js";

/** How long a notice is shown: milliseconds. Screen readers say it when it comes. */
const SHOWN_FOR = 4_500;
/** More would cover the picture; the oldest goes. */
const MOST = 2;

/**
 * Says something in passing: shown for a while, read out by screen readers, asks for nothing.
 *
 * @param {string} text
 * @param {{ seen?: boolean }} [options] `seen` false: only read out, for what is shown elsewhere already
 */
export function notify(text, { seen = true } = {}) {
  const list = document.getElementById("notices");
  if (list === null) return;
  const notice = element("p", { class: seen ? "notice" : "visually-hidden" }, text);
  list.append(notice);
  while (list.childElementCount > MOST) list.firstElementChild?.remove();
  setTimeout(() => notice.remove(), SHOWN_FOR);
}
