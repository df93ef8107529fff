//! Which connectivity checks came before. STUN has no protection against replay of its own (RFC 8489, section 16.1.4):
//! whoever overhears a nomination could send it again from another address, and have the media follow.

/// Checks that are remembered at most, 16 KiB of them: almost three hours of consent checks every 2.5 s. Beyond it the
/// oldest are forgotten.
const MAX_REMEMBERED: usize = 4_096;

/// The latest transaction ids, each folded into a word. Only who knows the password can add to them, and two ids of
/// honest peers, which are random, are taken for one with a chance of one in a million.
#[derive(Default)]
pub(super) struct RecentChecks {
    folded: Vec<u32>,
    /// Where the next one goes once there are `MAX_REMEMBERED`.
    next: usize,
}

impl RecentChecks {
    /// Whether a check with this transaction id came before.
    pub(super) fn contain(&self, transaction_id: &[u8; 12]) -> bool {
        self.folded.contains(&fold(transaction_id))
    }

    /// Remembers a check.
    pub(super) fn note(&mut self, transaction_id: &[u8; 12]) {
        let folded = fold(transaction_id);
        if self.folded.len() < MAX_REMEMBERED {
            self.folded.push(folded);
        } else {
            self.folded[self.next] = folded;
            self.next = (self.next + 1) % MAX_REMEMBERED;
        }
    }
}

fn fold(transaction_id: &[u8; 12]) -> u32 {
    transaction_id
        .chunks_exact(4)
        .fold(0, |word, bytes| word ^ u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> [u8; 12] {
        let mut id = [7; 12];
        id[8..].copy_from_slice(&(number as u32).to_be_bytes());
        id
    }

    #[test]
    fn the_latest_are_remembered_within_bounds() {
        let mut recent = RecentChecks::default();
        assert!(!recent.contain(&id(0)));
        for number in 0..MAX_REMEMBERED + 10 {
            recent.note(&id(number));
            assert!(recent.contain(&id(number)));
        }
        assert_eq!(recent.folded.len(), MAX_REMEMBERED);
        assert!(!recent.contain(&id(9)) && recent.contain(&id(10)));
    }
}
