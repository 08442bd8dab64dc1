//! What is owed and the kernel has not taken: it costs memory only while there is some.

/// Bytes that wait for the kernel, in order.
#[derive(Default)]
pub(super) struct Outbox(Option<Box<Queue>>);

struct Queue {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.bytes.len() - queue.sent)
    }

    /// Adds `bytes` behind what is there.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Some(queue) => queue.bytes.extend_from_slice(bytes),
            None => self.0 = Some(Box::new(Queue { bytes: bytes.to_vec(), sent: 0 })),
        }
    }

    /// All that is left.
    pub(super) fn rest(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |queue| &queue.bytes[queue.sent..])
    }

    /// The kernel took this many of them.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(queue) = &mut self.0 {
            queue.sent += bytes;
            if queue.sent == queue.bytes.len() {
                self.0 = None;
            }
        }
    }
}
