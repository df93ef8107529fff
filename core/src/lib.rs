//! The data plane of the bridge: everything that happens to a packet.
//!
//! Sans-IO inside (`engine` and what it uses is told the time and handed datagrams), one thin I/O loop outside
//! (`worker`). The control plane reaches it through [`command`]s and [`event`]s only.

pub mod codec;
pub mod command;
pub mod engine;
pub mod event;
pub mod ice;
pub mod net;
pub mod packet;
pub mod params;
pub mod path;
#[cfg(feature = "python")]
mod python;
pub mod srtp;
pub mod time;
pub mod transmit;
pub mod transport;
pub mod worker;
