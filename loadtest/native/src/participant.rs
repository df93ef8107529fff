//! A participant: its door, what it publishes, what it receives, and what is told of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use str0m::media::MediaKind;

use crate::connection::{Connection, Traffic};
use crate::door::websocket::{SessionKey, Signal};
use crate::plan::ParticipantPlan;
use crate::publisher::Publisher;
use crate::report::histogram::Histogram;
use crate::report::line::{self, Delay};
use crate::subscriber::Subscriber;

pub struct Participant {
    pub plan: ParticipantPlan,
    pub signal: Option<Box<Signal>>,
    /// Once the bridge has let it in by WebSocket.
    pub session: Option<SessionKey>,
    /// When and how its WebSocket was lost, until the session is taken up again.
    pub lost: Option<(Instant, String)>,
    pub publisher: Option<Publisher>,
    pub subscriber: Option<Subscriber>,
    /// Times since the run began.
    pub opened: Option<Duration>,
    pub joined: Option<Duration>,
    pub connected: Option<Duration>,
    pub has_failed: bool,
    /// How often the door had nobody to show yet.
    pub retries: u32,
    /// Encodings by source, where the bridge told before the source had a name.
    pub wanted: BTreeMap<String, Vec<(Option<String>, bool)>>,
}

/// Delays of several participants.
#[derive(Default)]
pub struct Delays {
    pub audio: Histogram,
    pub video: Histogram,
}

impl Participant {
    pub fn new(plan: ParticipantPlan) -> Self {
        Participant {
            plan,
            signal: None,
            session: None,
            lost: None,
            publisher: None,
            subscriber: None,
            opened: None,
            joined: None,
            connected: None,
            has_failed: false,
            retries: 0,
            wanted: BTreeMap::new(),
        }
    }

    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        let publish = self.publisher.iter().map(|publisher| &publisher.connection);
        publish.chain(self.subscriber.iter().map(|subscriber| &subscriber.connection))
    }

    /// The line of its report. `last` covers the whole run; others what came since the line before.
    pub fn report(&mut self, now: Duration, last: bool, totals: &mut Delays) -> line::Participant<'_> {
        let down = self.down(now, last, totals);
        let up = self.up();
        let since = |at: Option<Duration>| Some(at?.saturating_sub(self.opened?).as_secs_f64());
        let subscriber = self.subscriber.as_ref();
        line::Participant {
            name: &self.plan.name,
            room: &self.plan.room,
            at: now.as_secs_f64(),
            last,
            join_time: since(self.joined),
            connect_time: since(self.connected),
            first_picture: since(subscriber.and_then(|subscriber| subscriber.first_picture)),
            first_sound: since(subscriber.and_then(|subscriber| subscriber.first_sound)),
            up,
            down,
        }
    }

    fn up(&self) -> line::Up {
        let sent = self.connections().fold(Traffic::default(), |sum, connection| Traffic {
            packets: sum.packets + connection.sent.packets,
            bytes: sum.bytes + connection.sent.bytes,
        });
        let Some(publisher) = &self.publisher else {
            return line::Up { packets: sent.packets, bytes: sent.bytes, ..Default::default() };
        };
        let tracks = || publisher.audio.iter().chain(&publisher.video);
        line::Up {
            packets: sent.packets,
            bytes: sent.bytes,
            media_packets: tracks().map(|track| track.packets).sum(),
            frames: publisher.video.iter().map(|track| track.frames).sum(),
            estimate: publisher.estimate,
            target: publisher.target(),
            keyframe_requests: publisher.keyframe_requests,
            encodings: publisher.video.iter().filter(|track| track.is_sending()).count(),
        }
    }

    fn down(&mut self, now: Duration, last: bool, totals: &mut Delays) -> line::Down {
        let mut down = line::Down::default();
        for connection in self.connections() {
            down.packets += connection.received.packets;
            down.bytes += connection.received.bytes;
        }
        let Some(subscriber) = &mut self.subscriber else { return down };
        let (mut audio, mut video) = (Histogram::default(), Histogram::default());
        for (_, stream) in subscriber.streams.values_mut() {
            match stream.kind {
                MediaKind::Audio => down.sounds += 1,
                MediaKind::Video => down.pictures += 1,
            }
            down.received += stream.received;
            down.expected += stream.expected();
            let standing = stream.frames.standing(now);
            down.frames += stream.frames.decoded;
            down.freezes += stream.frames.freezes + u64::from(!standing.is_zero());
            down.frozen += (stream.frames.frozen + standing).as_secs_f64();
            let longest = stream.frames.longest_freeze.max(standing).as_secs_f64();
            down.longest_freeze = down.longest_freeze.max(longest);
            down.audio_gaps += stream.gaps;
            down.longest_audio_gap = down.longest_audio_gap.max(stream.longest_gap.as_secs_f64());
            let (own, total) = match stream.kind {
                MediaKind::Audio => (&mut audio, &mut totals.audio),
                MediaKind::Video => (&mut video, &mut totals.video),
            };
            total.merge(&stream.delays);
            stream.all_delays.merge(&stream.delays);
            own.merge(if last { &stream.all_delays } else { &stream.delays });
            stream.delays.clear();
        }
        down.audio_delay = Delay::from(&audio);
        down.video_delay = Delay::from(&video);
        down
    }

    /// Whether all media paths that there are to be stand.
    pub fn is_connected(&self) -> bool {
        let publishes = self.publisher.as_ref().is_none_or(|publisher| publisher.connection.is_connected);
        let receives = self.subscriber.as_ref().is_none_or(|subscriber| subscriber.connection.is_connected);
        (self.publisher.is_some() || self.subscriber.is_some()) && publishes && receives && !self.has_failed
    }

    /// Forgets what keeps it going.
    pub fn fail(&mut self) {
        self.has_failed = true;
        self.signal = None;
        if let Some(publisher) = &mut self.publisher {
            publisher.stop();
        }
    }

    /// Closes its media paths with a word (DTLS close_notify).
    pub fn hang_up(&mut self, now: Instant, began: Instant) {
        if let Some(publisher) = &mut self.publisher {
            // Whatever goes wrong now, it is over.
            let _ = publisher.connection.rtc.close();
            let _ = publisher.poll(now);
        }
        if let Some(subscriber) = &mut self.subscriber {
            let _ = subscriber.connection.rtc.close();
            let _ = subscriber.poll(now, began, None);
        }
    }
}
