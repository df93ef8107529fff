//! Congestion feedback to publishers.

mod transport_feedback;

pub use self::transport_feedback::TransportFeedbackBuilder;
