//! When packets leave: a pacer per transport, so that a keyframe does not become a queue on a thin line, in which the
//! sound would wait behind it.
//!
//! Audio never waits. What else finds room in the bucket, and nothing waiting, leaves at once: the pacer then costs two
//! comparisons. Only what finds none is held: retransmissions first, then video by the priority of its consumer. Video
//! that has waited too long is dropped by whole frames up to the next keyframe, as if it had never been there: its
//! sequence numbers are used again, so that the receiver asks for nothing that it was never sent.
//!
//! Sans-IO: the engine asks what is to leave and composes, protects and sends it.

mod bucket;
mod lanes;
mod probing;
mod rate;
mod resends;
mod silence;
mod slots;

use std::time::Duration;

use self::bucket::Bucket;
use self::lanes::{Lanes, Limits};
pub use self::lanes::{Waiting, Withdrawn};
use self::probing::Probing;
pub use self::rate::pacing_rate;
pub use self::resends::AskedAgain;
use self::resends::Resends;
use self::silence::Silence;
pub use self::slots::SLOT_LEN;
use self::slots::Slots;
use crate::bitrate::Bitrate;
use crate::consumer::Progress;
use crate::estimator::{Estimate, Probe};
use crate::repair::{BlockPool, twice};
use crate::time::Time;

/// What leaves at once after a silence, in time at the pacing rate: two of the worker's ticks, so that frames of an
/// ordinary size on a line that carries them leave in one run.
const BURST: Duration = Duration::from_millis(10);
/// How long packets wait.
const LIMITS: Limits = Limits {
    // What is later than this is worse than a new picture.
    frame: Duration::from_millis(500),
    // The first picture over a thin line.
    keyframe: Duration::from_millis(2_000),
    stale: Duration::from_millis(3_000),
};
/// When frames were too late, others are dropped until what is left leaves within this.
const DRAIN_GOAL: Duration = Duration::from_millis(250);
/// A keyframe takes the place of what waits of its consumer, if that would take this long to leave.
const WORTH_REPLACING: Duration = Duration::from_millis(100);
/// Consumers whose frames were dropped ask for a keyframe once what waits leaves within this.
const RESUME: Duration = Duration::from_millis(50);
/// The share of the estimate that retransmissions may take, as a divisor.
const RESEND_DIVISOR: u64 = 3;
/// Retransmissions that may leave at once, in time at their rate: a few packets of a keyframe even on a thin line.
const RESEND_BURST: Duration = Duration::from_millis(600);

/// What a pacer counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacerCounters {
    /// Packets that were never sent.
    pub dropped: u64,
    /// Bytes of packets that carried nothing, or what was sent before unasked.
    pub probe_bytes: u64,
    /// Packets that were sent again.
    pub retransmissions: u64,
    /// Packets that were asked for again and not sent.
    pub retransmissions_dropped: u64,
}

/// The pacer of one transport. Without a rate nothing waits.
pub struct Pacer {
    bucket: Bucket,
    /// What retransmissions may take.
    resend_bucket: Bucket,
    lanes: Lanes,
    slots: Slots,
    resends: Resends,
    /// How long after a retransmission its copy leaves, on a line that loses by chance; none elsewhere. Copies take as large a
    /// share of the line as it loses.
    copied_after: Option<Duration>,
    probing: Option<Probing>,
    /// From when on there is room: of the bucket, or of the probe that is being sent.
    room_at: Time,
    paces: bool,
    /// Whether the estimate is a guess: the peer has told nothing yet.
    guesses: bool,
    /// Whether the line was seen to carry no more than that.
    limit_seen: bool,
    /// Keys of consumers whose frames were dropped: they go on with a keyframe when there is room for one.
    hungry: Vec<usize>,
    /// The longest that a packet waited lately.
    wait: Duration,
    silence: Silence,
    /// What was counted.
    pub counters: PacerCounters,
}

impl Default for Pacer {
    fn default() -> Self {
        Pacer {
            bucket: Bucket::new(BURST),
            resend_bucket: Bucket::new(RESEND_BURST),
            lanes: Lanes::default(),
            slots: Slots::default(),
            resends: Resends::default(),
            copied_after: None,
            probing: None,
            room_at: Time::ZERO,
            paces: false,
            guesses: false,
            limit_seen: false,
            hungry: Vec::new(),
            wait: Duration::ZERO,
            silence: Silence::default(),
            counters: PacerCounters::default(),
        }
    }
}

impl Pacer {
    /// Paces from now on, by this estimate. By a mere guess for two seconds at most: who has told nothing until then of what
    /// was sent never will.
    pub fn set_estimate(&mut self, now: Time, estimate: &Estimate) {
        (self.guesses, self.limit_seen) = (!estimate.proven, estimate.limit.is_some());
        if self.guesses && self.silence.is_mute(now) {
            return;
        }
        self.bucket.set_rate(now, pacing_rate(estimate));
        self.resend_bucket.set_rate(now, Bitrate::bps(estimate.bitrate.as_bps() / RESEND_DIVISOR));
        self.copied_after =
            (estimate.chance_lost >= twice::LOSSY).then(|| twice::again_after(estimate.round_trip.unwrap_or_default()));
        self.paces = true;
        self.update_room();
    }

    /// The peer told what arrived of what was sent. Returns whether it had been silent for so long that nothing but
    /// audio was sent.
    pub fn heard(&mut self, now: Time, round_trip: Option<Duration>) -> bool {
        self.silence.heard(now, round_trip)
    }

    /// Whether the line is out: the peer, which tells what arrives, has told nothing of what was sent for so long that
    /// to send video is to fill a queue for nobody.
    pub fn is_out(&self, now: Time) -> bool {
        self.paces && self.silence.is_over(now)
    }

    /// Whether it is time to find out if the line is still out.
    pub fn wants_sign_of_life(&self, now: Time) -> bool {
        self.is_out(now) && self.silence.wants_sign_of_life(now)
    }

    /// Whether it holds anything back at all.
    pub fn paces(&self) -> bool {
        self.paces
    }

    /// Whether what it paces by is more than a guess.
    pub fn knows(&self) -> bool {
        !self.guesses
    }

    /// Whether a packet of video may leave at once.
    #[inline]
    pub fn is_open(&self, now: Time) -> bool {
        self.room_at <= now && self.lanes.packets() == 0 && !self.silence.is_over(now)
    }

    /// Whether what waits may leave.
    pub fn has_room(&self, now: Time) -> bool {
        self.room_at <= now
    }

    /// The probe that a packet belongs to that leaves now.
    #[inline]
    pub fn probe_id(&self) -> Option<u32> {
        self.probing.as_ref().map(|probing| probing.id)
    }

    /// A packet of so many bytes leaves.
    #[inline]
    pub fn spend(&mut self, now: Time, bytes: usize) {
        self.silence.sent(now);
        self.bucket.spend(now, bytes);
        self.room_at = self.bucket.room_at();
        if self.probing.is_some() {
            self.spend_on_probe(now, bytes);
        }
    }

    /// A packet leaves that only the probe is for. Where the line's limit is known it queues there: what comes next waits
    /// here for as long, so that the sound does not wait behind both.
    pub fn spend_padding(&mut self, now: Time, bytes: usize) {
        self.silence.sent(now);
        self.counters.probe_bytes += bytes as u64;
        if self.limit_seen {
            self.bucket.spend(now, bytes);
        }
        self.spend_on_probe(now, bytes);
    }

    fn spend_on_probe(&mut self, now: Time, bytes: usize) {
        if self.probing.as_mut().is_some_and(|probing| probing.spend(now, bytes)) {
            self.probing = None;
        }
        self.update_room();
    }

    /// Sends a probe: until it is through, packets leave at its rate. One at a time.
    pub fn start_probe(&mut self, now: Time, probe: &Probe) {
        self.probing = Some(Probing::new(now, probe));
        self.update_room();
    }

    /// Bytes that the probe still takes; none while there is no probe.
    pub fn probe_bytes_left(&self) -> Option<usize> {
        self.probing.as_ref().map(Probing::bytes_left)
    }

    /// There is nothing to send the probe with.
    pub fn end_probe(&mut self) {
        self.probing = None;
        self.update_room();
    }

    fn update_room(&mut self) {
        self.room_at = self.probing.as_ref().map_or(self.bucket.room_at(), Probing::room_at);
    }

    /// Memory for a packet that is to wait; none at the bound. To be [put in line](Self::hold) or given back.
    pub fn reserve(&mut self, pool: &mut BlockPool) -> Option<u32> {
        self.slots.take(pool)
    }

    /// The bytes of a packet that waits, or is to.
    pub fn bytes_of(&self, slot: u32) -> &[u8] {
        self.slots.get(slot)
    }

    /// The same, to be written.
    pub fn bytes_of_mut(&mut self, slot: u32) -> &mut [u8] {
        self.slots.get_mut(slot)
    }

    /// Gives a slot back.
    pub fn give_back(&mut self, slot: u32, pool: &mut BlockPool) {
        self.slots.give(slot);
        self.slots.release(pool);
    }

    /// Puts a packet of `consumer` in line. `progress` is where that stood before it was composed.
    pub fn hold(&mut self, consumer: usize, priority: u8, progress: Progress, waiting: Waiting) {
        self.lanes.push(consumer, priority, progress, waiting);
    }

    /// The packet of video that is to leave now, and whose it is. Its slot is to be given back.
    pub fn next_waiting(&mut self, now: Time) -> Option<(usize, Waiting)> {
        let (consumer, waiting) = self.lanes.pop(now)?;
        let wait = now.since(waiting.since);
        // It fades, so that what a keyframe had to wait is remembered while its packets may be asked for again.
        self.wait = wait.max(self.wait - self.wait / 64);
        Some((consumer, waiting))
    }

    /// How long packets had to wait lately at most.
    pub fn recent_wait(&self) -> Duration {
        self.wait
    }

    /// A packet was asked for again, and is to leave when there is room. False where too many are.
    pub fn hold_resend(&mut self, asked: AskedAgain) -> bool {
        self.resends.push(asked)
    }

    /// Whether a retransmission may leave now.
    pub fn may_resend(&self, now: Time) -> bool {
        self.room_at <= now && self.resend_bucket.room_at() <= now
    }

    /// The packet that is to be sent again now.
    pub fn next_resend(&mut self, now: Time) -> Option<AskedAgain> {
        (self.resend_bucket.room_at() <= now).then(|| self.resends.pop())?
    }

    /// A packet was sent again: where the line loses by chance, a copy follows.
    pub fn copy_resend(&mut self, now: Time, asked: AskedAgain) {
        if let Some(after) = self.copied_after {
            self.resends.copy(now + after, asked);
        }
    }

    /// The packet of which a copy is to be sent now.
    pub fn next_copy(&mut self, now: Time) -> Option<AskedAgain> {
        (self.resend_bucket.room_at() <= now).then(|| self.resends.pop_copy(now))?
    }

    /// A retransmission of so many bytes leaves.
    pub fn spend_resend(&mut self, now: Time, bytes: usize) {
        self.counters.retransmissions += 1;
        self.resend_bucket.spend(now, bytes);
    }

    /// How many packets wait.
    pub fn packets(&self) -> usize {
        self.lanes.packets() + self.resends.len()
    }

    /// How long the video that waits takes to leave.
    pub fn drain_time(&self) -> Duration {
        self.bucket.time_for(self.lanes.bytes())
    }

    /// Whether a keyframe of `consumer` waits, or the rest of one.
    pub fn holds_keyframe(&self, consumer: usize) -> bool {
        self.lanes.holds_keyframe(consumer)
    }

    /// Whether frames that wait of a consumer are to make way for its next keyframe.
    pub fn is_worth_replacing(&self) -> bool {
        self.lanes.packets() > 0 && self.drain_time() >= WORTH_REPLACING
    }

    /// Takes back what waits of `consumer`; the rest of a frame that has begun to leave stays where `keep_begun`.
    pub fn withdraw(&mut self, consumer: usize, keep_begun: bool, pool: &mut BlockPool) -> Option<Withdrawn> {
        let Pacer { lanes, slots, counters, .. } = self;
        let withdrawn = lanes.withdraw(consumer, keep_begun, |slot| slots.give(slot));
        counters.dropped += withdrawn.map_or(0, |withdrawn| withdrawn.packets);
        slots.release(pool);
        withdrawn
    }

    /// The consumer whose frames are to be dropped to make room.
    pub fn victim(&self) -> Option<usize> {
        self.lanes.victim()
    }

    /// Whether frames have waited too long, so that some are to be dropped until [`is_relieved`](Self::is_relieved).
    pub fn is_overdue(&self, now: Time) -> bool {
        self.lanes.is_overdue(now, &LIMITS)
    }

    /// Whether what waits leaves soon enough.
    pub fn is_relieved(&self, now: Time) -> bool {
        self.drain_time() <= DRAIN_GOAL && !self.is_overdue(now)
    }

    /// A consumer of which something is so old that all of it is to go.
    pub fn stale(&self, now: Time) -> Option<usize> {
        self.lanes.stale(now, &LIMITS)
    }

    /// A consumer that something waits of.
    pub fn any_waiting(&self) -> Option<usize> {
        self.lanes.any()
    }

    /// Frames of `consumer` were dropped: it goes on with a keyframe when there is room for one.
    pub fn starve(&mut self, consumer: usize) {
        if !self.is_hungry(consumer) {
            self.hungry.push(consumer);
        }
    }

    /// A keyframe of `consumer` is on its way: it need not ask for one.
    pub fn fed(&mut self, consumer: usize) {
        self.hungry.retain(|hungry| *hungry != consumer);
    }

    /// Whether frames of `consumer` were dropped, and it has not gone on since.
    pub fn is_hungry(&self, consumer: usize) -> bool {
        self.hungry.contains(&consumer)
    }

    /// A consumer that may go on now.
    pub fn next_fed(&mut self) -> Option<usize> {
        if self.drain_time() > RESUME {
            return None;
        }
        self.hungry.pop()
    }

    /// Nothing is to be sent again any more.
    pub fn forget_resends(&mut self) {
        self.counters.retransmissions_dropped += self.resends.len() as u64;
        self.resends.clear();
    }

    /// A consumer ended, and nothing waits of it any more.
    pub fn forget(&mut self, consumer: usize) {
        self.resends.forget(consumer);
        self.hungry.retain(|hungry| *hungry != consumer);
    }

    /// Gives up a probe that takes too long, and a guess that nobody confirms.
    pub fn tidy(&mut self, now: Time) {
        if self.paces && self.guesses && self.silence.is_mute(now) {
            self.bucket.lift();
            self.resend_bucket.lift();
            self.paces = false;
            self.end_probe();
        }
        if self.probing.as_ref().is_some_and(|probing| probing.is_over(now)) {
            self.end_probe();
        }
    }

    /// When something is to leave; [`Time::MAX`] while nothing waits.
    pub fn poll_timeout(&self) -> Time {
        let sign = match (self.paces, self.guesses) {
            (true, true) => self.silence.mute_at(),
            (true, false) => self.silence.poll_timeout(),
            (false, _) => Time::MAX,
        };
        let leave = if self.lanes.packets() > 0 || self.probing.is_some() {
            self.room_at
        } else if !self.resends.is_empty() {
            self.room_at.max(self.resend_bucket.room_at())
        } else {
            Time::MAX
        };
        let copy = match self.resends.copy_due() {
            Time::MAX => Time::MAX,
            due => due.max(self.room_at).max(self.resend_bucket.room_at()),
        };
        leave.min(copy).min(sign)
    }
}

#[cfg(test)]
mod tests;
