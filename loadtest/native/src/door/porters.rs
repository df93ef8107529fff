//! A few threads that knock at doors: requests block, media must not wait for them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use mio::Waker;

use super::http::{self, Answer};
use super::websocket::Signal;

/// Requests on their way at once.
const PORTERS: usize = 8;

/// What is wanted, and for which participant.
pub struct Errand {
    pub participant: usize,
    pub kind: ErrandKind,
}

pub enum ErrandKind {
    OpenWebsocket { url: String },
    Publish { url: String, token: String, offer: String },
    View { url: String, token: String, offer: String },
    End { url: String, token: String },
}

/// What came of it.
pub enum Outcome {
    Websocket(Result<Box<Signal>, String>),
    Published(Result<Answer, String>),
    Viewed(Result<Answer, String>),
    Ended,
}

/// Takes errands and wakes the thread that gave them when they are done.
pub struct Porters {
    errands: Option<Sender<Errand>>,
    outcomes: Receiver<(usize, Outcome)>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Porters {
    pub fn new(waker: Arc<Waker>) -> Self {
        let (errands, waiting) = channel::<Errand>();
        let (done, outcomes) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let porter = |_| {
            let (waiting, done, waker) = (waiting.clone(), done.clone(), waker.clone());
            thread::spawn(move || {
                loop {
                    // The lock is held while waiting; whoever gets an errand lets go of it.
                    let errand = waiting.lock().expect("no porter panics with it").recv();
                    let Ok(errand) = errand else { return };
                    // Nobody is left to be told when the run has ended.
                    if done.send((errand.participant, run(errand.kind))).is_err() || waker.wake().is_err() {
                        return;
                    }
                }
            })
        };
        Porters { errands: Some(errands), outcomes, threads: (0..PORTERS).map(porter).collect() }
    }

    pub fn send(&self, participant: usize, kind: ErrandKind) {
        if let Some(errands) = &self.errands {
            errands.send(Errand { participant, kind }).expect("porters wait as long as there are errands to come");
        }
    }

    pub fn done(&self) -> Option<(usize, Outcome)> {
        self.outcomes.try_recv().ok()
    }

    /// Waits until all errands are done.
    pub fn finish(mut self) {
        self.errands = None;
        self.threads.drain(..).for_each(|thread| thread.join().expect("porters do not panic"));
    }
}

fn run(kind: ErrandKind) -> Outcome {
    match kind {
        ErrandKind::OpenWebsocket { url } => Outcome::Websocket(Signal::open(&url).map(Box::new)),
        ErrandKind::Publish { url, token, offer } => Outcome::Published(http::request("POST", &url, &token, &offer)),
        ErrandKind::View { url, token, offer } => Outcome::Viewed(http::request("POST", &url, &token, &offer)),
        ErrandKind::End { url, token } => {
            // The bridge would find out by itself; there is nothing to be done about a refusal.
            let _ = http::request("DELETE", &url, &token, "");
            Outcome::Ended
        }
    }
}
