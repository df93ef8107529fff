//! Composing a header in one pass, straight into the outgoing packet.

use super::{ExtensionForm, FIXED_HEADER_LEN, ONE_BYTE_PROFILE, TWO_BYTE_PROFILE};

/// The fixed fields of a header to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The marker bit.
    pub marker: bool,
    /// 0–127.
    pub payload_type: u8,
    /// Wraps around at 2^16.
    pub sequence_number: u16,
    /// In units of the payload type's clock rate.
    pub timestamp: u32,
    /// The source.
    pub ssrc: u32,
}

/// Writes a header without CSRCs and with `extensions` as `(id, data)`. Returns its length, where the payload goes,
/// or `None` if `out` is too small or an extension is longer than 255 bytes or has the id 0.
#[inline]
pub fn write_header<'a>(
    out: &mut [u8],
    fields: &Fields,
    extensions: impl IntoIterator<Item = (u8, &'a [u8])>,
) -> Option<usize> {
    let mut writer = HeaderWriter::new(out, fields)?;
    for (id, data) in extensions {
        writer.extension(id, data)?;
    }
    writer.finish()
}

/// Writes a header piece by piece. Every step returns `None` when the buffer is too small, and the packet is then to
/// be given up.
///
/// The extension block is begun in one-byte form, which every receiver reads, and changed to the two-byte form by
/// the first element that needs it.
pub struct HeaderWriter<'o> {
    out: &'o mut [u8],
    form: ExtensionForm,
    /// Where the next element goes.
    end: usize,
}

/// Length of the profile and length words of an extension block.
const BLOCK_HEADER_LEN: usize = 4;
/// Where the elements start: no CSRCs are ever written, for nothing here mixes.
const ELEMENTS_START: usize = FIXED_HEADER_LEN + BLOCK_HEADER_LEN;

impl<'o> HeaderWriter<'o> {
    /// Writes the fixed fields. The padding bit is clear.
    #[inline]
    pub fn new(out: &'o mut [u8], fields: &Fields) -> Option<Self> {
        let fixed = out.first_chunk_mut::<FIXED_HEADER_LEN>()?;
        fixed[0] = 2 << 6;
        fixed[1] = (u8::from(fields.marker) << 7) | (fields.payload_type & 0x7f);
        fixed[2..4].copy_from_slice(&fields.sequence_number.to_be_bytes());
        fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());
        Some(HeaderWriter { out, form: ExtensionForm::None, end: FIXED_HEADER_LEN })
    }

    /// Appends an extension. Ids are 1–255, data has at most 255 bytes.
    #[inline]
    pub fn extension(&mut self, id: u8, data: &[u8]) -> Option<()> {
        let start = self.reserve_extension(id, data.len())?;
        self.out[start..start + data.len()].copy_from_slice(data);
        Some(())
    }

    /// Appends an extension as [`extension`](Self::extension) does, and has its copy changed.
    #[inline]
    pub fn edited_extension(&mut self, id: u8, data: &[u8], edit: impl FnOnce(&mut [u8])) -> Option<()> {
        let start = self.reserve_extension(id, data.len())?;
        let place = &mut self.out[start..start + data.len()];
        place.copy_from_slice(data);
        edit(place);
        Some(())
    }

    /// Appends an extension whose `len` bytes the caller fills in later, and returns where they start in the buffer.
    /// The offset holds only if no element of another form follows; so append those that may need the two-byte form
    /// (an id over 14, no bytes, more than 16 bytes) first.
    #[inline]
    pub fn reserve_extension(&mut self, id: u8, len: usize) -> Option<usize> {
        if id == 0 || len > 255 {
            return None;
        }
        if self.form == ExtensionForm::None {
            self.form = ExtensionForm::OneByte;
            self.end = ELEMENTS_START;
        }
        if self.form == ExtensionForm::OneByte && (id > 14 || len == 0 || len > 16) {
            self.change_to_two_byte()?;
        }
        let head_len = if self.form == ExtensionForm::OneByte { 1 } else { 2 };
        let start = self.end + head_len;
        let element = self.out.get_mut(self.end..start + len)?;
        if head_len == 1 {
            element[0] = (id << 4) | (len as u8 - 1);
        } else {
            element[0] = id;
            element[1] = len as u8;
        }
        self.end = start + len;
        Some(start)
    }

    /// Completes the extension block and returns the length of the header.
    #[inline]
    pub fn finish(self) -> Option<usize> {
        let profile = match self.form {
            ExtensionForm::OneByte => ONE_BYTE_PROFILE,
            ExtensionForm::TwoByte => TWO_BYTE_PROFILE,
            ExtensionForm::None | ExtensionForm::Other => return Some(FIXED_HEADER_LEN),
        };
        let header_len = self.end.next_multiple_of(4);
        self.out.get_mut(self.end..header_len)?.fill(0);
        let words = ((header_len - ELEMENTS_START) / 4) as u16;
        self.out[0] |= 0x10;
        self.out[FIXED_HEADER_LEN..FIXED_HEADER_LEN + 2].copy_from_slice(&profile.to_be_bytes());
        self.out[FIXED_HEADER_LEN + 2..ELEMENTS_START].copy_from_slice(&words.to_be_bytes());
        Some(header_len)
    }

    /// Makes room for the longer heads of the elements written so far, from the last to the first.
    #[cold]
    fn change_to_two_byte(&mut self) -> Option<()> {
        // Twice the ids of the one-byte form. Whoever writes more elements than that repeats them without a reason.
        let mut heads = [0_u16; 14 * 2];
        let mut count = 0;
        let mut at = ELEMENTS_START;
        while at < self.end {
            *heads.get_mut(count)? = at as u16;
            count += 1;
            at += 2 + usize::from(self.out[at] & 0x0f);
        }
        let mut end = self.end + count;
        if end > self.out.len() {
            return None;
        }
        self.form = ExtensionForm::TwoByte;
        self.end = end;
        for &head in heads[..count].iter().rev() {
            let head = usize::from(head);
            let (id, len) = (self.out[head] >> 4, usize::from(self.out[head] & 0x0f) + 1);
            self.out.copy_within(head + 1..head + 1 + len, end - len);
            end -= len + 2;
            self.out[end] = id;
            self.out[end + 1] = len as u8;
        }
        Some(())
    }
}
