//! Source descriptions and goodbyes (RFC 3550 §6.5, §6.6).

use super::{RtcpError, split_u32, ssrcs};

/// Item types (IANA registry "RTP SDES item types").
pub mod sdes {
    /// Canonical name: the same for sources to be played in step.
    pub const CNAME: u8 = 1;
    /// RtpStreamId (RFC 8852).
    pub const RTP_STREAM_ID: u8 = 12;
    /// RepairedRtpStreamId (RFC 8852).
    pub const REPAIRED_RTP_STREAM_ID: u8 = 13;
    /// Media identification (RFC 8843 §15.2).
    pub const MID: u8 = 15;
}

/// One item of a source description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesItem<'a> {
    /// The source it describes.
    pub ssrc: u32,
    /// One of [`sdes`], or another.
    pub item_type: u8,
    /// UTF-8, unless its sender errs.
    pub value: &'a [u8],
}

/// SDES.
#[derive(Clone, Copy, Debug)]
pub struct SourceDescription<'a> {
    chunks: u8,
    content: &'a [u8],
}

impl<'a> SourceDescription<'a> {
    pub(super) fn parse(chunks: u8, content: &'a [u8]) -> Result<Self, RtcpError> {
        let description = SourceDescription { chunks, content };
        let mut items = description.items();
        items.by_ref().for_each(drop);
        if items.malformed { Err(RtcpError::Content) } else { Ok(description) }
    }

    /// The items of all sources, in order.
    pub fn items(&self) -> SdesItems<'a> {
        SdesItems { chunks_left: self.chunks, ssrc: None, rest: self.content, malformed: false }
    }
}

/// See [`SourceDescription::items`].
#[derive(Clone, Debug)]
pub struct SdesItems<'a> {
    chunks_left: u8,
    ssrc: Option<u32>,
    rest: &'a [u8],
    malformed: bool,
}

impl<'a> SdesItems<'a> {
    fn try_next(&mut self) -> Result<Option<SdesItem<'a>>, RtcpError> {
        loop {
            let Some(ssrc) = self.ssrc else {
                if self.chunks_left == 0 {
                    return Ok(None);
                }
                self.chunks_left -= 1;
                let (ssrc, rest) = split_u32(self.rest)?;
                (self.ssrc, self.rest) = (Some(ssrc), rest);
                continue;
            };
            let Some((&item_type, rest)) = self.rest.split_first() else {
                // The zero byte is missing behind the last item: not as it should be, and yet clear.
                self.ssrc = None;
                continue;
            };
            if item_type == 0 {
                // The end of a chunk, padded to a word. Chunks start at words, as does the end of the content.
                let padding = (self.rest.len() - 1) % 4 + 1;
                (self.ssrc, self.rest) = (None, &self.rest[padding..]);
                continue;
            }
            let (&len, rest) = rest.split_first().ok_or(RtcpError::Content)?;
            let (value, rest) = rest.split_at_checked(usize::from(len)).ok_or(RtcpError::Content)?;
            self.rest = rest;
            return Ok(Some(SdesItem { ssrc, item_type, value }));
        }
    }
}

impl<'a> Iterator for SdesItems<'a> {
    type Item = SdesItem<'a>;

    fn next(&mut self) -> Option<SdesItem<'a>> {
        self.try_next().unwrap_or_else(|_| {
            (self.malformed, self.chunks_left, self.ssrc) = (true, 0, None);
            None
        })
    }
}

/// BYE. Its reason is not read.
#[derive(Clone, Copy, Debug)]
pub struct Goodbye<'a> {
    ssrcs: &'a [u8],
}

impl<'a> Goodbye<'a> {
    pub(super) fn parse(count: u8, content: &'a [u8]) -> Result<Self, RtcpError> {
        let ssrcs = content.get(..usize::from(count) * 4).ok_or(RtcpError::Content)?;
        Ok(Goodbye { ssrcs })
    }

    /// The sources that have ended.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        ssrcs(self.ssrcs)
    }
}
