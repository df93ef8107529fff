import { t } from "./i18n.js";
import { notify } from "./notices.js";
import { ask } from "./questions.js";

/** @import { Call } from "../sdk/src/index.js" */

/** Which wording `videoConsentBody` has: kept with each answer. To be changed whenever the texts are. */
export const VIDEO_CONSENT_TEXT = "2026-1";

/**
 * Whether the camera may go in: asks where the room wants to know and nobody has answered yes.
 *
 * @param {Call} call
 * @returns {Promise<boolean>}
 */
export async function maySendCamera(call) {
  const { videoConsent } = call;
  if (!videoConsent.missing) return true;
  const answer = await ask({ title: t("videoConsentTitle"), body: t("videoConsentBody"), yes: t("videoConsentYes"), no: t("videoConsentNo") });
  const consents = answer === true;
  try {
    await videoConsent.answer(VIDEO_CONSENT_TEXT, consents);
  } catch {
    notify(t("notDone"));
    return false;
  }
  notify(t(consents ? "videoConsentGiven" : "videoConsentRefused"));
  return consents;
}

/**
 * Takes the yes back.
 *
 * @param {Call} call
 */
export async function withdrawVideoConsent(call) {
  await call.videoConsent.answer(VIDEO_CONSENT_TEXT, false);
  notify(t("videoConsentRefused"));
}
