// What somebody chose in an earlier call on this machine of how they see the others.

import { remembered } from "./remembered.js";
import { LAYOUTS } from "./settings-dialog.js";

/** @import { PictureLayout } from "../sdk/src/protocol.js" */
/** @import { View } from "./settings-dialog.js" */
/** @import { Arrangement } from "./stage.js" */

/** How the pictures of the others are to come. @returns {View} */
export function rememberedView() {
  const view = remembered("view");
  return view === "separate" || view === "composed" ? view : "auto";
}

/** Who is to stand where when they come in one. @returns {PictureLayout} */
export function rememberedLayout() {
  const layout = remembered("layout");
  return LAYOUTS.find((known) => known === layout) ?? "auto";
}

/** How people are to stand where each has a picture of their own. @returns {Arrangement} */
export function rememberedArrangement() {
  return remembered("arrangement") === "speaker" ? "speaker" : "grid";
}
