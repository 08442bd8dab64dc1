//! What can go wrong in a simulated network, and how often.

/// What goes wrong, and how often in a thousand cases; by default nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Faults {
    /// A signal interrupts `recv`, `send` or `accept`.
    pub interrupted: u32,
    /// The kernel is short of memory: `send` takes less than there is room for, or nothing.
    pub pressure: u32,
    /// The network moves between two calls of one turn.
    pub hurry: u32,
    /// A connection is reported without a change.
    pub spurious: u32,
    /// A connection that was closed is reported.
    pub stale: u32,
    /// The client sends a byte of urgent data between others; it is no part of the stream.
    pub urgent: u32,
    /// A connection is reset before it is accepted, and `accept` says so.
    pub aborted: u32,
    /// A login can't be checked.
    pub unable: u32,
    /// `wait` reports few events at a time.
    pub few_events: u32,
    /// Descriptors there are for connections, until
    /// [`World::free_descriptors_after`](super::World::free_descriptors_after) ends the want;
    /// `None`: enough.
    pub descriptors: Option<usize>,
    /// New bytes make an edge only if the loop has seen that there were none: less than epoll gives,
    /// and all that the contract of the [`network`](crate::server::network) promises. Otherwise each
    /// arrival makes one.
    pub sparing: bool,
}
