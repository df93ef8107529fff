import { Emitter } from "./emitter.js";

/** @import { Invitation, Joined, Notice, ProposalInfo } from "./protocol.js" */
/** @import { Session } from "./session.js" */

/**
 * @typedef {object} InvitingEvents
 * @property {ProposalInfo} invitationproposed for hosts: somebody would have another person invited
 * @property {{ proposal: ProposalInfo, accepted: boolean }} proposalanswered a host has decided: told to hosts, and to who proposed it
 */

/**
 * Links for those who are to come into the call: hosts have them made, others propose.
 *
 * @extends {Emitter<{ [Type in keyof InvitingEvents]: InvitingEvents[Type] }>}
 */
export class Inviting extends Emitter {
  #session;
  /** For hosts: what waits for their decision, by id. @type {Map<string, ProposalInfo>} */
  proposals = new Map();

  /** @param {Session} session */
  constructor(session) {
    super();
    this.#session = session;
  }

  /**
   * Has a link made for one person, who waits to be let in. Rejects with a RequestError: `not_granted`, `invalid_invitation`,
   * `proposal_not_found`, `too_many_invitations`, `invitations_unavailable`, `audit_unavailable`.
   *
   * @param {{ role: string, name?: string, minutes?: number, proposalId?: string }} whom `proposalId`: the proposal that this accepts
   * @returns {Promise<Invitation>}
   */
  create({ role, name = "", minutes = 60, proposalId }) {
    const accepts = proposalId === undefined ? {} : { proposal_id: proposalId };
    return this.#session.request({ type: "create_invitation", role, name, minutes, ...accepts });
  }

  /** @param {string} invitationId takes a link back; whoever came by it stays */
  async revoke(invitationId) {
    await this.#session.request({ type: "revoke_invitation", invitation_id: invitationId });
  }

  /**
   * Tells hosts whom one would have invited. They decide, and pass the link on. Rejects with a RequestError: `not_granted`.
   *
   * @param {string} role
   * @param {string} name who it is, in one's own words
   */
  async propose(role, name) {
    await this.#session.request({ type: "propose_invitation", role, name });
  }

  /** @param {string} proposalId does not invite whom somebody proposed */
  async decline(proposalId) {
    await this.#session.request({ type: "decline_proposal", proposal_id: proposalId });
  }

  /** @param {Joined | Notice} message */
  apply(message) {
    if (message.type === "joined" || message.type === "admitted" || message.type === "grants_changed") {
      this.proposals = new Map((message.proposals ?? []).map((proposal) => [proposal.id, proposal]));
    } else if (message.type === "invitation_proposed") {
      this.proposals.set(message.proposal.id, message.proposal);
      this.emit("invitationproposed", message.proposal);
    } else if (message.type === "proposal_answered") {
      this.proposals.delete(message.proposal.id);
      this.emit("proposalanswered", { proposal: message.proposal, accepted: message.accepted });
    }
  }
}
