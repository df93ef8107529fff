import { t } from "./i18n.js";
import { notify } from "./notices.js";
import { ask } from "./questions.js";
import { nameOf } from "./person-menu.js";

/** @import { Call } from "../sdk/src/index.js" */

/** Which wording `consentBody` and `consentBodyWaiting` have: kept with each answer. To be changed whenever the texts are. */
export const CONSENT_TEXT = "2026-3";

/**
 * Asks for consent to a recording whenever the bridge does, in the call or in the lobby, for as long as the call lasts.
 *
 * @param {Call} call
 */
export function askForConsent(call) {
  /** @type {AbortController | null} */
  let asking = null;
  const askNow = async () => {
    const { consent } = call.recording;
    if (consent === null || consent.consented || asking !== null) return;
    asking = new AbortController();
    // Whoever waits has no roster; and whoever asked may have gone, or be here anew.
    const by = call.participants.get(consent.asked_by);
    const waits = call.lobby !== null;
    const answer = await ask({
      title: by ? t("consentTitle", { name: nameOf(by) }) : t("consentTitleUnnamed"),
      body: t(waits ? "consentBodyWaiting" : "consentBody"),
      yes: t("consentYes"),
      no: t("consentNo"),
      signal: asking.signal,
    });
    asking = null;
    if (answer === null) return;
    const done = call.recording.answer(answer, CONSENT_TEXT);
    await done.then(() => waits && !answer && notify(t("consentRefusedWaiting")), () => notify(t("notDone")));
  };
  call.on("consentasked", askNow);
  call.on("consentsettled", () => asking?.abort());
  call.on("closed", () => asking?.abort());
  askNow();
}
