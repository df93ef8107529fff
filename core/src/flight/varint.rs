//! Numbers in as few bytes as they need: seven bits each, the lowest first (LEB128).

/// Appends a number.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a number with a sign: small ones of either sign are short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Takes a number off the front.
pub(super) fn take(data: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = data.split_first()?;
        *data = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Takes a number with a sign off the front.
pub(super) fn take_signed(data: &mut &[u8]) -> Option<i64> {
    let value = take(data)?;
    Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<u64>(), signed in any::<i64>()) {
            let mut out = Vec::new();
            put(&mut out, value);
            put_signed(&mut out, signed);
            let mut data = &out[..];
            prop_assert_eq!(take(&mut data), Some(value));
            prop_assert_eq!(take_signed(&mut data), Some(signed));
            prop_assert!(data.is_empty());
            prop_assert_eq!(take(&mut data), None);
        }

        #[test]
        fn garbage_is_no_number_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut data = &bytes[..];
            while take(&mut data).is_some() {}
        }
    }
}
