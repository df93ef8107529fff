//! Reports on streams: what was received, when it was sent, how much of it (RFC 3550, section 6).

mod bitrate_meter;
mod receive_stats;
mod sender_clock;

use std::time::Duration;

pub use self::bitrate_meter::BitrateMeter;
pub use self::receive_stats::{ReceiveStats, RemoteStats, ReportProgress, ntp_middle};
pub use self::sender_clock::{RtpClock, SenderClock, round_trip_time};

/// Distance of a transport's compound reports with sender and receiver reports.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(1);
