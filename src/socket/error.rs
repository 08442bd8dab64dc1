//! What can go wrong, told apart as Python's exceptions are. It decides nothing: the calls do.
//!
//! Read `call.rs` next for where most of these are born.

use std::io;

use rustix::io::Errno;

use super::interrupt::Interruption;
use super::resolve::ResolveError;

/// The result of an operation on a [`Socket`](super::Socket) or a file made from one.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed: one variant for each thing that a Python program can tell apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The time of timeout mode ran out: Python's `TimeoutError('timed out')`. It has no errno, and the
    /// connection is as good as before.
    #[error("timed out")]
    TimedOut,

    /// The kernel said no: Python's `OSError`. The errno is always there; EAGAIN and EINPROGRESS
    /// (`BlockingIOError`) are the answers of a non-blocking socket that would have had to wait.
    #[error(transparent)]
    Os(#[from] io::Error),

    /// A name that has no address, an address of a family that is not the socket's, or text that is none:
    /// Python's `socket.gaierror`.
    #[error("no address found: {0}")]
    Resolve(#[source] ResolveError),

    /// A signal came, and the [hook](super::Socket::on_interrupt) said that this ends the call: the exception
    /// that a signal handler of Python's raised.
    #[error("interrupted: {0}")]
    Interrupted(#[source] Interruption),

    /// A buffered file could not hand everything to the kernel without waiting: Python's
    /// `BlockingIOError` with `characters_written`. What was taken but not sent stays in the buffer.
    #[error("write could not complete without blocking")]
    WriteWouldBlock {
        /// How many bytes of this write were taken, sent or buffered; 0 for a flush.
        written: usize,
    },

    /// A file whose read timed out once refuses every later one, because bytes may have been lost in
    /// between: Python's `OSError('cannot read from timed out object')`.
    #[error("cannot read from timed out object")]
    FileTimedOut,

    /// A line was wanted from a file that reads piece by piece, and a piece would have had to wait:
    /// Python's `OSError("read() should have returned a bytes object, not 'NoneType'")`. What came
    /// of the line is lost.
    #[error("the rest of the line would block")]
    LineWouldBlock,

    /// The file was opened for the other direction: Python's `io.UnsupportedOperation`.
    #[error("{0} is not supported by this file")]
    Unsupported(&'static str),

    /// The file is closed: Python's `ValueError('I/O operation on closed file.')`.
    #[error("i/o operation on closed file")]
    FileClosed,

    /// An argument that means nothing: Python's `ValueError`.
    #[error("{0}")]
    InvalidValue(&'static str),
}

impl Error {
    /// Python's `OSError.errno`: nothing for a timeout, a closed file and the like.
    #[doc(alias = "errno")]
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Error::Os(error) => error.raw_os_error(),
            Error::WriteWouldBlock { .. } => Some(Errno::AGAIN.raw_os_error()),
            _ => None,
        }
    }

    /// Whether it was the time of timeout mode that ran out.
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Error::TimedOut)
    }

    /// Whether a non-blocking socket would have had to wait (EAGAIN).
    pub fn is_would_block(&self) -> bool {
        self.is_errno(Errno::AGAIN) || self.is_errno(Errno::WOULDBLOCK)
    }

    /// Whether a connect goes on in the background (EINPROGRESS).
    pub fn is_in_progress(&self) -> bool {
        self.is_errno(Errno::INPROGRESS)
    }

    /// Whether the peer is gone, with a reset (ECONNRESET) or before this was sent (EPIPE): where the end of
    /// input would say the same more politely. What had arrived before can still be there to read.
    #[doc(alias = "ConnectionResetError")]
    #[doc(alias = "BrokenPipeError")]
    pub fn is_peer_gone(&self) -> bool {
        self.is_errno(Errno::CONNRESET) || self.is_errno(Errno::PIPE)
    }

    pub(super) fn from_errno(errno: Errno) -> Self {
        Error::Os(errno.into())
    }

    fn is_errno(&self, errno: Errno) -> bool {
        self.raw_os_error() == Some(errno.raw_os_error())
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::TimedOut => io::ErrorKind::TimedOut,
            Error::WriteWouldBlock { .. } | Error::LineWouldBlock => io::ErrorKind::WouldBlock,
            Error::Unsupported(_) => io::ErrorKind::Unsupported,
            Error::InvalidValue(_) => io::ErrorKind::InvalidInput,
            Error::Resolve(_) => io::ErrorKind::NotFound,
            _ => io::ErrorKind::Other,
        };
        match error {
            Error::Os(inner) => inner,
            other => io::Error::new(kind, other),
        }
    }
}

/// Why [`send_all`](super::Socket::send_all) failed, and how far it had come.
///
/// Python keeps the second part to itself: "there is no way to determine how much data, if any, was
/// successfully sent".
#[derive(Debug, thiserror::Error)]
#[error("{source} after {sent} bytes")]
#[non_exhaustive]
pub struct SendAllError {
    /// How many bytes the kernel had taken, from the front. What the peer has read may be less.
    pub sent: usize,
    /// What Python would have raised.
    pub source: Error,
}

impl From<SendAllError> for Error {
    fn from(error: SendAllError) -> Self {
        error.source
    }
}

impl From<SendAllError> for io::Error {
    fn from(error: SendAllError) -> Self {
        error.source.into()
    }
}
