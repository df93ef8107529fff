//! The bridge's public doors, as a client sees them.

pub mod address;
pub mod http;
pub mod porters;
pub mod websocket;
