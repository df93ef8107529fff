//! Loss repair: asking for what is missing, and keeping what others may ask for.

mod block_pool;
mod history;
mod nack_generator;
mod resend_guard;
mod rtx;
pub mod twice;

pub use self::block_pool::{BLOCK_LEN, Block, BlockPool};
pub use self::history::{History, HistoryLimits};
pub use self::nack_generator::NackGenerator;
pub use self::resend_guard::ResendGuard;
pub use self::rtx::{OSN_LEN, original};
