//! Header extensions in one-byte and two-byte form (RFC 8285 §4).

use super::{ONE_BYTE_PROFILE, TWO_BYTE_PROFILE};

/// How the extension block of a packet is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionForm {
    /// There is no block.
    None,
    /// Ids 1–14, 1–16 bytes each.
    OneByte,
    /// Ids 1–255, 0–255 bytes each.
    TwoByte,
    /// A block of another profile, of which nothing is known but its length.
    Other,
}

impl ExtensionForm {
    pub(super) fn from_profile(profile: u16) -> Self {
        match profile {
            ONE_BYTE_PROFILE => ExtensionForm::OneByte,
            _ if profile & 0xfff0 == TWO_BYTE_PROFILE => ExtensionForm::TwoByte,
            _ => ExtensionForm::Other,
        }
    }
}

/// The elements of an extension block: `(id, data)`.
///
/// Padding between elements is skipped. An element that reaches beyond the block ends the walk, as does the id 15 of
/// the one-byte form (RFC 8285 §4.2): what came before is still good.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    form: ExtensionForm,
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// The elements of `block`, the bytes behind the profile and length words.
    #[inline]
    pub fn new(form: ExtensionForm, block: &'a [u8]) -> Self {
        Extensions { form, rest: block }
    }

    /// How the elements are written.
    #[inline]
    pub fn form(&self) -> ExtensionForm {
        self.form
    }

    /// The bytes of the elements not walked yet: with [`form`](Self::form) what [`new`](Self::new) takes.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.rest
    }

    /// No elements.
    #[inline]
    pub fn empty() -> Self {
        Extensions { form: ExtensionForm::None, rest: &[] }
    }

    #[inline]
    fn next_one_byte(&mut self) -> Option<(u8, &'a [u8])> {
        loop {
            let (&head, rest) = self.rest.split_first()?;
            let (id, len) = (head >> 4, usize::from(head & 0x0f) + 1);
            match id {
                // A byte of zero is padding. Id 0 with another length is malformed, and is skipped likewise.
                0 => self.rest = if head == 0 { rest } else { rest.get(len..)? },
                15 => return None,
                _ => {
                    let (data, rest) = rest.split_at_checked(len)?;
                    self.rest = rest;
                    return Some((id, data));
                }
            }
        }
    }

    #[inline]
    fn next_two_byte(&mut self) -> Option<(u8, &'a [u8])> {
        loop {
            let (&id, rest) = self.rest.split_first()?;
            if id == 0 {
                self.rest = rest;
                continue;
            }
            let (&len, rest) = rest.split_first()?;
            let (data, rest) = rest.split_at_checked(usize::from(len))?;
            self.rest = rest;
            return Some((id, data));
        }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let element = match self.form {
            ExtensionForm::OneByte => self.next_one_byte(),
            ExtensionForm::TwoByte => self.next_two_byte(),
            ExtensionForm::None | ExtensionForm::Other => None,
        };
        if element.is_none() {
            self.rest = &[];
        }
        element
    }
}
