//! Congestion feedback to publishers, and what they are to send at most.

mod arrivals;
mod congestion_feedback;
mod incoming_bound;
mod interval;
mod transport_feedback;

pub use self::congestion_feedback::CongestionFeedbackBuilder;
pub use self::incoming_bound::IncomingBound;
pub use self::transport_feedback::TransportFeedbackBuilder;
