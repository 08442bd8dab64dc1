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
    let mut heard = heard.to_vec();
    let (mut session, mut owed) = if proxied {
        let Some(admitted) = admitted(protocol, &mut heard, random) else { return 0 };
        admitted
    } else {
        let (session, nonce) = Session::new(protocol, now, random);
        (session, nonce.len())
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
    owed + answers(&mut session, protocol, users)
}

/// A session whose header, all that was `heard`, tells whom it is from, and the length of the nonce that it is sent;
/// `None` as long as the header does not tell.
fn admitted(
    protocol: &Protocol,
    heard: &mut Vec<u8>,
    random: impl FnOnce(&mut [u8]),
) -> Option<(Session, usize)> {
    let now = Time::START;
    let mut session = Session::behind_proxy(protocol, now);
    session.handle_bytes(protocol, now, heard);
    if session.poll_step() != Step::Admit {
        return None;
    }
    // Whether they may stay is not known here; but whoever may not has been left by now.
    let owed = session.handle_admitted(protocol, now, random).len();
    heard.clear();
    Some((session, owed))
}

/// How many bytes are still to be answered, by somebody who takes them all at once.
fn answers(session: &mut Session, protocol: &Protocol, users: &Users) -> usize {
    let now = Time::START;
    let mut owed = 0;
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
