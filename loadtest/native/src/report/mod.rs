//! What is seen at a participant, and how it is told.

pub mod arrivals;
pub mod frames;
pub mod histogram;
pub mod line;
