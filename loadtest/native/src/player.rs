//! Plays the participants of one thread: an event loop over their sockets, WebSockets and timetables.

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::connection::{Clocks, Connection};
use crate::door::porters::Porters;
use crate::net::ReceiveBatch;
use crate::participant::{Delays, Participant};
use crate::plan::ParticipantPlan;
use crate::publisher::{Clips, Publisher};
use crate::report::line::{self, Line};
use crate::timetable::{Timetable, What};

mod joining;

/// The waker's token; others are participant × 3 + [`Part`].
const WAKER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;
/// Media that is on its way when everyone stops sending may still arrive.
const DRAIN: Duration = Duration::from_millis(700);
/// How often it is looked whether the run is to end early.
const LOOK: Duration = Duration::from_millis(50);
/// A thread rests for so long between turns: waking up costs more than the packets that one finds. Time stamps are the
/// kernel's, so that no delay is seen that is ours.
const GATHER: Duration = Duration::from_millis(1);
/// So many entries of the timetable are carried out before sockets are read again.
const MAX_DUE: usize = 256;

/// Which socket of a participant.
#[derive(Clone, Copy)]
enum Part {
    Publish,
    Subscribe,
    Signal,
}

const PARTS: [Part; 3] = [Part::Publish, Part::Subscribe, Part::Signal];

/// What a thread is given.
pub struct Assignment {
    pub thread: usize,
    pub participants: Vec<ParticipantPlan>,
    pub clips: Arc<Clips>,
    pub began: Instant,
    pub length: Duration,
    pub interval: Duration,
    pub stop: Arc<AtomicBool>,
    pub lines: Sender<String>,
}

pub struct Player {
    thread: usize,
    participants: Vec<Participant>,
    rooms: HashMap<String, Vec<usize>>,
    clips: Arc<Clips>,
    began: Instant,
    lines: Sender<String>,
    poll: Poll,
    porters: Porters,
    timetable: Timetable,
    batch: ReceiveBatch,
    /// Since the last report.
    late: Duration,
}

impl Player {
    pub fn new(assignment: &Assignment) -> io::Result<Player> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut rooms: HashMap<String, Vec<usize>> = HashMap::new();
        let mut timetable = Timetable::default();
        for (index, plan) in assignment.participants.iter().enumerate() {
            rooms.entry(plan.room.clone()).or_default().push(index);
            timetable.add(assignment.began + Duration::from_secs_f64(plan.join_at), index, What::Join);
        }
        Ok(Player {
            thread: assignment.thread,
            participants: assignment.participants.iter().cloned().map(Participant::new).collect(),
            rooms,
            clips: assignment.clips.clone(),
            began: assignment.began,
            lines: assignment.lines.clone(),
            poll,
            porters: Porters::new(waker),
            timetable,
            batch: ReceiveBatch::new(),
            late: Duration::ZERO,
        })
    }

    /// Plays until the end, or until it is told to stop.
    pub fn run(mut self, assignment: &Assignment) -> io::Result<()> {
        self.tell(&Line::Started { thread: self.thread, participants: self.participants.len() });
        let mut events = Events::with_capacity(EVENTS);
        let mut end = assignment.began + assignment.length;
        let mut report = assignment.began + assignment.interval;
        let mut stopped = None;
        loop {
            let now = Instant::now();
            if stopped.is_none() && (now >= end || assignment.stop.load(Ordering::Relaxed)) {
                stopped = Some(now);
                end = now + DRAIN;
                self.participants.iter_mut().filter_map(|one| one.publisher.as_mut()).for_each(Publisher::stop);
            }
            if stopped.is_some() && now >= end {
                break;
            }
            if now >= report && stopped.is_none() {
                report += assignment.interval;
                self.report(now, false);
            }
            let next = self.timetable.next().map_or(end, |next| next.min(end)).min(now + LOOK);
            self.wait(&mut events, next.saturating_duration_since(now))?;
            self.handle_sockets(&events);
            while let Some((participant, outcome)) = self.porters.done() {
                self.on_outcome(participant, outcome);
            }
            self.handle_due();
        }
        // Of the moment at which everyone fell silent, with what was still on its way then.
        self.report(stopped.unwrap_or(end), true);
        self.leave();
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, most: Duration) -> io::Result<()> {
        std::thread::sleep(most.min(GATHER));
        let most = most.saturating_sub(GATHER);
        match self.poll.poll(events, Some(most)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    fn handle_sockets(&mut self, events: &Events) {
        for event in events.iter().filter(|event| event.token() != WAKER) {
            let index = event.token().0 / PARTS.len();
            match PARTS[event.token().0 % PARTS.len()] {
                Part::Publish => self.receive_published(index),
                Part::Subscribe => self.receive_subscribed(index),
                Part::Signal => self.receive_signal(index),
            }
        }
    }

    /// Feedback on what is published.
    fn receive_published(&mut self, index: usize) {
        let Some(publisher) = &mut self.participants[index].publisher else { return };
        let Some(socket) = publisher.connection.socket.clone() else { return };
        let (clocks, mut result) = (Clocks::read(), Ok(()));
        while self.batch.receive(&socket, |datagram| {
            if result.is_ok() {
                result = publisher.receive(&datagram, &clocks);
            }
        }) {}
        self.after(index, What::Publish, result);
    }

    fn receive_subscribed(&mut self, index: usize) {
        let Some(subscriber) = &mut self.participants[index].subscriber else { return };
        let Some(socket) = subscriber.connection.socket.clone() else { return };
        let (clocks, mut result) = (Clocks::read(), Ok(()));
        while self.batch.receive(&socket, |datagram| {
            if result.is_ok() {
                result = subscriber.receive(&datagram, &clocks, self.began);
            }
        }) {}
        self.after(index, What::Subscribe, result);
    }

    fn handle_due(&mut self) {
        for _ in 0..MAX_DUE {
            let now = Instant::now();
            let Some((at, index, what)) = self.timetable.due(now) else { return };
            if self.participants[index].has_failed {
                continue;
            }
            match what {
                What::Join => self.open_door(index),
                What::Resume => self.open_websocket(index),
                What::View => self.view(index),
                What::Audio | What::Video(_) => self.send_frame(index, what, now),
                What::Publish | What::Subscribe => {
                    let Some(connection) = self.connection_mut(index, what) else { continue };
                    if connection.scheduled == Some(at) {
                        connection.scheduled = None;
                    }
                    let result = if connection.due <= now { self.poll_connection(index, what, now) } else { Ok(()) };
                    self.after(index, what, result);
                }
            }
        }
    }

    fn send_frame(&mut self, index: usize, what: What, now: Instant) {
        let Some(publisher) = &mut self.participants[index].publisher else { return };
        let track = match what {
            What::Video(encoding) => publisher.video.get_mut(usize::from(encoding)),
            _ => publisher.audio.as_mut(),
        };
        // Nobody sends any more when the run has ended.
        let Some(track) = track else { return };
        let late = track.send_frame(&mut publisher.connection.rtc, now);
        if let Some(due) = track.due() {
            self.timetable.add(due, index, what);
        }
        self.late = self.late.max(late);
        let result = publisher.poll(now);
        self.after(index, What::Publish, result);
    }

    fn poll_connection(&mut self, index: usize, what: What, now: Instant) -> Result<(), String> {
        let participant = &mut self.participants[index];
        match (what, &mut participant.publisher, &mut participant.subscriber) {
            (What::Publish, Some(publisher), _) => publisher.poll(now),
            (What::Subscribe, _, Some(subscriber)) => subscriber.poll(now, self.began, None),
            _ => Ok(()),
        }
    }

    fn connection_mut(&mut self, index: usize, what: What) -> Option<&mut Connection> {
        let participant = &mut self.participants[index];
        match what {
            What::Publish => participant.publisher.as_mut().map(|publisher| &mut publisher.connection),
            _ => participant.subscriber.as_mut().map(|subscriber| &mut subscriber.connection),
        }
    }

    /// What follows whenever a connection was called: its next call, its first moment, its end.
    fn after(&mut self, index: usize, what: What, result: Result<(), String>) {
        if let Err(message) = result {
            return self.fail(index, &message);
        }
        let Some(connection) = self.connection_mut(index, what) else { return };
        if !connection.rtc.is_alive() {
            return self.fail(index, "the bridge closed a media path");
        }
        let due = connection.due;
        let is_new =
            std::mem::replace(&mut connection.was_connected, connection.is_connected) != connection.is_connected;
        if connection.scheduled.is_none_or(|scheduled| due < scheduled) {
            connection.scheduled = Some(due);
            self.timetable.add(due, index, what);
        }
        if is_new {
            self.on_connected(index, what);
        }
    }

    fn fail(&mut self, index: usize, message: &str) {
        let participant = &mut self.participants[index];
        if participant.has_failed {
            return;
        }
        participant.fail();
        let at = self.began.elapsed().as_secs_f64();
        let line = Line::Failure { name: &participant.plan.name, at, message };
        let _ = self.lines.send(serde_json::to_string(&line).expect("lines are plain data"));
        self.let_room_view(index);
    }

    fn report(&mut self, now: Instant, last: bool) {
        let at = now.saturating_duration_since(self.began);
        let mut totals = Delays::default();
        for participant in &mut self.participants {
            let line = Line::Participant(Box::new(participant.report(at, last, &mut totals)));
            let _ = self.lines.send(serde_json::to_string(&line).expect("lines are plain data"));
        }
        let connected = self.participants.iter().filter(|participant| participant.is_connected()).count();
        let late = std::mem::take(&mut self.late).as_secs_f64();
        self.tell(&Line::Thread(line::Thread {
            thread: self.thread,
            at: at.as_secs_f64(),
            connected,
            cpu: thread_cpu_seconds(),
            late,
            audio_delays: totals.audio,
            video_delays: totals.video,
        }));
    }

    /// Whoever reads the lines may have gone; the run then ends by its own clock.
    fn tell(&self, line: &Line<'_>) {
        let _ = self.lines.send(serde_json::to_string(line).expect("lines are plain data"));
    }

    fn register(&self, fd: RawFd, index: usize, part: Part) -> Result<(), String> {
        let token = Token(index * PARTS.len() + part as usize);
        let registered = self.poll.registry().register(&mut SourceFd(&fd), token, Interest::READABLE);
        registered.map_err(|error| format!("a socket cannot be waited for: {error}"))
    }
}

/// CPU time of the calling thread so far, in seconds; 0 where the kernel does not tell.
fn thread_cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
}
