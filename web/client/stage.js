import { element } from "./dom.js";
import { t } from "./i18n.js";
import { glide } from "./gliding.js";
import { isInterrupted } from "./interruptions.js";
import { arrange, arrangeLarge, initials } from "./layout.js";
import { mainPicture, speakerOf } from "./main-picture.js";
import { people } from "./people.js";
import { nameOf, PersonMenu } from "./person-menu.js";
import { Tile } from "./tile.js";

/** @import { Call, RemoteParticipant, RemoteSource } from "../sdk/src/index.js" */
/** @import { TileState } from "./tile.js" */

/** How people stand: all alike, or whoever speaks large and the others in a strip. @typedef {"grid" | "speaker"} Arrangement */

/** Between tiles: CSS pixels, as in call.css. */
const GAP = 12;
/** Where it is upright and below this width, one's own picture lies in a corner beside a few people, too: CSS pixels. */
const NARROW = 700;
/** Where there are more, their tiles are so small that one's own would cover them. */
const FEW = 3;

/** Everyone's tiles: shared screens large, people around, oneself in a corner while there are few; or whoever speaks large. */
export class Stage {
  #screens = element("ul", { class: "screens", hidden: true });
  #people = element("ul", { class: "people", "aria-label": t("participants") });
  #corner = element("ul", { class: "corner" });
  node = element("div", { class: "stage" }, this.#screens, this.#people, this.#corner);
  /** By source id, participant id, or "self". @type {Map<string, Tile>} */
  #tiles = new Map();
  #observer = new ResizeObserver(() => this.#resized());
  /** What was shown last. @type {Parameters<Stage["update"]> | null} */
  #shown = null;
  /** Whom one wants to see large, whoever speaks. @type {string | null} */
  #pinned = null;
  /** Whom a host wanted everybody to see large when one looked last. @type {string | null} */
  #pinnedForAll = null;
  /** @type {Arrangement} */
  #arrangement;
  /** Who speaks, or spoke last, of those who are not pinned. @type {string | null} */
  #spoke = null;
  /** Who stands large among the people, by id: none where all are alike. @type {string[]} */
  #large = [];
  #onpin;
  #call;
  /** What is looked at most, wherever else it may be shown; known after `update`. @type {TileState | null} */
  main = null;

  /**
   * @param {Call} call
   * @param {Arrangement} arrangement
   * @param {(id: string | null) => void} onpin told who is pinned from now on: the stage is to be updated
   */
  constructor(call, arrangement, onpin) {
    this.#call = call;
    this.#arrangement = arrangement;
    this.#onpin = onpin;
    this.#observer.observe(this.node);
  }

  get arrangement() {
    return this.#arrangement;
  }

  set arrangement(arrangement) {
    this.#arrangement = arrangement;
    if (this.#shown) this.update(...this.#shown);
  }

  /** Whether the two arrangements differ now: not for two people, nor beside what is shared. */
  get arrangeable() {
    if (this.#shown === null) return false;
    const [participants, , , ownScreen, composed] = this.#shown;
    const others = people(participants);
    return composed === null && ownScreen === null && others.length > 1 && !others.some((other) => screenOf(other));
  }

  /**
   * Shows the room as it is now.
   *
   * @param {Iterable<RemoteParticipant>} participants
   * @param {RemoteParticipant | null} activeSpeaker
   * @param {TileState} self
   * @param {MediaStreamTrack | null} ownScreen
   * @param {MediaStreamTrack | null} composed one picture of everybody, in place of all the others
   */
  update(participants, activeSpeaker, self, ownScreen, composed) {
    this.#shown = [[...participants], activeSpeaker, self, ownScreen, composed];
    this.node.classList.toggle("is-composed", composed !== null);
    if (composed) {
      const state = { ...describeScreen(t("everyone"), composed, null), watched: this.#call.composedPicture };
      this.main = state;
      this.#place("composed", this.#screens, state);
      this.#closeOthers(new Set(["composed"]));
      this.#screens.hidden = false;
      return;
    }
    const others = people(this.#shown[0]);
    this.#followHosts(others);
    if (activeSpeaker !== null && activeSpeaker.id !== this.#pinned) this.#spoke = activeSpeaker.id;
    const large = this.#chooseLarge(others);
    const changed = large.join() !== this.#large.join();
    this.#large = large;
    /** @type {Set<string>} */
    const shown = new Set(["self"]);
    for (const participant of others) {
      shown.add(participant.id);
      const pinned = participant.id === this.#pinned;
      const active = participant === activeSpeaker && others.length > 1;
      const state = describePerson(participant, active, this.#call.soundFlows);
      this.#place(participant.id, pinned && large.length === 0 ? this.#screens : this.#people, { ...state, pinned });
      const screen = screenOf(participant);
      if (screen?.track) {
        shown.add(screen.id);
        this.#place(screen.id, this.#screens, describeScreen(t("screenOf", { name: nameOf(participant) }), screen.track, screen));
      }
    }
    if (ownScreen) {
      shown.add("own-screen");
      this.#place("own-screen", this.#screens, describeScreen(t("yourScreen"), ownScreen, null));
    }
    this.#closeOthers(shown);
    const main = mainPicture(others, activeSpeaker?.id ?? this.#spoke, this.#pinned);
    this.main = describeMain(main, this.#call.soundFlows) ?? self;
    const sharing = this.#screens.childElementCount > 0;
    const { clientWidth, clientHeight } = this.node;
    const cornered = !sharing && large.length === 0 && (others.length <= 1 || (others.length <= FEW && clientWidth < Math.min(NARROW, clientHeight)));
    // A corner has no room for a name; whose picture it is, one sees.
    if (cornered) this.#place("self", this.#corner, { ...self, name: t("you") });
    else this.#place("self", this.#people, self);
    this.#screens.hidden = !sharing;
    this.node.classList.toggle("has-screen", sharing);
    this.node.classList.toggle("has-speaker", large.length > 0);
    if (changed) glide([...this.#people.children], () => this.#arrange());
    else this.#arrange();
  }

  /**
   * Whom a host pins for everybody is pinned here, too, until one chooses otherwise. Oneself is not.
   *
   * @param {RemoteParticipant[]} others
   */
  #followHosts(others) {
    const { pinned } = this.#call.room;
    if (pinned !== this.#pinnedForAll) {
      const chosen = this.#pinned !== null && this.#pinned !== this.#pinnedForAll;
      this.#pinnedForAll = pinned;
      if (pinned !== null || !chosen) {
        this.#pinned = pinned;
        this.#call.pin(null);
      }
    }
    if (!others.some(({ id }) => id === this.#pinned)) this.#pinned = null;
  }

  /**
   * Who stands large among the people: whoever speaks, and beside them the one who is pinned.
   *
   * @param {RemoteParticipant[]} others
   */
  #chooseLarge(others) {
    if (this.#arrangement === "grid" || !this.arrangeable) return [];
    // What one is about to press stays where it is.
    const stays = this.#large.length > 0 && this.#large.every((id) => others.some((other) => other.id === id));
    if (stays && this.#people.querySelector(".menu[open]")) return this.#large;
    const speaker = speakerOf(others.filter(({ id }) => id !== this.#pinned), this.#spoke);
    return [speaker?.id, this.#pinned].filter((id) => typeof id === "string");
  }

  close() {
    this.#observer.disconnect();
    for (const tile of this.#tiles.values()) tile.close();
  }

  /** @param {Set<string>} shown */
  #closeOthers(shown) {
    for (const [id, tile] of this.#tiles) {
      if (shown.has(id)) continue;
      tile.close();
      this.#tiles.delete(id);
    }
  }

  /**
   * @param {string} id
   * @param {HTMLElement} list
   * @param {TileState} state
   */
  #place(id, list, state) {
    const tile = this.#tiles.get(id) ?? this.#makeTile(id);
    this.#tiles.set(id, tile);
    // Moving a playing video restarts it: only where it must. Oneself comes last, also after newcomers.
    const misplaced = tile.node.parentNode !== list || (id === "self" && list.lastChild !== tile.node);
    if (misplaced) list.append(tile.node);
    tile.update(state);
  }

  /** @param {string} id of a participant, who may be pinned and, by hosts, moderated; or of something else */
  #makeTile(id) {
    const participant = this.#call.participants.get(id);
    return participant ? new Tile(() => this.#togglePin(id), new PersonMenu(this.#call, participant)) : new Tile();
  }

  /** @param {string | null} id */
  #pin(id) {
    this.#pinned = id;
    this.#onpin(id);
  }

  /** @param {string} id */
  #togglePin(id) {
    this.#pin(this.#pinned === id ? null : id);
    // Its tile has moved: whoever came by keyboard goes on from there.
    /** @type {HTMLElement | null | undefined} */ (this.#tiles.get(id)?.node.querySelector(".tile-pin"))?.focus();
  }

  #resized() {
    // What is narrow now may have been wide.
    if (this.#shown) this.update(...this.#shown);
    this.#arrange();
  }

  #arrange() {
    const count = this.#people.childElementCount;
    // Before there is one, too: it is to begin as it fits.
    this.#call.composedShape = this.node.clientHeight > this.node.clientWidth ? "upright" : "wide";
    if (this.#large.length > 0) {
      this.#arrangeLarge();
      return;
    }
    // Not `clientWidth`, which is rounded: half a pixel too much, and the last tile of a row goes to the next.
    const room = this.#people.getBoundingClientRect();
    const { width, height, columns } = arrange(count, room.width, room.height, GAP);
    const { style } = this.node;
    style.setProperty("--tile-width", `${width}px`);
    style.setProperty("--tile-height", `${height}px`);
    // How far the pictures are from the edge: one's own lies in their corner.
    style.setProperty("--margin", `${count === 0 ? 0 : Math.max(0, (room.width - columns * width - (columns - 1) * GAP) / 2)}px`);
  }

  /** By their places alone, so that no picture starts anew and no button loses the focus when another one speaks. */
  #arrangeLarge() {
    const large = this.#large.map((id) => this.#tiles.get(id)?.node);
    const small = [...this.#people.children].filter((node) => !large.some((each) => each === node));
    const room = this.#people.getBoundingClientRect();
    if (room.width === 0 || room.height === 0) return;
    const places = arrangeLarge(large.length, small.length, Math.floor(room.width), Math.floor(room.height), GAP);
    for (const [index, node] of [...large, ...small].entries()) {
      const place = places[index];
      if (!(node instanceof HTMLElement) || place === undefined) continue;
      node.style.setProperty("--tile-left", `${place.x}px`);
      node.style.setProperty("--tile-top", `${place.y}px`);
      node.style.setProperty("--tile-own-width", `${place.width}px`);
      node.style.setProperty("--tile-own-height", `${place.height}px`);
    }
  }
}

/**
 * What they share, if it can be seen.
 *
 * @param {RemoteParticipant} participant
 */
function screenOf(participant) {
  const screen = participant.source("screen");
  return screen?.track && !screen.muted ? screen : null;
}

/**
 * @param {ReturnType<typeof mainPicture>} main
 * @param {boolean} soundFlows
 * @returns {TileState | null}
 */
function describeMain(main, soundFlows) {
  if (main === null) return null;
  const { participant, screen } = main;
  if (screen?.track) return describeScreen(t("screenOf", { name: nameOf(participant) }), screen.track, screen);
  return describePerson(participant, false, soundFlows);
}

/**
 * @param {RemoteParticipant} participant
 * @param {boolean} active
 * @param {boolean} soundFlows whether sound arrives at all
 * @returns {TileState}
 */
function describePerson(participant, active, soundFlows) {
  const camera = participant.source("camera");
  const microphone = participant.source("microphone");
  return {
    name: nameOf(participant),
    letters: initials(nameOf(participant)),
    // The last picture of an interrupted one would be taken for somebody who sits still.
    track: camera && !camera.muted && !camera.paused && !camera.interrupted ? camera.track : null,
    muted: microphone === null || microphone.muted,
    speaking: microphone?.speaking ?? false,
    active,
    status: statusOf(participant, soundFlows),
    quality: participant.quality,
    content: "camera",
    mirrored: false,
    source: camera,
  };
}

/**
 * @param {RemoteParticipant} participant
 * @param {boolean} soundFlows
 */
function statusOf(participant, soundFlows) {
  if (participant.state === "reconnecting") return t("someoneReconnecting");
  const microphone = participant.source("microphone");
  if (isInterrupted(microphone)) return t("soundInterrupted");
  if (microphone?.stalled || (microphone && !microphone.muted && !soundFlows)) return t("soundIsGone");
  const camera = participant.source("camera");
  if (isInterrupted(camera)) return t("pictureInterrupted");
  if (camera && !camera.muted && camera.standing) return deliveryText(camera);
  if (camera?.stalled) return t("pictureIsGone");
  return "";
}

/**
 * @param {string} name
 * @param {MediaStreamTrack} track
 * @param {RemoteSource | null} source
 * @returns {TileState}
 */
function describeScreen(name, track, source) {
  const status = source?.standing ? deliveryText(source) : "";
  return { name, letters: "", track, source, muted: false, speaking: false, active: false, status, quality: null, content: "screen", mirrored: false };
}

/**
 * Why a picture stands: its sender's line is too weak for it to move, or one's own.
 *
 * @param {RemoteSource} source
 */
function deliveryText({ delivery, upload, participant }) {
  const name = nameOf(participant);
  if (delivery === "paused") return t("lineTooWeak");
  if (upload === "paused") return t("theirLineTooWeak", { name });
  return upload === "stills" ? t("theirStillPicture", { name }) : t("stillPicture");
}
