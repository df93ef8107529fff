//! Bits of a header extension, highest first.

/// There are no more bits, or no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

/// Reads bits.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// A reader of all of `data`.
    pub fn new(data: &'a [u8]) -> Self {
        BitReader { data, at: 0 }
    }

    /// How many bits were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// `f(count)`: a number of up to 32 bits.
    pub fn bits(&mut self, count: u32) -> Result<u64, Overrun> {
        let end = self.at + count as usize;
        if end > 8 * self.data.len() {
            return Err(Overrun);
        }
        let mut value = 0;
        while self.at < end {
            let (byte, bit) = (self.data[self.at / 8], self.at % 8);
            let taken = (8 - bit).min(end - self.at);
            let part = (u64::from(byte) >> (8 - bit - taken)) & ((1 << taken) - 1);
            value = value << taken | part;
            self.at += taken;
        }
        Ok(value)
    }

    /// A flag.
    pub fn flag(&mut self) -> Result<bool, Overrun> {
        Ok(self.bits(1)? == 1)
    }

    /// `ns(count)`: a number below `count`, in as few bits as that takes (AV1 specification §4.10.7).
    pub fn below(&mut self, count: u32) -> Result<u64, Overrun> {
        let width = u32::BITS - count.leading_zeros();
        let short = (1_u64 << width) - u64::from(count);
        let value = self.bits(width.saturating_sub(1))?;
        if value < short {
            return Ok(value);
        }
        Ok((value << 1) - short + self.bits(1)?)
    }
}

/// Writes bits. What is left of the last byte is zero.
#[derive(Debug)]
pub struct BitWriter<'a> {
    data: &'a mut [u8],
    at: usize,
}

impl<'a> BitWriter<'a> {
    /// A writer into `data`, which is made zero.
    pub fn new(data: &'a mut [u8]) -> Self {
        data.fill(0);
        BitWriter { data, at: 0 }
    }

    /// Bytes begun.
    pub fn len(&self) -> usize {
        self.at.div_ceil(8)
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// `f(count)`: the low bits of a number.
    pub fn bits(&mut self, value: u64, count: u32) -> Result<(), Overrun> {
        let count = count as usize;
        if self.at + count > 8 * self.data.len() {
            return Err(Overrun);
        }
        for bit in (0..count).rev() {
            let one = (value >> bit & 1) as u8;
            self.data[self.at / 8] |= one << (7 - self.at % 8);
            self.at += 1;
        }
        Ok(())
    }

    /// `ns(count)`, see [`BitReader::below`].
    pub fn below(&mut self, value: u64, count: u32) -> Result<(), Overrun> {
        let width = u32::BITS - count.leading_zeros();
        let short = (1_u64 << width) - u64::from(count);
        if value < short { self.bits(value, width.saturating_sub(1)) } else { self.bits(value + short, width) }
    }
}
