//! Where a worker listens and within what bounds it works.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use crate::engine::EngineConfig;
use crate::net::BufferSizes;
use crate::time::WallClock;

/// Kernel buffer asked for per socket and direction: 4 MiB hold a fifth of a second at 150 Mbit/s.
const DEFAULT_BUFFER_BYTES: usize = 4 << 20;
/// Strangers' TCP connections at a time, where there are files enough.
const DEFAULT_MAX_STRANGERS: usize = 256;
/// Microseconds to rest at most so that packets come together: nobody can feel them. Where many publishers send,
/// batches are full sooner.
const DEFAULT_GATHER_US: u64 = 2_000;

/// Configuration of a [`Worker`](super::Worker); `WorkerConfig` in `bridge/_core.pyi`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// 0 for the first worker; used in its thread's name.
    pub index: u32,
    /// Addresses to bind UDP (and TCP) on. Port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Whether addresses that this machine does not have are passed over, if it has another.
    #[serde(default)]
    pub skip_absent: bool,
    /// Whether to accept ICE-TCP on the same ports.
    #[serde(default = "default_true")]
    pub tcp: bool,
    /// TCP connections of strangers at most, who have not proven to be a peer: the oldest makes room for a new one.
    #[serde(default = "default_max_strangers")]
    pub max_strangers: usize,
    /// Microseconds to rest at most so that packets come together; less as they come faster. 0 for never.
    #[serde(default = "default_gather_us")]
    pub gather_us: u64,
    /// SO_RCVBUF asked for, per socket.
    #[serde(default = "default_buffer_bytes")]
    pub receive_buffer_bytes: usize,
    /// SO_SNDBUF asked for, per socket.
    #[serde(default = "default_buffer_bytes")]
    pub send_buffer_bytes: usize,
    /// Transports at most.
    #[serde(default = "default_max_transports")]
    pub max_transports: usize,
    /// Silence after which nothing more is sent (RFC 7675).
    #[serde(default = "default_consent_timeout_ms")]
    pub consent_timeout_ms: u64,
    /// Silence after which the watchdog reports a producer or consumer as stalled.
    #[serde(default = "default_stall_timeout_ms")]
    pub stall_timeout_ms: u64,
    /// CPU to pin the thread to.
    #[serde(default)]
    pub pin_cpu: Option<usize>,
}

impl WorkerConfig {
    /// A configuration with defaults for everything but the addresses.
    pub fn new(index: u32, listen: Vec<SocketAddr>) -> Self {
        WorkerConfig {
            index,
            listen,
            skip_absent: false,
            tcp: true,
            max_strangers: DEFAULT_MAX_STRANGERS,
            gather_us: DEFAULT_GATHER_US,
            receive_buffer_bytes: DEFAULT_BUFFER_BYTES,
            send_buffer_bytes: DEFAULT_BUFFER_BYTES,
            max_transports: default_max_transports(),
            consent_timeout_ms: default_consent_timeout_ms(),
            stall_timeout_ms: default_stall_timeout_ms(),
            pin_cpu: None,
        }
    }

    /// The time to wait for company.
    pub(super) fn gather(&self) -> Duration {
        Duration::from_micros(self.gather_us)
    }

    /// Buffers to ask for, per socket.
    pub(super) fn buffers(&self) -> BufferSizes {
        BufferSizes { receive: self.receive_buffer_bytes, send: self.send_buffer_bytes }
    }

    /// What the engine needs of it. `seed` has to differ between starts.
    pub(super) fn engine(&self, wall_clock: WallClock, seed: u64) -> EngineConfig {
        EngineConfig {
            wall_clock,
            max_transports: self.max_transports,
            consent_timeout: Duration::from_millis(self.consent_timeout_ms),
            stall_timeout: Duration::from_millis(self.stall_timeout_ms),
            seed,
        }
    }
}

fn default_true() -> bool {
    true
}

fn default_max_strangers() -> usize {
    DEFAULT_MAX_STRANGERS
}

fn default_gather_us() -> u64 {
    DEFAULT_GATHER_US
}

fn default_buffer_bytes() -> usize {
    DEFAULT_BUFFER_BYTES
}

fn default_max_transports() -> usize {
    EngineConfig::default().max_transports
}

fn default_consent_timeout_ms() -> u64 {
    EngineConfig::default().consent_timeout.as_millis() as u64
}

fn default_stall_timeout_ms() -> u64 {
    EngineConfig::default().stall_timeout.as_millis() as u64
}
