//! How full the buffers on the way of a connection are, for whoever shows them.
//!
//! Never here: what is in them.

use super::World;
use super::socket::Socket;

/// How many bytes are in each buffer on the way of a connection, and how many it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Buffers {
    /// In the server's kernel, from the client, not read yet.
    pub received: usize,
    /// As many as fit there.
    pub receive_buffer: usize,
    /// In the server's kernel, to the client, not acknowledged yet.
    pub unsent: usize,
    /// As many as fit there.
    pub send_buffer: usize,
    /// In the client's kernel, not read yet.
    pub unread: usize,
    /// As many as fit there.
    pub window: usize,
}

impl World {
    /// The buffers of each connection that the loop has accepted and not closed, with its number, if they have
    /// changed since this was last called.
    pub fn take_changed_buffers(&self) -> Vec<(u64, Buffers)> {
        let state = &mut *self.state();
        let open = state.sockets.iter_mut().filter(|it| it.transcript.number > 0 && !it.gone);
        open.filter_map(|socket| {
            let buffers = socket.buffers();
            let is_new = socket.told_buffers.replace(buffers) != Some(buffers);
            is_new.then_some((socket.transcript.number, buffers))
        })
        .collect()
    }
}

impl Socket {
    fn buffers(&self) -> Buffers {
        Buffers {
            received: self.inbox.len(),
            receive_buffer: self.inbox_size,
            unsent: self.outbox.len(),
            send_buffer: self.outbox_size,
            unread: self.client.unread.len(),
            window: self.client.script.window.max(1),
        }
    }
}
