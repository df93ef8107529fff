import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { written } from "../../web/client/written.js";

describe("what somebody wrote or pasted", () => {
  const cases = [
    ["keeps its lines and letters", "  Hei,\r\nÅse 👩\u200d⚕️ ", "Hei,\nÅse 👩\u200d⚕️"],
    ["has blanks between the cells of a table", "CRP\t12\tmg/l", "CRP 12 mg/l"],
    ["loses the marks that address books put around telephone numbers", "\u202a+47 22 00 00 00\u202c", "+47 22 00 00 00"],
    ["loses what a web page breaks its words with", "blod\u00adprøve\ufeff\u2060", "blodprøve"],
    ["keeps what Persian, Arabic and Hebrew are written with", "علی\u200cرضا \u200f(ב)", "علی\u200cرضا \u200f(ב)"],
    ["is nothing where nobody would see anything", "\u202e\t\n", ""],
  ];
  for (const [title, pasted, sent] of cases) it(title, () => assert.equal(written(pasted), sent));
});
