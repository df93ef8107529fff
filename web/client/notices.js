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
 * Takes what was said of something away: it holds no more.
 *
 * @param {string} topic
 */
export function withdrawNotices(topic) {
  for (const notice of document.querySelectorAll(`#notices [data-topic="${topic}"]`)) notice.remove();
}

/**
 * Says something in passing: shown for a while, read out by screen readers, asks for nothing.
 *
 * @param {string} text
 * @param {string} [topic] what it is about, for `withdrawNotices`
 */
export function notify(text, topic) {
  const list = document.getElementById("notices");
  if (list === null) return;
  const notice = element("p", { class: "notice", "data-topic": topic }, text);
  list.append(notice);
  while (list.childElementCount > MOST) list.firstElementChild?.remove();
  setTimeout(() => notice.remove(), SHOWN_FOR);
}
