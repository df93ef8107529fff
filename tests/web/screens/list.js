/** Every screen that people see, and how it is played: what the contact sheet (docs/screens.md) shows. */
import { MESSAGES } from "./after.js";
import { LOBBY, PREPARATION, SIGN_IN } from "./before.js";
import { CALL, DOCTORS } from "./call.js";
import { MARKED } from "./marked.js";
import { OPERATORS } from "./operators.js";

/**
 * @typedef {object} Screen
 * @property {string} id of its picture
 * @property {string} title
 * @property {(view: import("./show.js").ShownPage) => Promise<unknown>} play
 * @property {(view: import("./show.js").ShownPage) => Promise<unknown>} [settle] after each change of the window
 * @property {string} [name] of whoever looks at it
 * @property {string} [language] bokmål where none is named
 * @property {Record<string, Answer | Answer[]>} [answers] what the bridge answers by HTTP, by the end of the path; of several,
 *   one after the other
 *
 * @typedef {{ status?: number, body: unknown }} Answer
 */

/** @type {{ title: string, screens: Screen[] }[]} */
export const GROUPS = [
  { title: "Sign-in", screens: SIGN_IN },
  { title: "Before the call", screens: PREPARATION },
  { title: "Waiting room", screens: LOBBY },
  { title: "The call", screens: CALL },
  { title: "What doctors have besides", screens: DOCTORS },
  { title: "When there is no call", screens: MESSAGES },
  { title: "Under an operator's name, and when the page does not start", screens: MARKED },
  { title: "Operators and developers", screens: OPERATORS },
];

export const SCREENS = GROUPS.flatMap(({ screens }) => screens);
