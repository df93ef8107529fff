//! The data plane of the bridge: everything that happens to a packet.
//!
//! Sans-IO inside (`engine` and what it uses is told the time and handed datagrams), one thin I/O loop outside
//! (`worker`). The control plane reaches it through [`command`]s and [`event`]s only.

// Tests of the engine's inside share their clients with those in `tests/`, which know the crate by its name.
#[cfg(test)]
extern crate self as _core;

pub mod bitrate;
pub mod codec;
pub mod command;
pub mod consumer;
pub mod engine;
pub mod estimator;
pub mod event;
pub mod extension;
pub mod feedback;
pub mod flight;
pub mod frame_layers;
pub mod ice;
pub mod media_packet;
pub mod net;
pub mod pacer;
pub mod packet;
pub mod params;
pub mod path;
pub mod producer;
#[cfg(feature = "python")]
mod python;
pub mod repair;
pub mod report;
pub mod sequence;
pub mod speakers;
pub mod srtp;
pub mod time;
pub mod transmit;
pub mod transport;
pub mod worker;
