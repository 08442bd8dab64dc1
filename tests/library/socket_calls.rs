//! What the calls of a socket do beside waiting: what is refused, what is learned from a descriptor, messages with what
//! travels beside them, addresses of Unix, options, files. `socket_modes.rs` has the waiting.

mod addresses;
mod creating;
mod files;
mod messages;
mod options;
mod signals;

use rustix::io::Errno;
use sockmodes::socket::Error;

fn is_errno(error: &Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}
