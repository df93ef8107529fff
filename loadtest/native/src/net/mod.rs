//! UDP sockets that receive in batches with the kernel's time stamps, and send in batches.

mod batch;
mod socket;

pub use batch::{Datagram, ReceiveBatch};
pub use socket::{Socket, raise_file_limit};
