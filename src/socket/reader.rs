//! The buffer of a file that reads: the `_bufferedreader_*` functions of Modules/_io/bufferedio.c.
//!
//! It never reads more often than it must: a read that is satisfied asks for no more, since that could wait.
//! Read `writer.rs` next for the other direction.

use std::fmt;

use super::error::{Error, Result};
use super::file::RawFile;
use super::transfer::room_for;

/// Bytes that were read ahead of what was asked for.
pub(super) struct ReadBuffer {
    bytes: Box<[u8]>,
    /// The next byte to hand out.
    start: usize,
    /// One past the last byte that was read.
    end: usize,
}

/// What one read of the raw file came to, if it brought nothing.
enum Dry {
    EndOfInput,
    WouldBlock,
}

impl ReadBuffer {
    pub(super) fn new(capacity: usize) -> Self {
        ReadBuffer { bytes: vec![0; capacity].into(), start: 0, end: 0 }
    }

    pub(super) fn read(&mut self, raw: &mut RawFile, count: usize) -> Result<Option<Vec<u8>>> {
        if count <= self.ahead().len() {
            return Ok(Some(self.take(count)));
        }
        let mut out = room_for(count)?;
        let had = self.take(count);
        out[..had.len()].copy_from_slice(&had);
        let (filled, dry) = self.fill_out(raw, &mut out, had.len())?;
        out.truncate(filled);
        match dry {
            Some(Dry::WouldBlock) if out.is_empty() => Ok(None),
            _ => Ok(Some(out)),
        }
    }

    /// Reads until `out`, which has `filled` bytes already, is full; says why if it stopped before.
    fn fill_out(
        &mut self,
        raw: &mut RawFile,
        out: &mut [u8],
        mut filled: usize,
    ) -> Result<(usize, Option<Dry>)> {
        // Whole blocks go straight to the caller; only the last one passes through the buffer.
        let capacity = self.bytes.len();
        while (out.len() - filled) / capacity > 0 {
            let whole = (out.len() - filled) / capacity * capacity;
            match dry(raw.read_into(&mut out[filled..filled + whole])?) {
                Ok(count) => filled += count,
                Err(dry) => return Ok((filled, Some(dry))),
            }
        }
        self.reset();
        while filled < out.len() && self.end < capacity {
            if let Err(dry) = self.fill(raw)? {
                return Ok((filled, Some(dry)));
            }
            let more = self.take(out.len() - filled);
            out[filled..filled + more.len()].copy_from_slice(&more);
            filled += more.len();
        }
        Ok((filled, None))
    }

    pub(super) fn read_to_end(&mut self, raw: &mut RawFile) -> Result<Option<Vec<u8>>> {
        let mut all = self.take(usize::MAX);
        match raw.read_to_end()? {
            Some(rest) => all.extend(rest),
            None if all.is_empty() => return Ok(None),
            None => {}
        }
        Ok(Some(all))
    }

    pub(super) fn read_line(&mut self, raw: &mut RawFile) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            line.extend(self.take_line());
            if line.last() == Some(&b'\n') {
                return Ok(line);
            }
            self.reset();
            if self.fill(raw)?.is_err() {
                return Ok(line);
            }
        }
    }

    /// `IOBase.readline` over `peek` and `read`, which `BufferedRWPair` has in place of its own.
    pub(super) fn read_line_of_pair(&mut self, raw: &mut RawFile) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            if self.ahead().is_empty() {
                self.reset();
                let _ = self.fill(raw)?;
            }
            let ahead = self.take_line();
            if !ahead.is_empty() {
                line.extend(ahead);
                continue;
            }
            match self.read(raw, 1)? {
                None => return Err(Error::LineWouldBlock),
                Some(byte) if byte.is_empty() => break,
                Some(byte) => line.extend(byte),
            }
        }
        Ok(line)
    }

    pub(super) fn has_bytes(&self) -> bool {
        !self.ahead().is_empty()
    }

    fn ahead(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn take(&mut self, most: usize) -> Vec<u8> {
        let taken = self.ahead()[..most.min(self.end - self.start)].to_vec();
        self.start += taken.len();
        taken
    }

    /// Takes up to the first line feed, or all there is.
    fn take_line(&mut self) -> Vec<u8> {
        let line_feed = self.ahead().iter().position(|&byte| byte == b'\n');
        self.take(line_feed.map_or(usize::MAX, |at| at + 1))
    }

    fn reset(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Reads once, behind what is there.
    fn fill(&mut self, raw: &mut RawFile) -> Result<std::result::Result<usize, Dry>> {
        let read = dry(raw.read_into(&mut self.bytes[self.end..])?);
        if let Ok(count) = read {
            self.end += count;
        }
        Ok(read)
    }
}

impl fmt::Debug for ReadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadBuffer({} of {} bytes)", self.end - self.start, self.bytes.len())
    }
}

fn dry(read: Option<usize>) -> std::result::Result<usize, Dry> {
    match read {
        None => Err(Dry::WouldBlock),
        Some(0) => Err(Dry::EndOfInput),
        Some(count) => Ok(count),
    }
}
