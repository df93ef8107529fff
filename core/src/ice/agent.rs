//! The ICE-lite agent of one transport: its paths, which of them is selected, and consent to send.
//!
//! The peer is the controlling agent. It selects a path by nominating it (USE-CANDIDATE, regular or aggressive), and
//! it may begin to send media from another checked path before (or without) nominating that: a phone that leaves the
//! Wi-Fi. Both move the selected path. Until the first nomination the path that was checked first is selected: a
//! controlling agent that nominates regularly does so with a later check, which Chromium may send 2.5 s after the first.

use std::time::Duration;

use super::recent_checks::RecentChecks;
use super::{Credentials, Generation};
use crate::path::{Path, Protocol, SocketId};
use crate::time::Time;

/// Paths of one transport at most. At the bound the one that was silent longest and is not selected is given up.
pub const MAX_PATHS: usize = 8;
/// Media on another checked path moves the selected path when the selected one brought no media for this long. Longer
/// than packets are reordered, shorter than anybody would notice.
const MEDIA_MOVE_QUIET: Duration = Duration::from_millis(200);
/// A path that was nominated before and is nominated again (aggressive nomination repeats itself on every path) takes
/// over when the selected one was silent for this long: twice the interval of consent checks.
const CHECK_FAILED_SILENCE: Duration = Duration::from_secs(10);

struct PathState {
    path: Path,
    nominated: bool,
    /// The last authenticated packet of any kind.
    heard: Time,
    /// The last authenticated media.
    media: Option<Time>,
}

/// A connectivity check whose integrity was verified.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Where it came from.
    pub path: Path,
    /// Which credentials it was made with.
    pub generation: Generation,
    /// Whether it nominates its path (USE-CANDIDATE).
    pub nominates: bool,
}

/// The selected path is another one, or has consent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What carries it.
    pub protocol: Protocol,
    /// Whether another path was selected before.
    pub moved: bool,
    /// Whether there was no consent before: the first time, or after it had run out.
    pub regained: bool,
}

/// What a check led to.
#[derive(Debug, Default)]
pub struct Checked {
    /// The place of its path, for [`Agent::on_media`].
    pub slot: u8,
    /// The path is new: it is to be entered in the table of addresses.
    pub added: bool,
    /// This path was given up for it.
    pub evicted: Option<Path>,
    /// This user name fragment of ours is void from now on: an ICE restart has succeeded.
    pub retired: Option<Box<str>>,
    /// The selected path changed.
    pub change: Option<Change>,
}

/// What the passing of time led to.
#[derive(Debug, Default)]
pub struct Tick {
    /// Consent ran out now; what carried the selected path.
    pub expired: Option<Protocol>,
    /// Consent ran out on the selected path, and another one took over.
    pub change: Option<Change>,
    /// Paths that were silent for the consent time and are not selected.
    pub dropped: Vec<Path>,
}

/// The ICE-lite agent of one transport.
pub struct Agent {
    current: Credentials,
    pending: Option<Credentials>,
    recent_checks: RecentChecks,
    paths: [Option<PathState>; MAX_PATHS],
    selected: Option<u8>,
    /// Whether a path was ever selected, and over what it ran last.
    last_protocol: Option<Protocol>,
    /// Whether a path was ever nominated.
    nominated: bool,
    consent: bool,
    consent_timeout: Duration,
    tcp_only: bool,
    tcp_from_restart: bool,
    /// Whether a check over the selected path was refused since.
    refused: bool,
    /// The last authenticated packet on any path.
    heard: Time,
}

impl Agent {
    /// An agent that has heard nothing yet.
    pub fn new(credentials: Credentials, consent_timeout: Duration) -> Self {
        Agent {
            current: credentials,
            pending: None,
            recent_checks: RecentChecks::default(),
            paths: Default::default(),
            selected: None,
            last_protocol: None,
            nominated: false,
            consent: false,
            consent_timeout,
            tcp_only: false,
            tcp_from_restart: false,
            refused: false,
            heard: Time::ZERO,
        }
    }

    /// The credentials that a check for `ufrag` has to be made with.
    pub fn credentials(&self, ufrag: &str) -> Option<(Generation, &Credentials)> {
        if &*self.current.ufrag == ufrag {
            return Some((Generation::Current, &self.current));
        }
        self.pending.as_ref().filter(|pending| &*pending.ufrag == ufrag).map(|pending| (Generation::Pending, pending))
    }

    /// The user name fragment of ours that a check has succeeded with, or the first one.
    pub fn ufrag(&self) -> &str {
        &self.current.ufrag
    }

    /// Every user name fragment of ours that is valid now.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.current).chain(self.pending.as_ref()).map(|credentials| &*credentials.ufrag)
    }

    /// New credentials beside the current ones. Returns the fragment of an earlier restart that never succeeded.
    pub fn restart(&mut self, credentials: Credentials) -> Option<Box<str>> {
        self.pending.replace(credentials).map(|earlier| earlier.ufrag)
    }

    /// Whether the peer may make paths of this one's protocol.
    pub fn takes(&self, path: &Path) -> bool {
        !self.tcp_only || path.protocol == Protocol::Tcp
    }

    /// Whether a verified check may be heeded; if so, it is remembered. One that would make a new path must not have
    /// come before: somebody overheard it. By a path that is known it may come again, since STUN retransmits.
    pub fn admit(&mut self, path: &Path, transaction_id: &[u8; 12]) -> bool {
        if self.slot_of(path).is_none() && self.recent_checks.contain(transaction_id) {
            return false;
        }
        self.recent_checks.note(transaction_id);
        true
    }

    /// Takes a verified check that was [admitted](Self::admit).
    pub fn on_check(&mut self, now: Time, check: Check) -> Checked {
        let mut checked = Checked::default();
        if check.generation == Generation::Pending
            && let Some(pending) = self.pending.take()
        {
            checked.retired = Some(std::mem::replace(&mut self.current, pending).ufrag);
            // What was nominated before the restart says nothing about it. Media goes on over the selected path
            // until another is nominated (RFC 8445, section 9).
            self.paths.iter_mut().flatten().for_each(|path| path.nominated = false);
        }
        self.heard = now;
        let slot = match self.slot_of(&check.path) {
            Some(slot) => slot,
            None => {
                let (slot, evicted) = self.free_slot();
                self.paths[slot as usize] =
                    Some(PathState { path: check.path, nominated: false, heard: now, media: None });
                checked.added = true;
                checked.evicted = evicted;
                slot
            }
        };
        checked.slot = slot;
        let newly_nominated = check.nominates && !self.path(slot).nominated;
        let should_move = check.nominates && self.yields_to(now, slot, newly_nominated);
        let path = self.path_mut(slot);
        path.heard = now;
        path.nominated |= check.nominates;
        let regained = self.selected == Some(slot) && !self.consent;
        self.nominated |= check.nominates;
        let first = self.last_protocol.is_none();
        if regained || should_move || first {
            checked.change = self.select(slot);
        }
        checked
    }

    /// Takes the news that authenticated media arrived on the path in `slot`.
    pub fn on_media(&mut self, now: Time, slot: u8) -> Option<Change> {
        self.heard = now;
        let path = self.path_mut(slot);
        path.heard = now;
        path.media = Some(now);
        if self.selected == Some(slot) && self.consent {
            return None;
        }
        let selected = self.selected.filter(|selected| *selected != slot).and_then(|s| self.paths[s as usize].as_ref());
        let in_use = selected.is_some_and(|p| p.media.is_some_and(|media| now.since(media) <= MEDIA_MOVE_QUIET));
        let left = selected.is_some_and(|p| self.takes(&p.path)) && !self.takes(&self.path(slot).path);
        if in_use || left { None } else { self.select(slot) }
    }

    /// The place of a path that was checked.
    pub fn slot_of(&self, path: &Path) -> Option<u8> {
        self.paths.iter().position(|p| p.as_ref().is_some_and(|p| p.path == *path)).map(|slot| slot as u8)
    }

    /// Where media goes: the selected path while there is consent.
    pub fn media_path(&self) -> Option<Path> {
        if !self.consent {
            return None;
        }
        self.selected.and_then(|slot| self.paths[slot as usize].as_ref()).map(|path| path.path)
    }

    /// Whether media took a path over UDP from the host of `path` until it fell silent a moment ago: a NAT on the way may have
    /// given the peer another port.
    pub fn may_have_moved_to(&self, now: Time, path: &Path) -> bool {
        let near = |used: &PathState| {
            used.path.protocol == path.protocol
                && used.path.socket == path.socket
                && used.path.remote.ip() == path.remote.ip()
                && now.since(used.heard) > MEDIA_MOVE_QUIET
        };
        path.protocol == Protocol::Udp
            && self.takes(path)
            && self.selected.and_then(|slot| self.paths[slot as usize].as_ref()).is_some_and(near)
    }

    /// Where DTLS goes: the selected path, or the path heard last as long as none was ever nominated, or it is being left.
    pub fn dtls_path(&self) -> Option<Path> {
        let selected = self.media_path();
        if self.nominated && selected.is_none_or(|path| self.takes(&path)) {
            return selected;
        }
        self.paths.iter().flatten().max_by_key(|path| path.heard).map(|path| path.path)
    }

    /// What carries the selected path, or carried it last.
    pub fn protocol(&self) -> Option<Protocol> {
        self.last_protocol
    }

    /// When the path in `slot` was heard last.
    pub fn heard_on(&self, slot: u8) -> Option<Time> {
        self.paths[slot as usize].as_ref().map(|path| path.heard)
    }

    /// Gives up the path in `slot`: its address belongs to another transport now.
    pub fn forget(&mut self, slot: u8) {
        self.paths[slot as usize] = None;
        if self.selected == Some(slot) {
            self.selected = None;
        }
    }

    /// Gives up every path over `socket`, which is closed. Media goes on over another nominated path, if there is one;
    /// otherwise there is none until the peer nominates one or consent runs out.
    pub fn on_socket_closed(&mut self, now: Time, socket: SocketId) -> Option<Change> {
        for slot in 0..MAX_PATHS as u8 {
            if self.paths[slot as usize].as_ref().is_some_and(|path| path.path.socket == socket) {
                self.forget(slot);
            }
        }
        if self.selected.is_none() && self.consent { self.fall_back(now) } else { None }
    }

    /// [Takes](Self::takes) no path over UDP any more. What there is of them serves until one over TCP is nominated.
    pub fn leave_udp(&mut self) {
        self.tcp_only = true;
    }

    /// Has a peer that restarts ICE find no path over UDP; what there is of them serves until then.
    pub fn leave_udp_at_restart(&mut self) {
        self.tcp_from_restart = true;
    }

    /// Whether the peer may make paths of this one's protocol with credentials that it has not told yet: it restarts ICE.
    pub fn takes_restart(&self, path: &Path) -> bool {
        !self.tcp_from_restart || path.protocol == Protocol::Tcp
    }

    /// A check was refused, since this agent does not [take](Self::takes) its path. True once, where that is the one which
    /// media took: its peer gives it up now.
    pub fn on_refusal(&mut self, path: &Path) -> bool {
        let first = !self.refused && self.media_path() == Some(*path);
        self.refused |= first;
        first
    }

    /// Every path that was checked.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().flatten().map(|path| &path.path)
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called. Packets only ever move it to later, so a caller may ask
    /// when the last answer has passed instead of after each packet.
    pub fn deadline(&self) -> Time {
        let unselected = (0..MAX_PATHS as u8).filter(|slot| self.selected != Some(*slot));
        let oldest = unselected.filter_map(|slot| self.heard_on(slot)).min();
        let consent = self.consent.then(|| self.consent_heard());
        [oldest, consent].into_iter().flatten().min().map_or(Time::MAX, |heard| heard + self.consent_timeout)
    }

    /// Lets consent run out, and drops paths that are not used any more.
    pub fn on_timeout(&mut self, now: Time) -> Tick {
        let mut tick = Tick::default();
        if self.consent && now.since(self.consent_heard()) >= self.consent_timeout {
            match self.fall_back(now) {
                Some(change) => tick.change = Some(change),
                None => {
                    self.consent = false;
                    tick.expired = self.last_protocol;
                }
            }
        }
        for (slot, place) in self.paths.iter_mut().enumerate() {
            let silent = place.as_ref().is_some_and(|path| now.since(path.heard) >= self.consent_timeout);
            if silent && self.selected != Some(slot as u8) {
                tick.dropped.extend(place.take().map(|path| path.path));
            }
        }
        tick
    }

    /// When consent to send on the selected path was last given.
    fn consent_heard(&self) -> Time {
        self.selected.and_then(|slot| self.heard_on(slot)).unwrap_or(self.heard)
    }

    /// Selects another nominated path that has consent, if there is one.
    fn fall_back(&mut self, now: Time) -> Option<Change> {
        let usable = |path: &PathState| path.nominated && now.since(path.heard) < self.consent_timeout;
        let slot = (0..MAX_PATHS as u8)
            .filter(|slot| self.selected != Some(*slot) && self.paths[*slot as usize].as_ref().is_some_and(usable))
            .max_by_key(|slot| self.heard_on(*slot))?;
        self.select(slot)
    }

    /// Whether the selected path gives way to the one in `slot`, which is being nominated.
    fn yields_to(&self, now: Time, slot: u8, newly_nominated: bool) -> bool {
        let Some(selected) = self.selected.and_then(|selected| self.paths[selected as usize].as_ref()) else {
            return true;
        };
        if self.selected == Some(slot) {
            return false;
        }
        let silent = !self.consent || now.since(selected.heard) >= CHECK_FAILED_SILENCE;
        let left = !self.takes(&selected.path);
        let down_to_tcp = selected.path.protocol == Protocol::Udp
            && selected.nominated
            && self.path(slot).path.protocol == Protocol::Tcp;
        left || silent || (newly_nominated && !down_to_tcp)
    }

    fn select(&mut self, slot: u8) -> Option<Change> {
        let moved = self.selected != Some(slot) && self.last_protocol.is_some();
        let protocol = self.path(slot).path.protocol;
        self.selected = Some(slot);
        let regained = !std::mem::replace(&mut self.consent, true);
        self.last_protocol = Some(protocol);
        Some(Change { protocol, moved, regained })
    }

    /// A free place, if need be that of the path that was silent longest.
    fn free_slot(&mut self) -> (u8, Option<Path>) {
        if let Some(slot) = self.paths.iter().position(Option::is_none) {
            return (slot as u8, None);
        }
        let oldest = (0..MAX_PATHS as u8)
            .filter(|slot| self.selected != Some(*slot))
            .min_by_key(|slot| self.heard_on(*slot))
            .unwrap_or_default();
        (oldest, self.paths[oldest as usize].take().map(|path| path.path))
    }

    fn path(&self, slot: u8) -> &PathState {
        self.paths[slot as usize].as_ref().expect("the slot was handed out for a path that is still there")
    }

    fn path_mut(&mut self, slot: u8) -> &mut PathState {
        self.paths[slot as usize].as_mut().expect("the slot was handed out for a path that is still there")
    }
}

#[cfg(test)]
mod tests;
