//! What leaves a transport as time goes by: what its pacer held back, retransmissions, probes.

use std::time::Duration;

use super::Engine;
use super::consumers::ConsumerEntry;
use super::outbox::Outbox;
use crate::consumer::{Consumer, Resend};
use crate::media_packet::MediaPacket;
use crate::pacer::AskedAgain;
use crate::time::Time;
use crate::transport::{Held, Purpose, Transport};

/// What is asked for again this long after it came to us, and a round trip, would come too late to be shown …
const RESEND_AGE: Duration = Duration::from_millis(500);
/// … with this round trip where none was measured.
const DEFAULT_ROUND_TRIP: Duration = Duration::from_millis(100);
/// A consumer that found no memory for its keyframe tries again after this.
const NO_MEMORY_PAUSE: Duration = Duration::from_millis(20);
/// A probe is sent with recent media while it takes at least this much, in bytes: the rest with padding of its length.
const MIN_SPARE: usize = 300;
/// A packet that only finds out whether the line is out, in bytes.
const SIGN_OF_LIFE: usize = 60;

impl Engine {
    /// Does what is due for what a transport sends.
    pub(super) fn depart(&mut self, now: Time, key: usize) {
        let Some(transport) = self.transports.get_mut(key) else { return };
        if transport.estimator_timeout() <= now
            && let Some(estimator) = &mut transport.estimator
        {
            estimator.handle_timeout(now);
            if transport.pacer.probe_id().is_none()
                && let Some(probe) = estimator.poll_probe(now)
            {
                transport.pacer.start_probe(now, &probe);
            }
        }
        self.work_for(key);
        self.estimate_moved(now, key);
        self.drop_late(now, key);
        self.release(now, key);
        if self.transports[key].estimator.as_ref().is_some_and(|estimator| estimator.wants_report()) {
            self.report_behind_train(now, key);
        }
        self.feed(now, key);
        self.schedule_departures(now, key);
    }

    /// Comes back when something is to leave.
    pub(super) fn schedule_departures(&mut self, now: Time, key: usize) {
        let transport = &self.transports[key];
        let due = transport.pacer.poll_timeout().min(transport.estimator_timeout());
        // In the future, so that what cannot be done now is not tried again before the next tick.
        self.send_timers.no_later_than(key, due.max(now + Duration::from_nanos(1)));
    }

    /// Has a packet wait for its turn.
    #[cold]
    pub(super) fn hold(&mut self, now: Time, receiver: usize, media: &MediaPacket<'_>) {
        let key = self.consumers[receiver].transport;
        let mut held = self.try_hold(now, receiver, media);
        if held == Held::NoRoom {
            let victim = self.transports[key].pacer.victim().unwrap_or(receiver);
            self.withdraw(key, victim, true);
            held = self.try_hold(now, receiver, media);
        }
        match held {
            Held::Waits => {
                let deadline = self.consumers[receiver].consumer.poll_timeout();
                self.timers.no_later_than(key, deadline);
                self.schedule_departures(now, key);
            }
            Held::Left(bytes) => {
                self.out.sent(Some(bytes));
            }
            Held::NoRoom => self.withdraw(key, receiver, true),
            Held::LineIsOut => {
                self.starve(key, receiver);
                self.schedule_departures(now, key);
            }
            Held::Nothing => {}
        }
    }

    fn try_hold(&mut self, now: Time, receiver: usize, media: &MediaPacket<'_>) -> Held {
        let Engine { transports, consumers, pool, out, .. } = self;
        let ConsumerEntry { transport, ref mut consumer, .. } = consumers[receiver];
        transports[transport].hold_media(now, &mut out.transmits, pool, (receiver, consumer), media)
    }

    /// A receiver asks for a packet again.
    pub(super) fn asked_again(&mut self, now: Time, key: usize, asked: AskedAgain) {
        self.consumers[asked.consumer].consumer.nack_arrived();
        self.renew_after_blackout(now, key, asked);
        let pacer = &mut self.transports[key].pacer;
        if pacer.may_resend(now) {
            self.resend(now, key, asked);
            self.schedule_departures(now, key);
        } else if pacer.hold_resend(asked) {
            self.schedule_departures(now, key);
        } else {
            pacer.counters.retransmissions_dropped += 1;
        }
    }

    /// Sends a packet again to a receiver that lacks it, if it is still held and can still help.
    fn resend(&mut self, now: Time, key: usize, asked: AskedAgain) {
        let Engine { transports, consumers, producers, out, .. } = self;
        let Some(ConsumerEntry { producer, consumer, .. }) = consumers.get_mut(asked.consumer) else { return };
        let transport = &mut transports[key];
        let Some(resend) = consumer.on_nack(now, asked.sequence_number, &producers[*producer].producer) else { return };
        if now.since(resend.arrival()) > resend_age(consumer) + transport.pacer.recent_wait() {
            transport.pacer.counters.retransmissions_dropped += 1;
            return;
        }
        if answer(now, transport, out, consumer, &resend) {
            transport.pacer.copy_resend(now, asked);
        }
    }

    /// Sends once more what was sent again: of a line that loses a tenth, one in ten of those is lost as well, and the
    /// receiver's picture stands still until it has asked a second time.
    fn send_copy(&mut self, now: Time, key: usize, asked: AskedAgain) {
        let Engine { transports, consumers, producers, out, .. } = self;
        let Some(ConsumerEntry { producer, consumer, .. }) = consumers.get_mut(asked.consumer) else { return };
        let Some(resend) = consumer.copy_of(now, asked.sequence_number, &producers[*producer].producer) else { return };
        answer(now, &mut transports[key], out, consumer, &resend);
    }

    /// Has a receiver go on with a keyframe that asks for the first time for what is too old to be sent again: nothing has
    /// arrived since, and without one it would stand still until it asks by itself, some browsers for two seconds.
    fn renew_after_blackout(&mut self, now: Time, key: usize, asked: AskedAgain) {
        let ConsumerEntry { producer, ref consumer, .. } = self.consumers[asked.consumer];
        let pacer = &self.transports[key].pacer;
        let too_old = resend_age(consumer) + pacer.recent_wait();
        if consumer.missed_for(now, asked.sequence_number, &self.producers[producer].producer) > too_old
            && consumer.takes_keyframe(now)
            && !pacer.holds_keyframe(asked.consumer)
        {
            let encoding = consumer.wanted_encoding();
            self.want_keyframe_of(now, producer, encoding);
        }
    }

    /// Takes back what has waited for too long.
    fn drop_late(&mut self, now: Time, key: usize) {
        let pacer = &mut self.transports[key].pacer;
        pacer.tidy(now);
        if pacer.is_out(now) {
            pacer.forget_resends();
            pacer.end_probe();
            while let Some(consumer) = self.transports[key].pacer.any_waiting() {
                self.withdraw(key, consumer, false);
            }
            return;
        }
        while let Some(consumer) = self.transports[key].pacer.stale(now) {
            self.withdraw(key, consumer, false);
        }
        if self.transports[key].pacer.is_overdue(now) {
            while !self.transports[key].pacer.is_relieved(now)
                && let Some(consumer) = self.transports[key].pacer.victim()
            {
                self.withdraw(key, consumer, true);
            }
        }
    }

    /// Lets leave what there is room for.
    fn release(&mut self, now: Time, key: usize) {
        while self.transports[key].pacer.has_room(now) {
            let Engine { transports, consumers, pool, out, .. } = self;
            let transport = &mut transports[key];
            if let Some(asked) = transport.pacer.next_resend(now) {
                self.resend(now, key, asked);
            } else if let Some(asked) = transport.pacer.next_copy(now) {
                self.send_copy(now, key, asked);
            } else if let Some((consumer, waiting)) = transport.pacer.next_waiting(now) {
                let consumer = &mut consumers[consumer].consumer;
                let sent = transport.send_waiting(now, &mut out.transmits, consumer, &waiting);
                out.sent(sent);
                if waiting.keyframe {
                    consumer.keyframe_left(now);
                }
                transport.pacer.give_back(waiting.slot, pool);
            } else if let Some(bytes) = transport.pacer.probe_bytes_left() {
                if !self.send_probe_packet(now, key, bytes) {
                    self.abandon_probe(now, key);
                }
            } else {
                break;
            }
        }
        if self.transports[key].pacer.wants_sign_of_life(now) {
            self.send_padding(now, key, SIGN_OF_LIFE);
        }
    }

    /// Sends a packet for which only the probe is a reason: a recent one once more, which costs its receiver nothing
    /// new to understand; or padding. False where there is no stream that takes it.
    fn send_probe_packet(&mut self, now: Time, key: usize, bytes: usize) -> bool {
        let Engine { transports, consumers, producers, out, .. } = self;
        let transport = &mut transports[key];
        let takes_padding = |(_, consumer): &(u32, usize)| consumers[*consumer].consumer.takes_padding();
        let is_padded = transport.consumers.iter().any(takes_padding);
        // Where there is no stream of retransmissions they leave as they were, under their old numbers: of use only to
        // a peer that tells nothing of numbers.
        let takes_spare = if is_padded { bytes >= MIN_SPARE } else { !transport.is_told() };
        if takes_spare {
            for index in 0..transport.consumers.len() {
                let (_, consumer) = transport.consumers[index];
                let ConsumerEntry { producer, ref mut consumer, .. } = consumers[consumer];
                if consumer.takes_padding() != is_padded {
                    continue;
                }
                let Some(resend) = consumer.spare_packet(now, &producers[producer].producer) else { continue };
                let sent = transport.send_again(now, &mut out.transmits, Purpose::Probe, consumer, &resend);
                if out.sent(sent) {
                    return true;
                }
            }
        }
        self.send_padding(now, key, bytes)
    }

    /// Gives up a probe that there is nothing to send with: consumers may come.
    fn abandon_probe(&mut self, now: Time, key: usize) {
        let transport = &mut self.transports[key];
        if let (Some(id), Some(estimator)) = (transport.pacer.probe_id(), &mut transport.estimator) {
            estimator.probe_not_sent(now, id);
        }
        transport.pacer.end_probe();
    }

    /// Sends a packet of padding in the first stream that takes it, also where that is paused.
    fn send_padding(&mut self, now: Time, key: usize, bytes: usize) -> bool {
        let Engine { transports, consumers, out, .. } = self;
        let transport = &mut transports[key];
        let taker = transport.consumers.iter().map(|(_, consumer)| *consumer);
        let Some(taker) = taker.into_iter().find(|consumer| consumers[*consumer].consumer.takes_padding()) else {
            return false;
        };
        let sent = transport.send_padding(now, &mut out.transmits, &mut consumers[taker].consumer, bytes);
        out.sent(sent)
    }

    /// Lets consumers go on whose frames were dropped, as there is room for their keyframes.
    pub(super) fn feed(&mut self, now: Time, key: usize) {
        if self.transports[key].pacer.is_out(now) {
            return;
        }
        while let Some(consumer) = self.transports[key].pacer.next_fed() {
            self.start_consumer(now, consumer);
            if self.transports[key].pacer.is_hungry(consumer) {
                // There is no memory for what has to wait. To go on now would be to try the same one for ever.
                self.send_timers.no_later_than(key, now + NO_MEMORY_PAUSE);
                break;
            }
        }
    }

    /// Takes back what waits of a consumer, which goes on with a keyframe when there is room.
    fn withdraw(&mut self, key: usize, receiver: usize, keep_begun: bool) {
        let Engine { transports, consumers, pool, .. } = self;
        if let Some(withdrawn) = transports[key].pacer.withdraw(receiver, keep_begun, pool) {
            consumers[receiver].consumer.withdraw(&withdrawn);
        }
        self.starve(key, receiver);
    }

    fn starve(&mut self, key: usize, receiver: usize) {
        let consumer = &mut self.consumers[receiver].consumer;
        consumer.stop();
        self.transports[key].pacer.starve(receiver);
    }

    /// Takes back what waits of a consumer that is to send nothing any more, or nothing for a while.
    pub(super) fn clear_waiting(&mut self, receiver: usize) {
        let Engine { transports, consumers, pool, .. } = self;
        let ConsumerEntry { transport, ref mut consumer, .. } = consumers[receiver];
        let pacer = &mut transports[transport].pacer;
        if let Some(withdrawn) = pacer.withdraw(receiver, false, pool) {
            consumer.withdraw(&withdrawn);
        }
        pacer.forget(receiver);
    }
}

/// Sends what was asked for again; returns whether it was put into the queue.
fn answer(
    now: Time,
    transport: &mut Transport,
    out: &mut Outbox,
    consumer: &mut Consumer,
    resend: &Resend<'_>,
) -> bool {
    let sent = transport.send_again(now, &mut out.transmits, Purpose::Media, consumer, resend);
    if let Some(bytes) = sent {
        transport.pacer.spend_resend(now, bytes);
        out.counters.retransmissions += 1;
    }
    out.sent(sent)
}

/// How old a packet may be that is sent again, beside what packets wait in the pacer.
fn resend_age(consumer: &Consumer) -> Duration {
    RESEND_AGE + consumer.round_trip_time().unwrap_or(DEFAULT_ROUND_TRIP)
}
