/** Icons on a grid of 24 by 24, drawn with lines of 2. They are decoration: the button beside them has the words. */
const PATHS = {
  microphone: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5 11v1a7 7 0 0 0 14 0v-1M12 19v3",
  "microphone-off": "M15 9.5V6a3 3 0 0 0-5.9-.8M9 9v3a3 3 0 0 0 4.5 2.6M5 11v1a7 7 0 0 0 11 5.7M19 11v1a7 7 0 0 1-.5 2.6M12 19v3M3 3l18 18",
  camera: "M4 6h9a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2ZM15 11l6-4v10l-6-4",
  "camera-off": "M9.5 6H13a2 2 0 0 1 2 2v3.5l6-4.5v10M15 15.5V16a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8a2 2 0 0 1 1.5-1.9M3 3l18 18",
  screen: "M4 4h16a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2ZM8 21h8M12 14V8M9 10.5 12 7.5l3 3",
  "screen-off": "M4 4h16a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2ZM8 21h8M9.5 8l5 5M14.5 8l-5 5",
  floating: "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1ZM12 12h6v4h-6Z",
  switch: "M4 12a8 8 0 0 1 13.7-5.6L20 8.5M20 4v4.5h-4.5M20 12a8 8 0 0 1-13.7 5.6L4 15.5M4 20v-4.5h4.5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  leave: "M3 14.5c5.5-5 12.5-5 18 0l-1.5 2.5-4-1.5v-2.7a12 12 0 0 0-7 0v2.7l-4 1.5Z",
  speaker: "M4 9h4l5-4v14l-5-4H4ZM16.5 8.5a5 5 0 0 1 0 7M19 6a9 9 0 0 1 0 12",
  "arrange-grid": "M4 5h7v6H4ZM13 5h7v6h-7ZM4 13h7v6H4ZM13 13h7v6h-7Z",
  "arrange-speaker": "M3 5h12v14H3ZM18 5h3v3h-3ZM18 10.5h3v3h-3ZM18 16h3v3h-3Z",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  warning: "M12 4 2.5 20h19ZM12 10v4.5M12 17.2v.1",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18.5 14.3a6.5 6.5 0 0 1 3 5.7",
  more: "M12 5.5v.1M12 12v.1M12 18.5v.1",
  chat: "M4 5h16v11H9l-5 4Z",
  hand: "M8 13V6.5a1.5 1.5 0 0 1 3 0V11V5a1.5 1.5 0 0 1 3 0v6V6.5a1.5 1.5 0 0 1 3 0V14a7 7 0 0 1-7 7c-2.5 0-4-1.2-5.2-3.3L3 14a1.6 1.6 0 0 1 2.7-1.6L8 15",
  record: "M12 19a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM12 14a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  pin: "M9 3h6l-1 6 3.5 3.5v1.5h-11v-1.5L10 9ZM12 14v7",
  lock: "M6 11h12a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1ZM8 11V8a4 4 0 0 1 8 0v3",
};

/** @typedef {keyof typeof PATHS} IconName */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * Shows another icon in place of the one that a button has.
 *
 * @param {Element} holder
 * @param {IconName} name
 */
export function setIcon(holder, name) {
  const path = holder.querySelector(".icon path");
  if (path && path.getAttribute("d") !== PATHS[name]) path.setAttribute("d", PATHS[name]);
}
