//! User name fragments and passwords: ours, the old ones and those of an ICE restart, and the peer's.

use crate::packet::stun::IntegrityKey;

/// User name fragment and password of one side (RFC 8445, section 5.3).
#[derive(Clone)]
pub struct Credentials {
    /// User name fragment: what a check's USERNAME starts with.
    pub ufrag: Box<str>,
    /// Made of the password: the key of MESSAGE-INTEGRITY in checks and in their answers.
    pub key: IntegrityKey,
}

impl Credentials {
    /// Shortest user name fragment that is accepted, in characters (RFC 8839, section 5.4).
    const MIN_UFRAG: usize = 4;
    /// Shortest password that is accepted, in characters (RFC 8839, section 5.4).
    const MIN_PWD: usize = 22;
    /// Longest of either, in characters (RFC 8839, section 5.4).
    const MAX: usize = 256;

    /// Checks lengths and characters (`ice-char`: letters, digits, `+` and `/`, and the `-`, `_`, `=` that some use).
    pub fn new(ufrag: &str, pwd: &str) -> Result<Self, &'static str> {
        let is_ice_char = |b: u8| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b);
        if !(Self::MIN_UFRAG..=Self::MAX).contains(&ufrag.len()) || !ufrag.bytes().all(is_ice_char) {
            return Err("ice_ufrag must have 4 to 256 ice-chars");
        }
        if !(Self::MIN_PWD..=Self::MAX).contains(&pwd.len()) || !pwd.bytes().all(is_ice_char) {
            return Err("ice_pwd must have 22 to 256 ice-chars");
        }
        Ok(Credentials { ufrag: ufrag.into(), key: IntegrityKey::new(pwd) })
    }
}

/// Which credentials a check was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Those that a check has succeeded with, or the first ones.
    Current,
    /// Those of an ICE restart that no check has succeeded with yet.
    Pending,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_characters_are_checked() {
        let pwd = "p".repeat(22);
        assert!(Credentials::new("abcd", &pwd).is_ok());
        assert!(Credentials::new("abc", &pwd).is_err());
        assert!(Credentials::new("ab:d", &pwd).is_err());
        assert!(Credentials::new("abcd", "short").is_err());
        assert!(Credentials::new("abcd", &"p".repeat(257)).is_err());
    }
}
