import { element, setText } from "../dom.js";

/** @import { Child } from "../dom.js" */

/**
 * A table whose rows are written anew with each answer. On a narrow window it is moved sideways, by keyboard too.
 *
 * @typedef {{ title: string, kind?: "number" | "name" | "extra" | "number extra" }} Column `extra` is left out on narrow
 *   windows
 */
export class Table {
  /**
   * @param {string} title what it is a table of
   * @param {Column[]} columns
   */
  constructor(title, columns) {
    this.columns = columns;
    this.body = element("tbody");
    this.empty = element("p", { class: "empty" });
    const heads = columns.map(({ title: head, kind }) => element("th", { scope: "col", class: kind }, head));
    this.frame = element(
      "div",
      { class: "table-frame", role: "group", tabindex: "0", "aria-label": title },
      element("table", {}, element("thead", {}, element("tr", {}, ...heads)), this.body),
    );
    this.node = element("div", {}, this.frame, this.empty);
  }

  /**
   * @param {Child[][]} rows
   * @param {string} [empty] what to say where there are none
   */
  show(rows, empty = "") {
    this.frame.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    setText(this.empty, empty);
    this.body.replaceChildren(
      ...rows.map((cells) =>
        element(
          "tr",
          {},
          ...cells.map((cell, index) => {
            const kind = this.columns[index]?.kind;
            return kind === "name" ? element("th", { scope: "row", class: kind }, cell) : element("td", { class: kind }, cell);
          }),
        ),
      ),
    );
  }
}
