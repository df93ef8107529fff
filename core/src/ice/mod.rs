//! ICE-lite (RFC 8445): we answer checks, the peer decides. Sans-IO, and without the STUN encoding, which
//! [`packet::stun`](crate::packet::stun) does.

mod agent;
mod credentials;
mod mtu_probe;
mod recent_checks;

pub use self::agent::{Agent, Change, Check, Checked, MAX_PATHS, Tick};
pub use self::credentials::{Credentials, Generation};
pub use self::mtu_probe::{MtuProbe, PROBE_LEN, PROOF_LEN, Probes};
