import { background } from "./background.js";
import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";

/**
 * The switch for a blurred background; where there can be none, a line that says why.
 *
 * @param {(on: boolean) => void} choose
 */
export function blurSwitch(choose) {
  const id = `blur-${(nextId += 1)}`;
  const input = element("input", { type: "checkbox", id, "aria-describedby": `${id}-help`, onchange: () => choose(input.checked) });
  const help = element("span", { class: "help", id: `${id}-help` });
  const words = element("div", {}, element("label", { for: id }, t("blur")), help);
  const field = element("div", { class: "check-field", hidden: true }, input, words);
  const none = element("p", { class: "help", hidden: true });
  const node = element("div", { class: "blur-choice" }, field, none);
  return {
    node,
    /** @param {MediaStreamTrack | null} camera one's own picture, if it is on */
    async update(camera) {
      const { on, fixed, byDevice } = background.stateOf(camera);
      input.checked = on;
      setAttribute(input, "disabled", fixed);
      setText(help, t(fixed ? "blurByDevice" : "blurHelp"));
      const installed = await background.installed();
      // Whoever has it on can turn it off, whatever became of the rest.
      const offered = on || byDevice || (background.possible && installed);
      setAttribute(field, "hidden", !offered);
      setAttribute(none, "hidden", offered);
      setText(none, t(installed ? "blurNotInBrowser" : "blurNotInstalled"));
    },
  };
}

let nextId = 0;
