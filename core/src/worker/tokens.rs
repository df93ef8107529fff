//! What a readiness report of epoll is about.

/// One watched descriptor: its kind and its key among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Commands wait.
    Commands,
    /// A TCP listener.
    Listener(usize),
    /// A UDP socket.
    Udp(usize),
    /// A TCP connection.
    Tcp(usize),
}

impl Token {
    /// As epoll keeps it.
    pub fn encode(self) -> u64 {
        let (kind, key) = match self {
            Token::Commands => (0, 0),
            Token::Listener(key) => (1, key),
            Token::Udp(key) => (2, key),
            Token::Tcp(key) => (3, key),
        };
        (kind << 32) | key as u64
    }

    /// As it was encoded.
    pub fn decode(token: u64) -> Token {
        let key = (token & 0xffff_ffff) as usize;
        match token >> 32 {
            0 => Token::Commands,
            1 => Token::Listener(key),
            2 => Token::Udp(key),
            _ => Token::Tcp(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_round_trip() {
        for token in [Token::Commands, Token::Listener(1), Token::Udp(7), Token::Tcp(9_000)] {
            assert_eq!(Token::decode(token.encode()), token);
        }
    }
}
