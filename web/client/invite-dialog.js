import { element, setAttribute, setText } from "./dom.js";
import { t } from "./i18n.js";
import { notify } from "./notices.js";
import { carryOut } from "./person-menu.js";
import { qrCode } from "./qr.js";
import { levelWord, roleWord } from "./words.js";
import { written } from "./written.js";

/** @import { Call } from "../sdk/src/index.js" */
/** @import { Invitation, ProposalInfo } from "../sdk/src/protocol.js" */

/** Whom hosts invite. */
const ROLES = ["parorende", "tolk", "dovetolk", "pasient", "spesialist", "fastlege", "helsepersonell", "nav", "assistent"];
/** How long a link can be used: minutes, and the words for it. */
const TIMES = /** @type {const} */ ([[30, "minutes30"], [60, "hour1"], [240, "hours4"], [1440, "hours24"]]);

/**
 * Lets a host have a link made: for whom, as what and for how long; then shows the link, its QR code, and a text to send.
 *
 * @param {Call} call
 * @param {ProposalInfo} [proposal] what somebody proposed
 */
export function inviteSomebody(call, proposal) {
  const name = element("input", { id: "invite-name", type: "text", maxlength: "200", autocomplete: "off" });
  const role = element("select", { id: "invite-role" }, ...ROLES.map((each) => element("option", { value: each }, roleWord(each))));
  const time = element("select", { id: "invite-time" }, ...TIMES.map(([minutes, word]) => element("option", { value: String(minutes) }, t(word))));
  time.value = "60";
  const problem = element("p", { class: "banner", role: "alert", hidden: true });
  const submit = element("button", { type: "submit", class: "button primary" }, t("makeLink"));
  if (proposal !== undefined) {
    name.value = proposal.name;
    if (!ROLES.includes(proposal.role)) role.append(element("option", { value: proposal.role }, roleWord(proposal.role)));
    role.value = proposal.role;
  }
  const form = element(
    "form",
    {
      class: "message-form",
      onsubmit: async (event) => {
        event.preventDefault();
        if (submit.disabled) return;
        submit.disabled = true;
        const accepts = proposal === undefined ? {} : { proposalId: proposal.id };
        try {
          const made = await call.inviting.create({ role: role.value, name: written(name.value), minutes: Number(time.value), ...accepts });
          show(made);
        } catch (error) {
          submit.disabled = false;
          const impossible = /** @type {{ code?: string }} */ (error).code === "signin_impossible";
          setText(problem, impossible ? t("inviteNeedsSignIn", { role: roleWord(role.value) }) : t("inviteFailed"));
          setAttribute(problem, "hidden", false);
        }
      },
    },
    element("p", { class: "help" }, proposal === undefined ? t("inviteHelp") : t("proposalBy", { by: proposal.by || t("noName") })),
    element("div", { class: "field" }, element("label", { for: "invite-role" }, t("proposeRole")), role),
    element("div", { class: "field" }, element("label", { for: "invite-name" }, t("inviteName")), name),
    element("div", { class: "field" }, element("label", { for: "invite-time" }, t("inviteTime")), time),
    problem,
    element("footer", {}, element("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("cancel")), submit),
  );
  const title = element("h2", { id: "invite-title", tabindex: "-1" }, t("invite"));
  const dialog = element("dialog", { class: "dialog invite", "aria-labelledby": "invite-title", onclose: () => dialog.remove() }, title, form);
  /** @param {Invitation} made */
  const show = (made) => {
    title.textContent = t("inviteMade");
    form.replaceWith(madeView(call, made, () => dialog.close()));
    title.focus();
  };
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * @param {Call} call
 * @param {Invitation} made
 * @param {() => void} close
 */
function madeView(call, made, close) {
  const minutes = Math.round(made.expires_seconds / 60);
  const word = TIMES.find(([each]) => each === minutes)?.[1];
  const time = word ? t(word) : t("minutesCount", { minutes });
  const text = t("inviteText", { link: made.link, time });
  const link = element("input", { id: "invite-link", type: "text", readonly: true, value: made.link, onfocus: () => link.select() });
  /** @param {string} what */
  const copy = async (what) => {
    try {
      await navigator.clipboard.writeText(what);
      notify(t("copied"));
    } catch {
      // Frames and old browsers may not: what is selected can be copied by hand.
      link.focus();
      notify(t("copyByHand"));
    }
  };
  const revoke = () => {
    carryOut(call.inviting.revoke(made.invitation_id).then(() => notify(t("inviteRevoked"))));
    close();
  };
  const signIn = made.level === "none" ? t("inviteGuest") : t("inviteSignIn", { level: levelWord(made.level) });
  return element(
    "div",
    { class: "message-form" },
    element(
      "div",
      { class: "invite-made" },
      element("p", {}, t("inviteFor", { role: roleWord(made.role), time }), " ", signIn, " ", t("inviteWaits")),
      qrCode(made.qr, t("inviteQr")),
    ),
    element("div", { class: "field" }, element("label", { for: "invite-link" }, t("inviteLink")), link),
    element(
      "div",
      { class: "panel-actions" },
      element("button", { type: "button", class: "button", onclick: () => copy(made.link) }, t("copyLink")),
      element("button", { type: "button", class: "button", onclick: () => copy(text) }, t("copyText")),
    ),
    element(
      "footer",
      {},
      element("button", { type: "button", class: "button danger", onclick: revoke }, t("revokeLink")),
      element("button", { type: "button", class: "button primary", onclick: close }, t("inviteDone")),
    ),
  );
}
