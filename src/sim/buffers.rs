//! How full the buffers on the way of a connection are, for whoever shows them.
//!
//! Never here: what is in them.

use super::World;

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
    /// The buffers of each connection that the loop has accepted and not closed, with its number.
    pub fn buffers(&self) -> Vec<(u64, Buffers)> {
        let state = self.state();
        let open = state.sockets.iter().filter(|it| it.transcript.number > 0 && !it.gone);
        open.map(|socket| {
            let buffers = Buffers {
                received: socket.inbox.len(),
                receive_buffer: socket.inbox_size,
                unsent: socket.outbox.len(),
                send_buffer: socket.outbox_size,
                unread: socket.client.unread.len(),
                window: socket.client.script.window.max(1),
            };
            (socket.transcript.number, buffers)
        })
        .collect()
    }
}
