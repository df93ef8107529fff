/**
 * What the page asks the bridge. The session is a cookie that scripts cannot read; what changes something carries the
 * session's own token besides.
 *
 * @typedef {{ key: string | null, provider: string | null, label: string, rights: string[], csrf: string }} Operator
 * @typedef {{ id: string, title: string }} Provider one that operators sign in at
 * @typedef {{ name: string, version: string, started_at: number, draining: boolean, checks: Record<string, boolean>,
 *   rooms: number, participants: number, test_legs: number, waiting: number }} NodeState
 * @typedef {{ busy: number, packets_received: number, packets_sent: number, bytes_received: number, bytes_sent: number }} Load
 * @typedef {{ index: number, load: Load | null, transports: number, producers: number, consumers: number,
 *   tcp_connections: number, kernel_drops: number, send_failures: number, errors: number }} WorkerState
 * @typedef {{ room: string, participants: number, test_legs: number, waiting: number, connected: number, sources: number, legs: number,
 *   opened_at: number | null, queue: boolean, recording: string }} RoomState
 * @typedef {{ room: string, kind: string, source: string, target: string, reason: string, receivers: number,
 *   restarts: number, state: "starting" | "running" | "paused" }} LegState
 * @typedef {Load & { at: number, lag: number, rooms: number, participants: number, waiting: number, legs: number }} Sample
 * @typedef {{ id: number, kind: string, severity: "info" | "warning" | "error", room: string,
 *   details: Record<string, string>, first_at: number, at: number, count: number }} BridgeEvent
 * @typedef {{ now: number, nodes: NodeState[], workers: WorkerState[], rooms: { found: number, shown: RoomState[] },
 *   legs: { running: number, max: number, started: number, restarts: number, failures: number, refused: number,
 *   shown: LegState[] }, load: Sample[], events: { revision: number, new: BridgeEvent[] } }} Overview
 */

/** A refusal of the bridge. */
export class Refusal extends Error {
  /** @param {string} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

let csrf = "";

/**
 * @param {string} method
 * @param {string} path
 * @param {Record<string, unknown>} [body]
 * @returns {Promise<any>} what it answers; throws `Refusal`, or `TypeError` where nothing answers
 */
async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  const response = await fetch(path, { method, headers, cache: "no-store", ...(body && { body: JSON.stringify(body) }) });
  const answer = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(answer?.code ?? `http_${response.status}`);
  return answer;
}

/** @param {Promise<Operator>} asked */
async function keep(asked) {
  const operator = await asked;
  csrf = operator.csrf;
  return operator;
}

/** @returns {Promise<Operator>} */
export const whoAmI = () => keep(ask("GET", "/admin/session"));

/** @param {string} key */
export const signIn = (key) => keep(ask("POST", "/admin/session", { key }));

/** @returns {Promise<{ location: string } | null>} where to go on, to be signed out at the provider too */
export const signOut = () => ask("DELETE", "/admin/session");

/** @returns {Promise<Provider[]>} */
export const providers = async () => (await ask("GET", "/admin/providers")).providers ?? [];

/** @param {boolean} draining */
export const setDraining = (draining) => ask("POST", "/admin/drain", { draining });

/**
 * @param {number} revision of the events that are known
 * @param {number} sampled time of the latest sample that is known
 * @param {string} find a part of a room's id
 * @returns {Promise<Overview>}
 */
export const look = (revision, sampled, find) =>
  ask("GET", `/admin/overview?${new URLSearchParams({ revision: String(revision), sampled: String(sampled), find })}`);
