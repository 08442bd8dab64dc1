//! What a server owes to whoever has said this: a session is told everything at one go, and asked.
//!
//! It is the same session that the loop drives, so this shows what a loop forgets, not what a session
//! gets wrong.

use super::verifier::Users;
use crate::session::{Protocol, Session, Step, Time};

/// How many bytes of answers a server owes that has sent `nonce` and `heard` so much, with the end of
/// input if `ended`.
pub(super) fn answers(
    protocol: &Protocol,
    users: &Users,
    nonce: &[u8],
    heard: &[u8],
    ended: bool,
) -> usize {
    let now = Time::START;
    let (mut session, _) = Session::new(protocol, now, |bytes| bytes.copy_from_slice(nonce));
    session.handle_flushed(protocol, now);
    let mut heard = heard.to_vec();
    let mut owed = session.handle_bytes(protocol, now, &mut heard).len();
    session.handle_flushed(protocol, now);
    if ended {
        session.handle_end_of_input();
    }
    loop {
        owed += match session.poll_step() {
            Step::Answer => session.poll_answer().len(),
            Step::Verify => match session.poll_login() {
                Some(login) => session.handle_verdict(protocol, now, users.judge(&login)).len(),
                None => return owed,
            },
            Step::Read | Step::Wait | Step::Deliver | Step::Linger | Step::Close(_) => {
                return owed;
            }
        };
        session.handle_flushed(protocol, now);
    }
}
