import { t } from "./i18n.js";
import { ask } from "./questions.js";

/** @import { Call, RemoteParticipant } from "../sdk/src/index.js" */

/**
 * Leaves; whoever alone decides here is asked first whether the call is over. Those left behind could not know: they would be sent
 * back to the waiting room, and wait there for somebody who has long gone home.
 *
 * @param {Call} call
 * @param {RemoteParticipant[]} others
 * @param {() => void} leave
 */
export async function leaveCall(call, others, leave) {
  if (!call.isHost || others.length === 0 || others.some(({ mayHost }) => mayHost)) {
    leave();
    return;
  }
  const question = { title: t("leaveTitle"), body: t("leaveBody"), yes: t("endForAll"), no: t("leaveAlone"), danger: true, unanswered: null };
  const over = await ask(question);
  // The answer is the end of one's own session, too.
  if (over === true) call.moderation.endCall().catch(() => undefined);
  else if (over === false) leave();
}
