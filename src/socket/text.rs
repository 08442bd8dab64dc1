//! Text over a file of a socket: Python's `makefile("r", encoding="utf-8")` and the like.
//!
//! The bytes are `buffered.rs`'s. Text is UTF-8 here, and nothing else.

use super::error::{Error, Result};
use super::{Access, File, Socket};

/// A buffered file of UTF-8 text, in which every line ends with `\n`, whether the peer sent that, `\r\n` or `\r`.
///
/// It is Python's text file with `newline=None`: what is read is translated, and what is written is sent as it is.
#[derive(Debug)]
#[doc(alias = "TextIOWrapper")]
pub struct TextFile {
    file: File,
    /// Read and translated, and not yet handed out.
    ahead: Vec<u8>,
    /// Whether the last byte that was read is a `\r`, whose `\n` may be on its way.
    after_return: bool,
}

impl Socket {
    /// A file of text that reads from or writes to this socket: Python's `makefile("r")` and the like.
    #[doc(alias = "makefile")]
    #[must_use]
    pub fn makefile_text(&self, access: Access) -> TextFile {
        TextFile { file: self.makefile(access), ahead: Vec::new(), after_return: false }
    }
}

impl TextFile {
    /// Reads one line with its `\n`; without one at end of input, or where it would block.
    ///
    /// So an empty line is end of input or, in non-blocking mode, nothing there yet, as in [`File::read_line`].
    /// After a timeout every later read fails, as in [`File`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] for a line that is not UTF-8. It is lost, and the next can be read.
    #[doc(alias = "readline")]
    pub fn read_line(&mut self) -> Result<String> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.ahead[searched..].iter().position(|&byte| byte == b'\n') {
                return text(self.ahead.drain(..=searched + at).collect());
            }
            searched = self.ahead.len();
            if !self.read_ahead()? {
                return text(std::mem::take(&mut self.ahead));
            }
        }
    }

    /// Reads to the end of input, or to where it would block.
    pub fn read_to_end(&mut self) -> Result<String> {
        while self.read_ahead()? {}
        text(std::mem::take(&mut self.ahead))
    }

    /// Takes all of `text`: see [`File::write`]. Returns how many bytes that were.
    pub fn write(&mut self, text: &str) -> Result<usize> {
        self.file.write(text.as_bytes())
    }

    /// Hands what the buffer holds to the kernel: see [`File::flush`].
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }

    /// Flushes and closes: see [`File::close`].
    pub fn close(&mut self) -> Result<()> {
        self.file.close()
    }

    /// Whether the file is closed.
    pub fn is_closed(&self) -> bool {
        self.file.is_closed()
    }

    /// One more piece; false at end of input, or where it would block.
    fn read_ahead(&mut self) -> Result<bool> {
        let piece = self.file.read_once(super::file::DEFAULT_BUFFER_SIZE)?;
        let more = !piece.is_empty();
        for byte in piece {
            match (byte, std::mem::replace(&mut self.after_return, byte == b'\r')) {
                // The line has ended with the return already.
                (b'\n', true) => {}
                (b'\r', _) => self.ahead.push(b'\n'),
                _ => self.ahead.push(byte),
            }
        }
        Ok(more)
    }
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::InvalidValue("what came is not UTF-8"))
}

/// The lines to the end of input: Python's `for line in file`.
impl Iterator for TextFile {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_line().map(|line| (!line.is_empty()).then_some(line)).transpose()
    }
}
