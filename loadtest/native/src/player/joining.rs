//! How participants get in and out: what is said at doors, and what follows from the answers.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::{Part, Player};
use crate::door::http::Answer;
use crate::door::porters::{ErrandKind, Outcome};
use crate::door::websocket::{End, FromBridge, SessionKey, Signal};
use crate::participant::Participant;
use crate::plan::DoorPlan;
use crate::publisher::Publisher;
use crate::subscriber::Subscriber;
use crate::timetable::What;

/// A viewer who finds nobody to watch asks again.
const MAX_RETRIES: u32 = 20;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// A door that cannot be reached by who lost their WebSocket is tried again.
const RESUME_AFTER: Duration = Duration::from_secs(1);
const NOTHING_TO_WATCH: u16 = 409;
const CREATED: u16 = 201;

impl Player {
    pub(super) fn open_door(&mut self, index: usize) {
        let participant = &mut self.participants[index];
        participant.opened = Some(self.began.elapsed());
        match participant.plan.door.clone() {
            DoorPlan::Websocket { .. } => self.open_websocket(index),
            DoorPlan::Http { publish_url: Some(url), token, .. } => {
                if let Some(offer) = self.make_publisher(index) {
                    self.porters.send(index, ErrandKind::Publish { url, token, offer });
                }
            }
            DoorPlan::Http { publish_url: None, .. } => self.view_if_room_publishes(index),
        }
    }

    pub(super) fn open_websocket(&mut self, index: usize) {
        if let DoorPlan::Websocket { url, .. } = &self.participants[index].plan.door {
            self.porters.send(index, ErrandKind::OpenWebsocket { url: url.clone() });
        }
    }

    pub(super) fn on_outcome(&mut self, index: usize, outcome: Outcome) {
        if self.participants[index].has_failed {
            return;
        }
        let result = match outcome {
            Outcome::Websocket(Ok(signal)) => self.join(index, signal),
            Outcome::Websocket(Err(message)) => self.resume_later(index, message),
            Outcome::Published(answer) => answer.and_then(|answer| self.on_published(index, answer)),
            Outcome::Viewed(answer) => answer.and_then(|answer| self.on_viewed(index, answer)),
            Outcome::Ended => Ok(()),
        };
        if let Err(message) = result {
            self.fail(index, &message);
        }
    }

    fn join(&mut self, index: usize, mut signal: Box<Signal>) -> Result<(), String> {
        let DoorPlan::Websocket { token, .. } = &self.participants[index].plan.door else { return Ok(()) };
        match &self.participants[index].session {
            Some(session) => signal.resume(session),
            None => signal.join(token),
        }
        self.register(signal.as_raw_fd(), index, Part::Signal)?;
        self.participants[index].signal = Some(signal);
        // What came before the socket was registered would not be told.
        self.receive_signal(index);
        Ok(())
    }

    pub(super) fn receive_signal(&mut self, index: usize) {
        loop {
            let Some(signal) = &mut self.participants[index].signal else { return };
            let result = match signal.receive() {
                Ok(None) => return,
                Ok(Some(message)) => self.on_message(index, message),
                Err(End::Over(message)) => Err(message),
                Err(End::Lost(message)) => {
                    // Media goes on meanwhile; the socket is closed, and with that no longer waited for.
                    self.participants[index].signal = None;
                    self.resume_later(index, message)
                }
            };
            if let Err(message) = result {
                return self.fail(index, &message);
            }
        }
    }

    fn on_message(&mut self, index: usize, message: FromBridge) -> Result<(), String> {
        match message {
            FromBridge::Joined { session } => self.on_joined(index, session),
            FromBridge::Published { answer, sources } => {
                let Some(publisher) = &mut self.participants[index].publisher else { return Ok(()) };
                publisher.camera = sources.into_iter().find(|one| publisher.has_mid(&one.mid)).map(|one| one.id);
                self.take_answer(index, &answer)
            }
            FromBridge::SubscribeOffer { negotiation, offer } => {
                let now = Instant::now();
                let participant = &mut self.participants[index];
                let subscriber = participant.subscriber.get_or_insert_with(|| Subscriber::new(now));
                let (answer, is_new) = subscriber.accept(&offer)?;
                if let Some(signal) = &mut participant.signal {
                    signal.subscribe_answer(negotiation, &answer);
                }
                self.start(index, What::Subscribe, is_new)
            }
            FromBridge::Encodings { source_id, encodings } => {
                let wanted = encodings.into_iter().map(|one| (one.rid, one.active)).collect();
                self.participants[index].wanted.insert(source_id, wanted);
                self.apply_wanted(index);
                Ok(())
            }
            FromBridge::Error { code, message, reply_to } => match code.as_str() {
                // A newer offer is on its way.
                "stale_answer" => Ok(()),
                _ => Err(format!("{code} (request {}): {message}", reply_to.unwrap_or(0))),
            },
            FromBridge::Closing { code, message } => Err(format!("put out: {code}: {message}")),
            FromBridge::Other => Ok(()),
        }
    }

    /// For as long as the bridge keeps the session of somebody who cannot reach it. An error says how it was lost.
    fn resume_later(&mut self, index: usize, message: String) -> Result<(), String> {
        let participant = &mut self.participants[index];
        let Some(session) = &participant.session else { return Err(message) };
        let now = Instant::now();
        let (since, how) = participant.lost.get_or_insert((now, message));
        if now.saturating_duration_since(*since).as_secs_f64() > session.grace_seconds {
            return Err(how.clone());
        }
        self.timetable.add(now + RESUME_AFTER, index, What::Resume);
        Ok(())
    }

    fn on_joined(&mut self, index: usize, session: SessionKey) -> Result<(), String> {
        self.note_joined(index);
        let participant = &mut self.participants[index];
        participant.session = Some(session);
        if participant.lost.take().is_none() {
            return self.publish(index);
        }
        // A request whose answer was lost is made again; an offer of the bridge's that was not answered comes again.
        if let (Some(signal), Some(publisher)) = (&mut participant.signal, &participant.publisher)
            && let Some(offer) = &publisher.offer
        {
            signal.publish(offer, &publisher.sources());
        }
        Ok(())
    }

    /// The bridge has let somebody in, by the first of the doors that they knocked at.
    fn note_joined(&mut self, index: usize) {
        let now = self.began.elapsed();
        self.participants[index].joined.get_or_insert(now);
    }

    fn publish(&mut self, index: usize) -> Result<(), String> {
        let plan = &self.participants[index].plan;
        if plan.audio.is_none() && plan.video.is_none() {
            return Ok(());
        }
        let Some(offer) = self.make_publisher(index) else { return Ok(()) };
        let participant = &mut self.participants[index];
        if let (Some(signal), Some(publisher)) = (&mut participant.signal, &participant.publisher) {
            signal.publish(&offer, &publisher.sources());
        }
        Ok(())
    }

    fn make_publisher(&mut self, index: usize) -> Option<String> {
        match Publisher::new(&self.participants[index].plan, &self.clips, self.seed(index), Instant::now()) {
            Ok((publisher, offer)) => {
                self.participants[index].publisher = Some(publisher);
                Some(offer)
            }
            Err(message) => {
                self.fail(index, &message);
                None
            }
        }
    }

    fn seed(&self, index: usize) -> usize {
        index * 31 + self.thread
    }

    fn apply_wanted(&mut self, index: usize) {
        let Participant { publisher: Some(publisher), wanted, .. } = &mut self.participants[index] else { return };
        if let Some(wanted) = publisher.camera.as_ref().and_then(|camera| wanted.get(camera)) {
            publisher.want(wanted);
        }
    }

    fn on_published(&mut self, index: usize, answer: Answer) -> Result<(), String> {
        if answer.status != CREATED {
            return Err(format!("the door answered {}: {}", answer.status, answer.body.trim()));
        }
        self.note_joined(index);
        if let Some(publisher) = &mut self.participants[index].publisher {
            publisher.session = answer.location;
        }
        self.take_answer(index, &answer.body)
    }

    fn take_answer(&mut self, index: usize, answer: &str) -> Result<(), String> {
        let Some(publisher) = &mut self.participants[index].publisher else { return Ok(()) };
        let is_new = publisher.answer(answer)?;
        self.apply_wanted(index);
        self.start(index, What::Publish, is_new)
    }

    /// Waits for the socket of a connection if it is new, and lets its engine begin.
    fn start(&mut self, index: usize, what: What, is_new: bool) -> Result<(), String> {
        let part = if what == What::Publish { Part::Publish } else { Part::Subscribe };
        let socket = self.connection_mut(index, what).and_then(|connection| connection.socket.clone());
        if let Some(socket) = socket.filter(|_| is_new) {
            self.register(socket.as_raw_fd(), index, part)?;
        }
        let result = self.poll_connection(index, what, Instant::now());
        self.after(index, what, result);
        Ok(())
    }

    /// A media path stands: media begins, viewers may come.
    pub(super) fn on_connected(&mut self, index: usize, what: What) {
        let (now, seed) = (Instant::now(), self.seed(index));
        let participant = &mut self.participants[index];
        if let (What::Publish, Some(publisher)) = (what, &mut participant.publisher) {
            publisher.begin(now, seed);
            let audio = publisher.audio.iter().map(|track| (track, What::Audio));
            let video = publisher.video.iter().zip(0..).map(|(track, encoding)| (track, What::Video(encoding)));
            for (track, what) in audio.chain(video) {
                track.due().into_iter().for_each(|due| self.timetable.add(due, index, what));
            }
        }
        if participant.connected.is_none() && participant.is_connected() {
            participant.connected = Some(now.saturating_duration_since(self.began));
        }
        if what == What::Publish {
            self.let_room_view(index);
        }
    }

    /// Those who view by WHEP come when all who publish in their room do: the door shows who is there, not who comes.
    pub(super) fn let_room_view(&mut self, index: usize) {
        let room = self.rooms[&self.participants[index].plan.room].clone();
        room.into_iter().for_each(|viewer| self.view_if_room_publishes(viewer));
    }

    fn view_if_room_publishes(&mut self, index: usize) {
        let participant = &self.participants[index];
        let DoorPlan::Http { view_url: Some(_), .. } = &participant.plan.door else { return };
        let is_ready = self.rooms[&participant.plan.room].iter().all(|&other| {
            let other = &self.participants[other];
            let publishes = matches!(&other.plan.door, DoorPlan::Http { publish_url: Some(_), .. });
            let stands = other.publisher.as_ref().is_some_and(|publisher| publisher.connection.is_connected);
            !publishes || stands || other.has_failed
        });
        if is_ready && participant.opened.is_some() && participant.subscriber.is_none() && !participant.has_failed {
            self.view(index);
        }
    }

    /// Offers to watch.
    pub(super) fn view(&mut self, index: usize) {
        let DoorPlan::Http { view_url: Some(url), token, view_audio, view_video, .. } =
            self.participants[index].plan.door.clone()
        else {
            return;
        };
        let mut subscriber = Subscriber::new(Instant::now());
        match subscriber.offer(view_audio, view_video) {
            Ok(offer) => {
                self.participants[index].subscriber = Some(subscriber);
                self.porters.send(index, ErrandKind::View { url, token, offer });
            }
            Err(message) => self.fail(index, &message),
        }
    }

    fn on_viewed(&mut self, index: usize, answer: Answer) -> Result<(), String> {
        let participant = &mut self.participants[index];
        if answer.status == NOTHING_TO_WATCH && participant.retries < MAX_RETRIES {
            participant.retries += 1;
            let pause = answer.retry_after.map_or(RETRY_AFTER, Duration::from_secs).max(RETRY_AFTER);
            self.timetable.add(Instant::now() + pause, index, What::View);
            return Ok(());
        }
        if answer.status != CREATED {
            return Err(format!("the door answered {}: {}", answer.status, answer.body.trim()));
        }
        self.note_joined(index);
        let Some(subscriber) = &mut self.participants[index].subscriber else { return Ok(()) };
        subscriber.session = answer.location;
        let is_new = subscriber.answer(&answer.body)?;
        self.start(index, What::Subscribe, is_new)
    }

    /// Everyone says goodbye.
    pub(super) fn leave(mut self) {
        let now = Instant::now();
        for index in 0..self.participants.len() {
            let participant = &mut self.participants[index];
            if let Some(signal) = &mut participant.signal {
                signal.leave();
            }
            participant.hang_up(now, self.began);
            let DoorPlan::Http { token, .. } = participant.plan.door.clone() else { continue };
            let publish = participant.publisher.as_mut().and_then(|publisher| publisher.session.take());
            let view = participant.subscriber.as_mut().and_then(|subscriber| subscriber.session.take());
            for url in publish.into_iter().chain(view) {
                self.porters.send(index, ErrandKind::End { url, token: token.clone() });
            }
        }
        self.porters.finish();
    }
}
