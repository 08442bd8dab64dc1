//! The service `login` under any bytes in any cut: the cut changes nothing, and what a model that knows
//! nothing of segments makes of the whole stream agrees. The first byte says how the rest is cut.

use serde_json::Value;
use sockmodes::auth::Entry;
use sockmodes::session::{
    MAX_DEPTH, MAX_OBJECT, Protocol, Reason, Service, State, Step, Time, Verdict,
};

/// Checks the stream behind the first byte of `data`, which says how it is cut.
pub(crate) fn check(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let cut = usize::from(*cut).max(1);
    let in_pieces = session(stream, cut);
    assert_eq!(session(stream, stream.len().max(1)), in_pieces, "the cut changes nothing");
    if let Some(expected) = model(stream) {
        assert_eq!(in_pieces, expected, "the model agrees");
    }
}

/// A name of one byte has itself for a password.
fn right(name: &str, password: &str) -> bool {
    name.len() == 1 && name == password
}

/// What a session answers, true for success; whether it still listens, and why not.
fn session(stream: &[u8], cut: usize) -> (Vec<bool>, Option<Reason>) {
    let protocol = Protocol::new(Entry::Open, Service::Login);
    let (mut session, now) = (super::session(&protocol, &[]), Time::START);
    let mut answers = Vec::new();
    for part in stream.chunks(cut) {
        assert!(session.handle_bytes(&protocol, now, &mut part.to_vec()).is_empty());
        while session.poll_step() == Step::Verify {
            let login = session.poll_login().expect("it wants a check");
            let success = login.password().is_some_and(|password| right(login.name(), password));
            let verdict = if success { Verdict::Success } else { Verdict::Failure };
            assert_eq!(session.handle_verdict(&protocol, now, verdict), verdict.answer());
            answers.push(success);
            session.handle_flushed(&protocol, now);
        }
    }
    if matches!(session.state(), State::Ending | State::Lingering) {
        session.handle_end_of_input();
        session.handle_delivered(now);
    }
    match session.poll_step() {
        Step::Close(reason) => (answers, Some(reason)),
        step => {
            assert_eq!(step, Step::Read);
            (answers, None)
        }
    }
}

/// The same by taking the stream apart with `serde_json` alone; `None` where it can't say, which is
/// when the stream ends within an object and near a limit.
fn model(stream: &[u8]) -> Option<(Vec<bool>, Option<Reason>)> {
    let (mut answers, mut failures, mut rest) = (Vec::new(), 0, stream);
    loop {
        let white = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        rest = &rest[rest.iter().take_while(white).count()..];
        match rest.first() {
            None => return Some((answers, None)),
            Some(b'{') => {}
            Some(_) => return Some((answers, Some(Reason::BadRequest))),
        }
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        let value = values.next()?.ok()?;
        if values.byte_offset() > MAX_OBJECT || depth(&value) > MAX_DEPTH {
            return Some((answers, Some(Reason::BadRequest)));
        }
        rest = &rest[values.byte_offset()..];
        let field = |name| value.get(name).and_then(Value::as_str);
        let success = match (field("username"), field("passwd")) {
            (Some(name), Some(password)) => right(name, password),
            _ => false,
        };
        answers.push(success);
        failures += usize::from(!success);
        if failures == 6 {
            return Some((answers, Some(Reason::TooManyTries)));
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
