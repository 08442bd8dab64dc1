//! A connection that a proxy has made for somebody else: who that is turns out on the way.
//!
//! Never here: whether they may stay, which is for the loop to ask.

use std::net::SocketAddr;

use super::{Connection, Standing, Tools};
use crate::observe::{Detail, Event};
use crate::server::network::Stream;

impl<S: Stream> Connection<S> {
    /// From now on its peer is `client`, in place of the proxy.
    pub(in crate::server) fn set_peer(&mut self, client: SocketAddr) {
        self.peer = client.into();
    }

    // ANCHOR: begin_behind
    /// The proxy's header is whole and whoever it names may stay: tells who that is. From now on what
    /// is counted is theirs. The proxy is at the address `via`.
    pub(in crate::server) fn begin_behind(&mut self, via: SocketAddr, tools: &mut Tools) {
        // What came behind the header is counted as it is heard.
        self.received = 0;
        let (number, peer, state) = (Some(self.number), self.peer(), self.session.state());
        let from = std::mem::replace(&mut self.told.0, state);
        tools.tell(Detail::States, number, || Event::State { from, to: state });
        tools.tell(Detail::Life, number, || match self.standing {
            Standing::Local => Event::Local { peer },
            _ => Event::Opened { peer, state, via: Some(via) },
        });
    }
    // ANCHOR_END: begin_behind

    /// Hears what came behind the header.
    pub(super) fn hear_behind(&mut self, tools: &mut Tools) {
        let mut behind = self.session.poll_behind();
        self.received += behind.len() as u64;
        self.hear(&mut behind, tools);
    }
}
