//! Connections that a proxy makes for others: each begins with a header, and only then is it known whom
//! the limits and penalties concern.
//!
//! Never here: what a header looks like, which its session knows, and from where proxies come, which the
//! gate does.

use std::net::SocketAddr;

use super::EventLoop;
use crate::observe::{Detail, Event};
use crate::server::connection::{Connection, Standing};
use crate::server::network::Network;
use crate::session::{Origin, Session};

impl<N: Network> EventLoop<N> {
    // ANCHOR: await_header
    /// Takes in a connection from the proxy at `peer`.
    #[cold]
    pub(super) fn await_header(&mut self, stream: N::Stream, peer: SocketAddr, number: u64) {
        let session = Session::behind_proxy(&self.tools.protocol, self.tools.now);
        let state = session.state();
        let key = self.connections.insert(Connection::new(stream, peer, number, session));
        let connection = &mut self.connections[key];
        (connection.standing, connection.counted_pending) = (Standing::Unknown, true);
        self.gate.pending_began(None);
        self.tools.tell(Detail::Life, Some(number), || Event::Accepted { peer, state });
        self.greet(key, &[]);
    }
    // ANCHOR_END: await_header

    /// The header of the connection at `key` is whole: whoever it names may stay, or not.
    #[cold]
    pub(super) fn admit_origin(&mut self, key: usize) {
        let (connection, now) = (&mut self.connections[key], self.tools.now);
        let Some(origin) = connection.session.origin() else { return };
        let via = connection.peer();
        connection.standing = match origin {
            Origin::Local => Standing::Local,
            Origin::Client(client) => {
                connection.set_peer(client);
                if let Err(reason) = self.gate.judge_source(client.ip(), now) {
                    return self.serve_at(key, |connection, tools| {
                        connection.session.handle_refused(reason, tools.now);
                    });
                }
                self.gate.source_known(client.ip());
                Standing::Source
            }
        };
        let random = |bytes: &mut [u8]| self.network.random(bytes);
        let nonce = connection.session.handle_admitted(&self.tools.protocol, now, random);
        self.serve_at(key, |connection, tools| {
            connection.begin_behind(via, tools);
            connection.tell_changes(tools);
            connection.deliver(&nonce, tools);
        });
    }
}
