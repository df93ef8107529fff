//! Within what bounds an engine works.

use std::time::Duration;

use crate::time::WallClock;

/// Transports per worker unless configured.
pub const DEFAULT_MAX_TRANSPORTS: usize = 8_192;
/// Silence after which nothing more is sent to a peer (RFC 7675, section 5.1).
pub const DEFAULT_CONSENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence after which the watchdog reports a producer or a consumer as stalled.
pub const DEFAULT_STALL_TIMEOUT: Duration = Duration::from_secs(3);

/// Configuration of an [`Engine`](super::Engine).
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Maps engine time to the wall clock, for RTCP sender reports.
    pub wall_clock: WallClock,
    /// Transports at most; further ones fail.
    pub max_transports: usize,
    /// Silence after which nothing more is sent (RFC 7675).
    pub consent_timeout: Duration,
    /// Silence after which the watchdog reports.
    pub stall_timeout: Duration,
    /// Seed of everything that is chosen by chance (sequence numbers, report SSRCs). Must differ between starts.
    pub seed: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            wall_clock: WallClock::default(),
            max_transports: DEFAULT_MAX_TRANSPORTS,
            consent_timeout: DEFAULT_CONSENT_TIMEOUT,
            stall_timeout: DEFAULT_STALL_TIMEOUT,
            seed: 0,
        }
    }
}
