//! Media that was really encoded, cut into RTP payloads once and sent by everyone.

pub mod clip;
pub mod h264;
pub mod ivf;
pub mod vp8;
