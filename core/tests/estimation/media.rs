//! A call that obeys its estimate: sound every 20 ms, video in frames through a pacer, and a receiver that tells what
//! arrived by the core's own feedback.

use std::collections::VecDeque;
use std::time::Duration;

use _core::bitrate::Bitrate;
use _core::estimator::{Estimator, EstimatorConfig, Probe, SentPacket};
use _core::feedback::{CongestionFeedbackBuilder, TransportFeedbackBuilder};
use _core::pacer::pacing_rate;
use _core::packet::rtcp::{self, RtcpWriter};
use _core::time::Time;

use crate::encoder::Encoder;
use crate::network::{Content, Kind, MS, Nanos, Packet, SECOND};
use crate::random::Random;
use crate::sums::{Reporter, sender_report};

const MTU: usize = 1_100;
const FRAME: Nanos = 33_333_333;
const AUDIO_FRAME: Nanos = 20 * MS;
/// The pacer sends so much faster than the estimate.
const PACING: f64 = 1.5;
/// What the core lets leave at once after a silence.
const BURST: Nanos = 10 * MS;
/// What is older is not sent any more.
const STALE: Nanos = 400 * MS;

/// SSRC of sound, and of all else.
const SOUND: u32 = 10;
const PICTURES: u32 = 11;

/// What the receiver tells of what arrived.
enum Told {
    /// Transport-wide feedback.
    TransportWide(TransportFeedbackBuilder),
    /// RFC 8888.
    BySource(CongestionFeedbackBuilder),
    /// Nothing of single packets.
    Sums(Box<Reporter>),
}

/// What a flow sends.
#[derive(Clone, Debug)]
pub struct Media {
    pub audio_kbps: u64,
    pub min_kbps: u64,
    pub max_kbps: u64,
    /// Rates of layers of which the best that fits is sent, instead of a continuous rate.
    pub layers: Vec<u64>,
    /// How much sizes of frames vary: their standard deviation, as a share.
    pub variation: f64,
    /// Nothing is sent at all.
    pub paused: bool,
    /// Pictures come from somebody else's encoder, who is told of a ceiling, and leave by the core's pace.
    pub is_told: bool,
}

impl Media {
    /// As RFC 8867 has it.
    pub fn new(max_kbps: u64) -> Self {
        Media {
            audio_kbps: 20,
            min_kbps: 60,
            max_kbps,
            layers: Vec::new(),
            variation: 0.1,
            paused: false,
            is_told: false,
        }
    }
}

impl Media {
    /// As a browser sends it: frames of very different sizes, and sound that is as good as music.
    pub fn lively(max_kbps: u64) -> Self {
        Media { audio_kbps: 32, variation: 0.3, ..Media::new(max_kbps) }
    }

    /// As a bridge forwards it to a browser: one encoding, whose publisher is asked for what the line carries.
    pub fn forwarded(max_kbps: u64) -> Self {
        Media { audio_kbps: 34, is_told: true, ..Media::new(max_kbps) }
    }

    /// As a bridge sends it: the best of these rates in kbit/s that fits.
    pub fn layers(kbps: &[u64]) -> Self {
        Media { layers: kbps.to_vec(), ..Media::new(0) }
    }
}

pub struct MediaFlow {
    pub media: Media,
    pub estimator: Estimator,
    told: Told,
    pub route: Vec<usize>,
    pub back: Vec<usize>,
    random: Random,
    encoder: Encoder,
    sequence_number: u16,
    /// The same within each source.
    own_numbers: [u16; 2],
    next_audio: Nanos,
    next_frame: Nanos,
    next_target: Nanos,
    next_report: Nanos,
    /// When the last picture was taken.
    last_frame: Nanos,
    /// Bit/s of video.
    target: f64,
    /// For layers: since when a better one would fit.
    fits_since: Option<Nanos>,
    pacer: VecDeque<(Nanos, usize)>,
    budget: f64,
    /// From when on there is room where the core paces, and where it sends a probe.
    room_at: Nanos,
    probe_room_at: Nanos,
    probe: Option<(Probe, usize, usize)>,
    /// When packets of video left and arrived.
    pub video_arrivals: Vec<(Nanos, Nanos)>,
}

impl MediaFlow {
    pub fn new(media: Media, route: &[usize], back: &[usize], seed: u64) -> Self {
        let mut random = Random::new(seed);
        let phase = (random.uniform() * FRAME as f64) as Nanos;
        MediaFlow {
            media,
            estimator: Estimator::new(EstimatorConfig::default()),
            told: Told::TransportWide(TransportFeedbackBuilder::default()),
            route: route.iter().rev().copied().collect(),
            back: back.iter().rev().copied().collect(),
            random,
            encoder: Encoder::new(),
            sequence_number: 65_000,
            own_numbers: [65_300, 30_000],
            next_audio: phase,
            next_frame: phase,
            next_target: 0,
            next_report: SECOND / 2,
            last_frame: 0,
            target: 0.0,
            fits_since: None,
            pacer: VecDeque::new(),
            budget: 0.0,
            room_at: 0,
            probe_room_at: 0,
            probe: None,
            video_arrivals: Vec::new(),
        }
    }

    /// The receiver knows no transport-wide numbers, and tells by source.
    pub fn tell_by_source(&mut self) {
        self.told = Told::BySource(CongestionFeedbackBuilder::default());
    }

    /// The receiver tells nothing of single packets: it sends reports, and its own estimate (REMB) if it `tells_estimate`.
    pub fn tell_sums(&mut self, tells_estimate: bool) {
        let seed = self.random.next();
        self.told = Told::Sums(Box::new(Reporter::new([SOUND, PICTURES], tells_estimate, seed)));
    }

    /// In bit/s.
    pub fn estimate(&self) -> f64 {
        self.estimator.estimate().bitrate.as_bps() as f64
    }

    /// The same without a moment in which a queue drains.
    fn lasting(&self) -> f64 {
        self.estimator.estimate().lasting.as_bps() as f64
    }

    /// One millisecond of the sender, and of the receiver's timer.
    pub fn step(&mut self, now: Nanos, flow: usize, out: &mut Vec<Packet>) {
        let time = Time::from_nanos(now);
        if self.estimator.poll_timeout() <= time {
            self.estimator.handle_timeout(time);
            if self.probe.is_none()
                && let Some(probe) = self.estimator.poll_probe(time)
            {
                self.probe = Some((probe, 0, 0));
                self.probe_room_at = now;
            }
        }
        if now >= self.next_target {
            self.choose_target(now);
            self.next_target = now + 100 * MS;
        }
        if self.media.paused {
            (self.next_audio, self.next_frame) = (self.next_audio.max(now), self.next_frame.max(now));
        } else {
            self.produce(now, flow, out);
        }
        self.pace(now, flow, out);
        self.report(now, flow, out);
        self.tell(now, flow, out);
    }

    fn choose_target(&mut self, now: Nanos) {
        // Layers are decided on for seconds; an encoder that sends just what it may follows at once.
        let estimate = if self.media.layers.is_empty() { self.estimate() } else { self.lasting() };
        let audio = (self.media.audio_kbps * 1_000) as f64;
        // Room for the headers of sound.
        let free = estimate - audio * 1.5;
        if self.media.is_told {
            self.encoder.tell(now, self.lasting(), (self.media.max_kbps * 1_000) as f64);
            self.target = self.encoder.rate();
        } else if self.media.layers.is_empty() {
            self.target = free.clamp((self.media.min_kbps * 1_000) as f64, (self.media.max_kbps * 1_000) as f64);
            // Sound alone where not even the least fits.
            if free < (self.media.min_kbps * 500) as f64 {
                self.target = 0.0;
            }
        } else {
            let best = self.media.layers.iter().map(|kbps| (kbps * 1_000) as f64).rfind(|rate| *rate <= free);
            let best = best.unwrap_or(0.0);
            if best <= self.target || now - *self.fits_since.get_or_insert(now) >= 500 * MS {
                (self.target, self.fits_since) = (best, None);
            }
        }
        let most = self.media.layers.last().unwrap_or(&self.media.max_kbps) * 1_000;
        let (allocated, desired) = if self.media.paused {
            (0, 0)
        } else {
            ((self.target + audio) as u64, most + self.media.audio_kbps * 1_500)
        };
        self.estimator.set_demand(Time::from_nanos(now), Bitrate::bps(allocated), Bitrate::bps(desired));
    }

    fn produce(&mut self, now: Nanos, flow: usize, out: &mut Vec<Packet>) {
        if now >= self.next_audio {
            self.next_audio += AUDIO_FRAME;
            // A header with extensions and the tag of SRTP.
            let size = (self.media.audio_kbps * 1_000 / 50 / 8) as usize + 36;
            // It does not wait for the probe under way, and is part of it.
            let probe = if matches!(self.told, Told::Sums(_)) { None } else { self.spend_on_probe(size) };
            self.budget -= probe.map_or(0.0, |_| size as f64);
            self.take_room(now, size, Kind::Audio);
            self.send(now, flow, size, (Kind::Audio, now), probe, out);
        }
        if now >= self.next_frame {
            (self.next_frame, self.last_frame) = (self.next_frame + FRAME, now);
            let size = if self.media.is_told {
                self.encoder.frame(now, FRAME, &mut self.random)
            } else {
                let vary = (1.0 + self.media.variation * self.random.normal()).clamp(0.5, 2.0);
                self.target / 8.0 * FRAME as f64 / 1e9 * vary
            };
            let size = size as usize;
            if size > 50 {
                let packets = size.div_ceil(MTU);
                for _ in 0..packets {
                    self.pacer.push_back((now, size / packets));
                }
            }
        }
    }

    fn pace(&mut self, now: Nanos, flow: usize, out: &mut Vec<Packet>) {
        if self.pacer.front().is_some_and(|(at, _)| now - at > STALE) {
            self.pacer.clear();
        }
        if self.media.is_told {
            return self.pace_as_the_core(now, flow, out);
        }
        let rate = self.probe.as_ref().map_or(self.estimate() * PACING, |(probe, _, _)| probe.bitrate.as_bps() as f64);
        self.budget = (self.budget + rate / 8_000.0).min(rate / 8_000.0 * 5.0);
        while self.budget > 0.0 {
            let next = self.pacer.pop_front();
            let (size, kind) = match (next, &self.probe) {
                (Some((at, size)), _) => (size, (Kind::Video, at)),
                (None, Some((probe, _, _))) => {
                    ((probe.bytes / probe.packets).clamp(100, MTU), (Kind::Padding, self.last_frame))
                }
                (None, None) => break,
            };
            let id = self.spend_on_probe(size);
            self.budget -= size as f64;
            self.send(now, flow, size, kind, id, out);
        }
    }

    /// `core/src/pacer/`: what has room leaves at once, and a probe at its own rate.
    fn pace_as_the_core(&mut self, now: Nanos, flow: usize, out: &mut Vec<Packet>) {
        while (if self.probe.is_some() { self.probe_room_at } else { self.room_at }) <= now {
            let (size, kind) = match (self.pacer.pop_front(), &self.probe) {
                (Some((at, size)), _) => (size, (Kind::Video, at)),
                (None, Some((probe, _, _))) => {
                    ((probe.bytes / probe.packets).clamp(100, MTU), (Kind::Padding, self.last_frame))
                }
                (None, None) => break,
            };
            self.take_room(now, size, kind.0);
            let id = self.spend_on_probe(size);
            self.send(now, flow, size, kind, id, out);
        }
    }

    fn take_room(&mut self, now: Nanos, size: usize, kind: Kind) {
        let takes = |rate: Bitrate| rate.time_for(size as u64).as_nanos() as Nanos;
        let room = |at: Nanos, burst: Nanos, takes: Nanos| at.max(now.saturating_sub(burst)) + takes;
        let estimate = self.estimator.estimate();
        if kind != Kind::Padding || estimate.limit.is_some() {
            self.room_at = room(self.room_at, BURST, takes(pacing_rate(&estimate)));
        }
        if let Some((probe, _, _)) = &self.probe {
            self.probe_room_at = room(self.probe_room_at, BURST / 2, takes(probe.bitrate));
        }
    }

    /// A packet of so many bytes leaves: the probe that it is part of.
    fn spend_on_probe(&mut self, size: usize) -> Option<u32> {
        let (probe, bytes, packets) = self.probe.as_mut()?;
        (*bytes, *packets) = (*bytes + size, *packets + 1);
        let id = probe.id;
        if *bytes >= probe.bytes && *packets >= probe.packets {
            self.probe = None;
        }
        Some(id)
    }

    /// Reports of the sender: once a second, and behind a train of packets that only they tell of.
    fn report(&mut self, now: Nanos, flow: usize, out: &mut Vec<Packet>) {
        if !matches!(self.told, Told::Sums(_)) {
            return;
        }
        let time = Time::from_nanos(now);
        let sent: &[u32] = if self.estimator.wants_report() {
            self.estimator.report_left(time, !self.media.paused);
            &[PICTURES]
        } else if now >= self.next_report && !self.estimator.awaits_answer(time) {
            self.next_report = now + SECOND;
            &[SOUND, PICTURES]
        } else {
            return;
        };
        let compound = sender_report(time, sent);
        let size = compound.len() + 14;
        out.push(Packet { flow, size, content: Content::Report(compound), route: self.route.clone(), waited: 0 });
    }

    /// A report reaches the receiver.
    pub fn reported(&mut self, at: Nanos, compound: &[u8]) {
        if let Told::Sums(reporter) = &mut self.told {
            reporter.reported(theirs(at), compound);
        }
    }

    fn send(
        &mut self,
        now: Nanos,
        flow: usize,
        size: usize,
        (kind, captured): (Kind, Nanos),
        probe: Option<u32>,
        out: &mut Vec<Packet>,
    ) {
        let sequence_number = self.sequence_number;
        self.sequence_number = sequence_number.wrapping_add(1);
        self.estimator.sent(Time::from_nanos(now), SentPacket { sequence_number, size, probe });
        let (ssrc, index) = if kind == Kind::Audio { (SOUND, 0) } else { (PICTURES, 1) };
        let own = self.own_numbers[index];
        self.own_numbers[index] = own.wrapping_add(1);
        if matches!(self.told, Told::BySource(_)) {
            self.estimator.sent_in_source(ssrc, own);
        }
        let content = Content::Media { sequence_number, source: (ssrc, own), captured, kind, sent: now };
        out.push(Packet { flow, size, content, route: self.route.clone(), waited: 0 });
    }

    /// A packet reaches the receiver. Its clock is another one.
    pub fn receive(&mut self, at: Nanos, sequence_number: u16, (ssrc, own): (u32, u16), captured: Nanos, size: usize) {
        let time = theirs(at);
        match &mut self.told {
            Told::TransportWide(feedback) => feedback.received(time, sequence_number),
            Told::BySource(feedback) => feedback.received(time, ssrc, own),
            Told::Sums(reporter) => {
                reporter.received(time, (usize::from(ssrc == PICTURES), own), captured, size);
            }
        }
    }

    fn tell(&mut self, now: Nanos, flow: usize, out: &mut Vec<Packet>) {
        let time = theirs(now);
        let mut buffer = [0; 1_200];
        loop {
            let mut writer = RtcpWriter::new(&mut buffer);
            let written = match &mut self.told {
                Told::TransportWide(feedback) => feedback.poll(time, 1, 2, &mut writer),
                Told::BySource(feedback) => feedback.poll(time, ntp_middle(time), 1, &mut writer),
                Told::Sums(reporter) => {
                    if let Some(compound) = reporter.tell(now, time) {
                        let (size, content) = (compound.len() + 14, Content::Feedback(compound));
                        out.push(Packet { flow, size, content, route: self.back.clone(), waited: 0 });
                    }
                    false
                }
            };
            if !written {
                return;
            }
            let len = writer.len();
            let content = Content::Feedback(buffer[..len].to_vec());
            // SRTCP adds its index and tag.
            out.push(Packet { flow, size: len + 14, content, route: self.back.clone(), waited: 0 });
        }
    }

    /// Feedback reaches the sender.
    pub fn hear(&mut self, at: Nanos, compound: &[u8]) {
        for packet in rtcp::packets(compound) {
            match packet {
                Ok(rtcp::Packet::TransportFeedback(feedback)) => {
                    self.estimator.on_transport_feedback(Time::from_nanos(at), &feedback);
                }
                Ok(rtcp::Packet::CongestionFeedback(feedback)) => {
                    self.estimator.on_congestion_feedback(Time::from_nanos(at), &feedback);
                }
                Ok(rtcp::Packet::Remb(remb)) => {
                    self.estimator.on_remb(Time::from_nanos(at), Bitrate::bps(remb.bitrate));
                }
                Ok(rtcp::Packet::ReceiverReport(report)) => {
                    let Told::Sums(reporter) = &mut self.told else { panic!("it reports nothing") };
                    for block in report.reports() {
                        let progress = reporter.progress(Time::from_nanos(at), &block);
                        self.estimator.on_receiver_report(Time::from_nanos(at), &progress);
                    }
                    self.estimator.conclude_reports(Time::from_nanos(at));
                }
                packet => panic!("a receiver that tells {packet:?}"),
            }
        }
    }
}

/// By the receiver's clock.
fn theirs(at: Nanos) -> Time {
    Time::from_nanos(at) + Duration::from_secs(1_000)
}

/// In units of 1/65536 s.
fn ntp_middle(time: Time) -> u32 {
    (u128::from(time.as_nanos()) * 65_536 / 1_000_000_000) as u32
}
