//! One data-plane thread: its handle, its queues and its I/O loop.
//!
//! The handle belongs to the control plane and never waits for the thread, [`Worker::close`] excepted.

mod arrival_clock;
mod command_queue;
mod config;
mod event_queue;
mod gather;
mod io_loop;
mod sockets;
mod stats;
mod tcp;
mod tokens;

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use serde::Serialize;

use self::command_queue::CommandQueue;
pub use self::command_queue::{COMMAND_QUEUE_LIMIT, CommandError};
pub use self::config::WorkerConfig;
pub use self::event_queue::EVENT_QUEUE_LIMIT;
use self::event_queue::EventQueue;
use self::io_loop::IoLoop;
use self::sockets::Listening;
use self::stats::Snapshot;
pub use self::stats::{FORWARD_DELAY_BOUNDS_US, ForwardDelay, WorkerStats};
use crate::command::Command;
use crate::event::Event;
use crate::net::{BufferSizes, Offloads, UdpSocket, probe_offloads};

/// What the kernel grants a worker; `Capabilities` in `bridge/_core.pyi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Whether runs of packets leave in one send.
    pub udp_gso: bool,
    /// Whether runs of packets arrive in one receive.
    pub udp_gro: bool,
    /// SO_RCVBUF as granted, the smallest over the sockets.
    pub receive_buffer_bytes: usize,
    /// SO_SNDBUF as granted, the smallest over the sockets.
    pub send_buffer_bytes: usize,
}

/// What the handle and the thread share.
struct Shared {
    commands: CommandQueue,
    events: EventQueue,
    snapshot: Mutex<Snapshot>,
}

/// A running worker. Dropping it closes it.
pub struct Worker {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    local_addresses: Vec<SocketAddr>,
    capabilities: Capabilities,
}

impl Worker {
    /// Binds the sockets and starts the thread. Errors name the address or the CPU.
    pub fn start(config: WorkerConfig) -> io::Result<Self> {
        if config.listen.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "listen names no address"));
        }
        let offloads = offloads();
        let listening = Listening::bind(&config, offloads.gro)?;
        let buffers = listening.udp.iter().map(UdpSocket::buffers).reduce(BufferSizes::min).unwrap_or(config.buffers());
        let local_addresses = listening.udp.iter().map(UdpSocket::local_address).collect();
        let shared =
            Arc::new(Shared { commands: CommandQueue::new()?, events: EventQueue::new()?, snapshot: Mutex::default() });
        let (started, start) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("worker-{}", config.index)).spawn({
            let shared = Arc::clone(&shared);
            move || run(config, listening, offloads, &shared, &started)
        })?;
        // The thread reports once it runs, or why it cannot; it never ends without doing one of both.
        start.recv().map_err(io::Error::other)??;
        Ok(Worker {
            shared,
            thread: Mutex::new(Some(thread)),
            local_addresses,
            capabilities: Capabilities {
                udp_gso: offloads.gso,
                udp_gro: offloads.gro,
                receive_buffer_bytes: buffers.receive,
                send_buffer_bytes: buffers.send,
            },
        })
    }

    /// Queues a command.
    pub fn command(&self, command: Command) -> Result<(), CommandError> {
        self.shared.commands.push(command)
    }

    /// A descriptor that is readable while events wait.
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.shared.events.readable().as_fd()
    }

    /// Takes up to `limit` events.
    pub fn drain(&self, limit: usize) -> Vec<Event> {
        self.shared.events.drain(limit)
    }

    /// The addresses bound, in the order of the configuration.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.local_addresses
    }

    /// What the kernel grants.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Counters, as the thread copied them out last: at most a twentieth of a second ago.
    pub fn stats(&self) -> WorkerStats {
        let snapshot = self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        snapshot.stats(self.shared.events.dropped())
    }

    /// Carries out what was commanded, ends all transports and the thread, and waits for that. Idempotent.
    pub fn close(&self) {
        self.shared.commands.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It catches its own panics and reports them as an event.
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the kernel can do, found out once per process.
fn offloads() -> Offloads {
    static OFFLOADS: OnceLock<Offloads> = OnceLock::new();
    *OFFLOADS.get_or_init(probe_offloads)
}

/// The thread: reports its start to `started`, then runs the loop to its end, and says how it ended.
fn run(
    config: WorkerConfig,
    listening: Listening,
    offloads: Offloads,
    shared: &Arc<Shared>,
    started: &std::sync::mpsc::SyncSender<io::Result<()>>,
) {
    let mut io_loop = match IoLoop::new(config, listening, offloads, Arc::clone(shared)) {
        Ok(io_loop) => io_loop,
        Err(error) => return drop(started.send(Err(error))),
    };
    if started.send(Ok(())).is_err() {
        return;
    }
    let result = catch_unwind(AssertUnwindSafe(|| io_loop.run()));
    let error = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(format!("panic: {}", panic_message(panic.as_ref()))),
    };
    shared.commands.close();
    shared.events.extend([Event::WorkerStopped { error }]);
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
