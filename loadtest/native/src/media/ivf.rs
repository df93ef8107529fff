//! IVF: a header of 32 bytes, then each frame with its length and presentation time. It was made for VP8; here it
//! carries H.264 in Annex B form and Opus packets as well.

pub struct Ivf {
    pub fourcc: [u8; 4],
    /// Seconds of one tick of `Frame::time`.
    pub tick: f64,
    pub frames: Vec<Frame>,
}

pub struct Frame {
    /// In ticks.
    pub time: u64,
    pub data: Vec<u8>,
}

const HEADER_LEN: usize = 32;
const FRAME_HEADER_LEN: usize = 12;

/// Reads a whole file; says what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Ivf, String> {
    let header = bytes.get(..HEADER_LEN).ok_or("shorter than the header of an IVF file")?;
    if &header[..4] != b"DKIF" {
        return Err("no IVF file: it does not begin with DKIF".into());
    }
    let (denominator, numerator) = (le32(&header[16..20]), le32(&header[20..24]));
    if denominator == 0 || numerator == 0 {
        return Err("an IVF file whose time base is zero".into());
    }
    let mut frames = Vec::new();
    let mut rest = &bytes[HEADER_LEN..];
    while !rest.is_empty() {
        let (head, tail) = rest.split_at_checked(FRAME_HEADER_LEN).ok_or("cut off within a frame's header")?;
        let (data, tail) = tail.split_at_checked(le32(&head[..4]) as usize).ok_or("cut off within a frame")?;
        let time = u64::from_le_bytes(head[4..12].try_into().expect("eight bytes"));
        frames.push(Frame { time, data: data.to_vec() });
        rest = tail;
    }
    if frames.is_empty() {
        return Err("an IVF file without a frame".into());
    }
    Ok(Ivf {
        fourcc: header[8..12].try_into().expect("four bytes"),
        tick: f64::from(numerator) / f64::from(denominator),
        frames,
    })
}

fn le32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A file with these frames, one tick apart, 30 ticks a second.
    pub fn file(fourcc: &[u8; 4], frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = b"DKIF\0\0\x20\0".to_vec();
        bytes.extend(fourcc);
        bytes.extend([176, 0, 144, 0, 30, 0, 0, 0, 1, 0, 0, 0]);
        bytes.extend((frames.len() as u64).to_le_bytes());
        for (time, frame) in frames.iter().enumerate() {
            bytes.extend((frame.len() as u32).to_le_bytes());
            bytes.extend((time as u64).to_le_bytes());
            bytes.extend(*frame);
        }
        bytes
    }

    #[test]
    fn frames_come_with_their_times() {
        let ivf = parse(&file(b"VP80", &[b"abc", b"", b"d"])).expect("a good file");
        assert_eq!((ivf.fourcc, ivf.tick), (*b"VP80", 1.0 / 30.0));
        let frames: Vec<_> = ivf.frames.iter().map(|frame| (frame.time, frame.data.as_slice())).collect();
        assert_eq!(frames, [(0, b"abc".as_slice()), (1, b"".as_slice()), (2, b"d".as_slice())]);
    }

    #[test]
    fn a_file_cut_off_anywhere_is_an_error() {
        let whole = file(b"VP80", &[b"abc", b"de"]);
        let ends = [HEADER_LEN + FRAME_HEADER_LEN + 3, whole.len()];
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]).is_ok(), ends.contains(&length), "{length}");
        }
    }
}
