//! What a server owes to whoever has said this: a session is told everything at one go, and asked.
//!
//! It is the same session that the loop drives, so this shows what a loop forgets, not what a session
//! gets wrong.

use super::verifier::Users;
use crate::session::{Protocol, Session, Step, Time};

/// How many bytes a server owes in all, its nonce of `nonce_len` bytes included, that has sent `nonce`,
/// or the beginning of one, and `heard` so much, with the end of input if `ended`. `proxied`: a proxy's
/// header comes first.
pub(super) fn owed(
    protocol: &Protocol,
    users: &Users,
    (nonce, nonce_len): (&[u8], usize),
    heard: &[u8],
    ended: bool,
    proxied: bool,
) -> usize {
    let now = Time::START;
    let random = |bytes: &mut [u8]| bytes[..nonce.len()].copy_from_slice(nonce);
    let (mut owed, mut heard) = (0, heard.to_vec());
    let mut session = if proxied {
        let mut session = Session::behind_proxy(protocol, now);
        session.handle_bytes(protocol, now, &mut heard);
        if session.poll_step() != Step::Admit {
            return 0;
        }
        // Whether they may stay is not known here; but whoever may not has been left by now.
        owed += session.handle_admitted(protocol, now, random).len();
        heard.clear();
        session
    } else {
        let (session, nonce) = Session::new(protocol, now, random);
        owed += nonce.len();
        session
    };
    if nonce.len() < nonce_len {
        return owed;
    }
    session.handle_flushed(protocol, now);
    heard.extend(session.poll_behind());
    owed += session.handle_bytes(protocol, now, &mut heard).len();
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
            Step::Admit | Step::Hear => unreachable!("both came before"),
        };
        session.handle_flushed(protocol, now);
    }
}
