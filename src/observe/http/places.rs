//! Who is connected: so many places and no more. When all are taken, whoever has waited longest without a whole
//! request gives up his own, so that who asks is answered, however many others are silent or slow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{AbortHandle, JoinSet};

/// The places.
pub(super) struct Places {
    most: usize,
    tasks: JoinSet<()>,
    /// Those without a whole request, the longest waiting first, and others that have had theirs since.
    waiting: VecDeque<(Arc<AtomicBool>, AbortHandle)>,
}

impl Places {
    pub(super) fn new(most: usize) -> Places {
        Places { most, tasks: JoinSet::new(), waiting: VecDeque::new() }
    }

    /// Makes sure that a place is free; false if everybody there is being answered.
    pub(super) async fn make_room(&mut self) -> bool {
        while self.tasks.try_join_next().is_some() {}
        while self.tasks.len() >= self.most {
            self.forget_who_has_asked();
            let Some((_, longest)) = self.waiting.pop_front() else { return false };
            longest.abort();
            // One at least comes to its end, and until then its descriptor is open.
            self.tasks.join_next().await;
        }
        true
    }

    /// Gives a place to `conversation`, which sets `asked` once it has a whole request.
    pub(super) fn take(
        &mut self,
        asked: Arc<AtomicBool>,
        conversation: impl Future<Output = ()> + Send + 'static,
    ) {
        self.forget_who_has_asked();
        self.waiting.push_back((asked, self.tasks.spawn(conversation)));
    }

    fn forget_who_has_asked(&mut self) {
        self.waiting.retain(|(asked, task)| !asked.load(Ordering::Relaxed) && !task.is_finished());
    }

    /// Waits until a place is given back; for ever, if none is taken.
    pub(super) async fn one_leaves(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until all have left.
    pub(super) async fn all_leave(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
