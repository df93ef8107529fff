//! Reading a header, once, into fixed fields and offsets.

use super::extension::Extensions;
use super::{FIXED_HEADER_LEN, extension::ExtensionForm};

/// Why a datagram is no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Shorter than the header it announces.
    #[error("truncated RTP header")]
    Truncated,
    /// The version is not 2.
    #[error("unknown RTP version")]
    Version,
    /// The padding count is zero, or larger than what follows the header.
    #[error("invalid RTP padding")]
    Padding,
}

/// The header of an RTP or SRTP packet: its fields, and where its parts are.
///
/// It borrows nothing, so that a packet can be decrypted in place between reading the header and the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
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
    /// Whether padding ends the packet. Its count is encrypted in SRTP, so that [`RtpPacket`] looks at it.
    pub has_padding: bool,
    extension_form: ExtensionForm,
    csrc_count: u8,
    header_len: u16,
}

impl RtpHeader {
    /// Reads the header of an RTP or SRTP packet.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<RtpHeader, RtpError> {
        let Some(fixed) = packet.first_chunk::<FIXED_HEADER_LEN>() else {
            return Err(RtpError::Truncated);
        };
        if fixed[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let csrc_count = fixed[0] & 0x0f;
        let mut header_len = FIXED_HEADER_LEN + usize::from(csrc_count) * 4;
        let mut extension_form = ExtensionForm::None;
        if fixed[0] & 0x10 != 0 {
            let Some(&[p0, p1, l0, l1]) = packet.get(header_len..).and_then(|rest| rest.first_chunk()) else {
                return Err(RtpError::Truncated);
            };
            extension_form = ExtensionForm::from_profile(u16::from_be_bytes([p0, p1]));
            header_len += 4 + usize::from(u16::from_be_bytes([l0, l1])) * 4;
        }
        // A header that does not fit u16 does not fit a datagram either.
        let Ok(header_len_u16) = u16::try_from(header_len) else {
            return Err(RtpError::Truncated);
        };
        if packet.len() < header_len {
            return Err(RtpError::Truncated);
        }
        Ok(RtpHeader {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence_number: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            has_padding: fixed[0] & 0x20 != 0,
            extension_form,
            csrc_count,
            header_len: header_len_u16,
        })
    }

    /// Length in bytes with CSRCs and extension block: where the payload starts.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.header_len)
    }

    /// Never: a header has at least [`FIXED_HEADER_LEN`] bytes.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// How the extension block is written, if there is one.
    #[inline]
    pub fn extension_form(&self) -> ExtensionForm {
        self.extension_form
    }

    /// Where the CSRCs end and the extension block, if any, starts.
    #[inline]
    fn csrcs_end(&self) -> usize {
        FIXED_HEADER_LEN + usize::from(self.csrc_count) * 4
    }
}

/// A plain RTP packet.
#[derive(Clone, Copy, Debug)]
pub struct RtpPacket<'a> {
    /// Its header.
    pub header: RtpHeader,
    data: &'a [u8],
    payload_end: usize,
}

impl<'a> RtpPacket<'a> {
    /// Reads a packet that is not encrypted.
    #[inline]
    pub fn parse(data: &'a [u8]) -> Result<RtpPacket<'a>, RtpError> {
        RtpPacket::with_header(RtpHeader::parse(data)?, data)
    }

    /// Completes a header that was read before decryption. `data` is the whole packet, header included, without
    /// the authentication tag.
    #[inline]
    pub fn with_header(header: RtpHeader, data: &'a [u8]) -> Result<RtpPacket<'a>, RtpError> {
        if data.len() < header.len() {
            return Err(RtpError::Truncated);
        }
        let mut payload_end = data.len();
        if header.has_padding {
            let padding = usize::from(data[data.len() - 1]);
            if padding == 0 || padding > data.len() - header.len() {
                return Err(RtpError::Padding);
            }
            payload_end -= padding;
        }
        Ok(RtpPacket { header, data, payload_end })
    }

    /// The packet as it was given, padding included.
    #[inline]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// What follows the header, without padding. Empty in packets that only probe the network.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        &self.data[self.header.len()..self.payload_end]
    }

    /// How many bytes of padding end the packet, the count itself included.
    #[inline]
    pub fn padding_len(&self) -> usize {
        self.data.len() - self.payload_end
    }

    /// The contributing sources, most often none.
    pub fn csrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        let (chunks, _) = self.data[FIXED_HEADER_LEN..self.header.csrcs_end()].as_chunks::<4>();
        chunks.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// The header extensions, in the order of the packet.
    #[inline]
    pub fn extensions(&self) -> Extensions<'a> {
        match self.header.extension_form {
            ExtensionForm::None => Extensions::empty(),
            form => Extensions::new(form, &self.data[self.header.csrcs_end() + 4..self.header.len()]),
        }
    }

    /// The first header extension with this id. When several are needed, one walk of
    /// [`extensions`](Self::extensions) costs less.
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.extensions().find(|(found, _)| *found == id).map(|(_, data)| data)
    }
}
