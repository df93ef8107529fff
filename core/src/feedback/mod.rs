//! Congestion feedback to publishers.

mod arrivals;
mod congestion_feedback;
mod interval;
mod transport_feedback;

pub use self::congestion_feedback::CongestionFeedbackBuilder;
pub use self::transport_feedback::TransportFeedbackBuilder;
