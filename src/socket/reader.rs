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
        out.extend(self.take(count));
        match self.fill_out(raw, &mut out, count)? {
            Some(Dry::WouldBlock) if out.is_empty() => Ok(None),
            _ => {
                out.shrink_to_fit();
                Ok(Some(out))
            }
        }
    }

    /// Reads until `out` has `count` bytes; says why if it stopped before.
    fn fill_out(
        &mut self,
        raw: &mut RawFile,
        out: &mut Vec<u8>,
        count: usize,
    ) -> Result<Option<Dry>> {
        // Whole blocks go straight to the caller; only the last one passes through the buffer.
        let capacity = self.bytes.len();
        while (count - out.len()) / capacity > 0 {
            let whole = (count - out.len()) / capacity * capacity;
            match dry(read_more(raw, out, whole)?) {
                Ok(_) => {}
                Err(dry) => return Ok(Some(dry)),
            }
        }
        self.reset();
        while out.len() < count && self.end < capacity {
            if let Err(dry) = self.fill(raw)? {
                return Ok(Some(dry));
            }
            out.extend(self.take(count - out.len()));
        }
        Ok(None)
    }

    /// What is ahead, after one read if that is nothing. Nothing is taken.
    pub(super) fn peek(&mut self, raw: &mut RawFile) -> Result<&[u8]> {
        // Nothing there yet is nothing, as the end of input is: so it is in CPython.
        Ok(self.fill_or_none(raw)?.unwrap_or_default())
    }

    /// `None` where it would block; nothing at all is end of input.
    pub(super) fn fill_or_none(&mut self, raw: &mut RawFile) -> Result<Option<&[u8]>> {
        if self.ahead().is_empty() {
            self.reset();
            if let Err(Dry::WouldBlock) = self.fill(raw)? {
                return Ok(None);
            }
        }
        Ok(Some(self.ahead()))
    }

    /// What is ahead, or what one read brings past the buffer; nothing where it would block.
    pub(super) fn read_once(&mut self, raw: &mut RawFile, max: usize) -> Result<Vec<u8>> {
        if max == 0 || !self.ahead().is_empty() {
            return Ok(self.take(max));
        }
        self.reset();
        Ok(raw.read(max)?.unwrap_or_default())
    }

    /// `_buffered_readinto_generic`; `once`: what is ahead, and what one read past the buffer brings if the rest is
    /// larger than that; else what one read brings, if nothing is ahead.
    pub(super) fn read_into(
        &mut self,
        raw: &mut RawFile,
        out: &mut [u8],
        once: bool,
    ) -> Result<Option<usize>> {
        let mut filled = self.take_into(out);
        if filled < out.len() {
            self.reset();
        }
        while filled < out.len() {
            let rest = &mut out[filled..];
            let is_direct = rest.len() > self.bytes.len();
            let read = if is_direct {
                dry(raw.read_into(rest)?)
            } else if once && filled > 0 {
                break;
            } else {
                self.fill(raw)?.map(|_| self.take_into(rest))
            };
            match read {
                Ok(count) => filled += count,
                Err(Dry::WouldBlock) if filled == 0 => return Ok(None),
                Err(_) => break,
            }
            if once && is_direct {
                break;
            }
        }
        Ok(Some(filled))
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

    pub(super) fn read_line(&mut self, raw: &mut RawFile, limit: usize) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            line.extend(self.take_line(limit - line.len()));
            if line.last() == Some(&b'\n') || line.len() == limit {
                return Ok(line);
            }
            self.reset();
            if self.fill(raw)?.is_err() {
                return Ok(line);
            }
        }
    }

    /// `IOBase.readline` over `peek` and `read`, which `BufferedRWPair` has in place of its own.
    pub(super) fn read_line_of_pair(&mut self, raw: &mut RawFile, limit: usize) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        while line.len() < limit && line.last() != Some(&b'\n') {
            if !self.peek(raw)?.is_empty() {
                // The whole limit, not what is left of it, in CPython too: a line may come out longer.
                line.extend(self.take_line(limit));
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

    fn take(&mut self, most: usize) -> Vec<u8> {
        let taken = self.ahead()[..most.min(self.end - self.start)].to_vec();
        self.start += taken.len();
        taken
    }

    fn take_into(&mut self, out: &mut [u8]) -> usize {
        let count = out.len().min(self.end - self.start);
        out[..count].copy_from_slice(&self.bytes[self.start..self.start + count]);
        self.start += count;
        count
    }

    /// Takes up to the first line feed, or all there is, but no more than `limit`.
    fn take_line(&mut self, limit: usize) -> Vec<u8> {
        let line_feed = self.ahead().iter().position(|&byte| byte == b'\n');
        self.take(line_feed.map_or(limit, |at| limit.min(at + 1)))
    }

    /// What is ahead, without taking it.
    fn ahead(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
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

/// One read of at most `most` bytes. Room is made piece by piece, so that memory is used for what comes.
fn read_more(raw: &mut RawFile, out: &mut Vec<u8>, most: usize) -> Result<Option<usize>> {
    const PIECE: usize = 256 * 1024;
    let piece = raw.read(most.min(PIECE))?;
    Ok(piece.map(|piece| {
        out.extend_from_slice(&piece);
        piece.len()
    }))
}

fn dry(read: Option<usize>) -> std::result::Result<usize, Dry> {
    match read {
        None => Err(Dry::WouldBlock),
        Some(0) => Err(Dry::EndOfInput),
        Some(count) => Ok(count),
    }
}
