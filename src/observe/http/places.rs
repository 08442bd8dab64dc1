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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn who_has_asked_meanwhile_keeps_the_place() {
        let mut places = Places::new(2);
        let there = [Arc::new(()), Arc::new(())];
        let asked = [Arc::<AtomicBool>::default(), Arc::default()];
        for (there, asked) in there.iter().zip(&asked) {
            let there = there.clone();
            let conversation = async move {
                pending::<()>().await;
                drop(there);
            };
            places.take(asked.clone(), conversation);
        }
        asked[0].store(true, Ordering::Relaxed);
        assert!(places.make_room().await);
        assert_eq!(there.map(|it| Arc::strong_count(&it)), [2, 1], "the second has left");
    }

    #[tokio::test]
    async fn who_has_left_without_asking_is_not_kept_in_mind() {
        let mut places = Places::new(2);
        for _ in 0..9 {
            assert!(places.make_room().await);
            places.take(Arc::default(), async {});
            tokio::task::yield_now().await;
        }
        assert!(places.waiting.len() <= 2, "{} are waited for", places.waiting.len());
    }
}
