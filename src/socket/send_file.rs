//! Sending a file: the kernel passes its bytes on, where it can, and nobody else holds them.
//!
//! The waiting is `call.rs`'s. It is `socket.sendfile` of Lib/socket.py.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use super::call::Io;
use super::error::{Error, Result};
use super::wait::Ready;
use super::{Mode, Socket, Type};

impl Socket {
    /// Sends `file` from `offset` to its end, or `count` bytes of it, and returns how many those were. Whatever
    /// comes of it, the file's position is behind the last byte that was sent.
    ///
    /// A timeout is for each wait until there is room, not for all of them together, as in Python.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] on a socket that is no stream, and on a non-blocking one, where Python refuses as well.
    /// What the kernel says is told at once; Python tries the other way first, reading and sending, and tells what
    /// comes of that.
    #[doc(alias = "sendfile")]
    pub fn send_file(&self, mut file: &File, offset: u64, count: Option<u64>) -> Result<u64> {
        if self.kind() != Type::STREAM {
            return Err(Error::InvalidValue("only a stream can send a file"));
        }
        let io = self.io()?;
        if file.metadata()?.len() == 0 {
            return Ok(0);
        }
        if io.mode == Mode::NonBlocking {
            return Err(Error::InvalidValue("a non-blocking socket can't send a file"));
        }
        let mut sent = 0;
        let result = io.send_file(file, offset, count, &mut sent);
        let moved = file.seek(SeekFrom::Start(offset + sent));
        result?;
        moved?;
        Ok(sent)
    }
}

impl Io {
    fn send_file(
        &self,
        file: &File,
        offset: u64,
        count: Option<u64>,
        sent: &mut u64,
    ) -> Result<()> {
        /// What sendfile(2) and a buffer of ours take at once.
        const MOST: u64 = 1 << 20;
        loop {
            let left = count.map_or(MOST, |count| (count - *sent).min(MOST));
            if left == 0 {
                return Ok(());
            }
            let at = offset + *sent;
            let passed =
                self.call(Ready::Writing, |socket| pass(socket, file, at, left as usize))?;
            if passed == 0 {
                return Ok(());
            }
            *sent += passed as u64;
        }
    }
}

/// One piece of the file, without moving its position; 0 at its end.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn pass(socket: &socket2::Socket, file: &File, at: u64, most: usize) -> io::Result<usize> {
    Ok(rustix::fs::sendfile(socket, file, Some(&mut { at }), most)?)
}

/// One piece of the file, without moving its position; 0 at its end.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn pass(socket: &socket2::Socket, file: &File, at: u64, most: usize) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;

    let mut bytes = vec![0; most];
    let count = file.read_at(&mut bytes, at)?;
    match count {
        0 => Ok(0),
        _ => socket.send(&bytes[..count]),
    }
}
