//! Level 6, the end: a signal, and a server that leaves well.
//!
//! Every check here ends the server; the next one starts it anew.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::catalogue::{Check, Need};
use super::peer::{Ending, Peer};
use super::process::told;
use super::service::{Question, difference};
use super::story::{Told, Trouble, bytes, doubtful, seconds, wrong};
use super::trial::Trial;

/// How long a server may give those who do not take what they are owed, in the first attempt and in the second. Nobody
/// has promised a time; `sockmodes serve` gives them five seconds.
const DRAIN: [Duration; 2] = [Duration::from_secs(6), Duration::from_secs(8)];

/// How long an end at once may take, in the first attempt and in the second: less than anybody gives clients before it cuts
/// them off.
const AT_ONCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

const STOPPING: &str = "loop.md#stopping";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "term-exit",
        level: 6,
        about: "SIGTERM ends a server that owes nothing at once, with status 0",
        matters: "whoever stops it waits for it; and a supervisor takes any other status for a crash",
        page: STOPPING,
        lesson: None,
        needs: &[Need::Process],
        run: |trial| leaves_at_once(trial, Signal::TERM),
    },
    Check {
        name: "int-exit",
        level: 6,
        about: "SIGINT, Control-C, ends it as well, with status 0",
        matters: "it is how most servers are stopped by those who write them",
        page: STOPPING,
        lesson: None,
        needs: &[Need::Process],
        run: |trial| leaves_at_once(trial, Signal::INT),
    },
    Check {
        name: "term-idle",
        level: 6,
        about: "idle clients, and such as are not let in yet, do not keep it from leaving",
        matters: "most connections are idle: who waits for them to leave by themselves waits for ever",
        page: STOPPING,
        lesson: None,
        needs: &[Need::Process],
        run: term_idle,
    },
    Check {
        name: "term-owed",
        level: 6,
        about: "what is owed when SIGTERM comes still arrives",
        matters: "a server that is updated once a day must not cut an answer in two once a day",
        page: "loop.md#half-close-and-linger",
        lesson: None,
        needs: &[Need::Process, Need::Stream],
        run: term_owed,
    },
    Check {
        name: "term-new",
        level: 6,
        about: "after SIGTERM no new client is served",
        matters: "who still takes new ones never comes to an end",
        page: STOPPING,
        lesson: None,
        needs: &[Need::Process, Need::Stream],
        run: term_new,
    },
    Check {
        name: "term-stuck",
        level: 6,
        about: "a client that never takes what it is owed does not keep the server for ever",
        matters: "one stuck client would hold up every stop, until somebody sends SIGKILL and all lose what they are \
                  owed",
        page: STOPPING,
        lesson: None,
        needs: &[Need::Process, Need::Stream],
        run: term_stuck,
    },
    Check {
        name: "term-twice",
        level: 6,
        about: "a second signal ends it at once, whatever it owes, and not with status 0",
        matters: "it is what people do who can't wait; a status of 0 would say that all was delivered",
        page: STOPPING,
        lesson: None,
        needs: &[Need::Process, Need::Stream],
        run: term_twice,
    },
    Check {
        name: "port-again",
        level: 6,
        about: "after the end the same port can be listened at again, at once",
        matters: "connections that the server has closed keep the port for a minute, unless the new server sets \
                  SO_REUSEADDR: a restart would be an outage",
        page: "reference/wire.md#how-it-ends",
        lesson: Some("socket_options"),
        needs: &[Need::Process],
        run: port_again,
    },
];

impl Trial<'_> {
    fn signal(&mut self, signal: Signal) -> Told {
        let name = if signal == Signal::INT { "SIGINT" } else { "SIGTERM" };
        self.diary.note(format!("the server is sent {name}"));
        let nobody = || Trouble::Untold("there is no process to send a signal to".into());
        self.server.signal(signal).then_some(()).ok_or_else(nobody)
    }

    /// Waits for the end of the process, for so long at most, and its status.
    fn exits(&mut self, within: Duration, when: &str) -> Told<ExitStatus> {
        let begin = Instant::now();
        self.server.ends_within(self.limits.left(within));
        self.status(begin.elapsed(), when)
    }

    /// Waits for an end at once. On a busy machine that may take a while, but only as long as the server has something to
    /// do: one that sleeps waits for somebody.
    fn exits_at_once(&mut self, when: &str) -> Told<ExitStatus> {
        let begin = Instant::now();
        let least = AT_ONCE[self.attempt.min(1) as usize];
        if !self.server.ends_within(self.limits.left(least)) {
            let more = self.limits.left((self.limits.patience * 2).saturating_sub(least));
            let told = self.server.watch().rests(Duration::ZERO, more);
            // That it has ended comes a moment later than its rest.
            self.server.ends_within(if told.is_some() { self.pace.quiet() } else { more });
        }
        self.status(begin.elapsed(), when)
    }

    /// How the process has ended, after so long.
    fn status(&mut self, after: Duration, when: &str) -> Told<ExitStatus> {
        let Some(process) = self.server.process() else {
            return Err(Trouble::Untold("there is no process to wait for".into()));
        };
        let ended = process.has_ended();
        let Some(status) = process.status() else {
            return Err(match ended {
                true => Trouble::Untold("it ended, and its status is not to be had".into()),
                false => doubtful(
                    format!("the server ends, {when}"),
                    format!("it still runs after {}", seconds(after)),
                ),
            });
        };
        self.diary.note(format!("the server ends with {}", told(status)));
        Ok(status)
    }

    fn drain(&self) -> Duration {
        DRAIN[self.attempt.min(1) as usize]
    }

    /// That it ended well.
    fn is_well(&mut self, status: ExitStatus) -> Told {
        if status.success() {
            return Ok(());
        }
        // What ended it said last, if it did.
        let came = self.server.end_told().unwrap_or_else(|| told(status));
        Err(wrong("an end with status 0", came))
    }

    /// That the server is there, and not only its listener: it may be about to say what it does with signals.
    fn is_awake(&mut self) -> Told {
        self.is_served("before the signal")
    }

    /// A client that is owed much: it has sent all that goes, and read nothing.
    fn owed(&mut self) -> Told<(Peer, Question, usize)> {
        let mut peer = self.enter_narrow()?;
        let question = self.config.service.flood(&mut self.rng, 16 << 20);
        let said = peer.fill_up(&question.request, self.pace.quiet())?;
        Ok((peer, question, said))
    }
}

fn leaves_at_once(trial: &mut Trial<'_>, signal: Signal) -> Told {
    trial.is_awake()?;
    trial.signal(signal)?;
    let status = trial.exits_at_once("for it owes nothing")?;
    trial.is_well(status)
}

fn term_idle(trial: &mut Trial<'_>) -> Told {
    trial.is_awake()?;
    let mut idle = trial.enter()?;
    if trial.config.service.is_stream() {
        trial.ask(&mut idle, 24)?;
    }
    let (mut pending, _) = trial.greet()?;
    trial.signal(Signal::TERM)?;
    let status = trial.exits_at_once("for nobody is owed anything")?;
    trial.is_well(status)?;
    for peer in [&mut idle, &mut pending] {
        let (heard, _) = peer.hear_to_end("the server has ended")?;
        super::trial::compare(&heard, &[])?;
    }
    Ok(())
}

fn term_owed(trial: &mut Trial<'_>) -> Told {
    let (mut peer, question, said) = trial.owed()?;
    trial.signal(Signal::TERM)?;
    // It reads what comes until the server ends the connection; what the server had not read is not owed.
    trial.settle(trial.pace.beat());
    peer.make_room();
    let (heard, ending) = peer.hear_to_end("all that is owed has come")?;
    if let Some(difference) = difference(&heard, &question.answer) {
        return Err(wrong("the answers to what was sent, in order", difference));
    }
    if ending == Ending::Reset {
        let came =
            format!("{} of what {} had asked for, and then a reset", bytes(heard.len()), said);
        return Err(doubtful("what is owed, and then the end", came));
    }
    if heard.is_empty() {
        return Err(doubtful("what is owed, and then the end", "the end at once"));
    }
    let status = trial.exits(trial.drain(), "for all that was owed has been taken")?;
    trial.is_well(status)
}

fn term_new(trial: &mut Trial<'_>) -> Told {
    // As long as somebody is owed something, the server is there to be asked.
    let (owed, _, _) = trial.owed()?;
    trial.signal(Signal::TERM)?;
    trial.settle(trial.pace.quiet());
    let came = newcomer(trial)?;
    drop(owed);
    match came {
        None => Ok(()),
        Some(came) => Err(wrong("nobody new is served after SIGTERM", came)),
    }
}

/// What somebody hears who comes now, if anything.
fn newcomer(trial: &mut Trial<'_>) -> Told<Option<String>> {
    let Ok((mut new, nonce)) = trial.greet() else { return Ok(None) };
    let question = trial.question(24);
    let all = [trial.digest(&nonce), question.request].concat();
    new.say_if_heard(&all, "all that it has to say")?;
    let heard = new.hear_some(&mut [0; 64], trial.limits.patience)?;
    let served = matches!(heard, super::peer::Came::Bytes(_));
    Ok(served.then(|| "a client that came afterwards was let in, and answered".into()))
}

fn term_stuck(trial: &mut Trial<'_>) -> Told {
    let (peer, _, _) = trial.owed()?;
    trial.signal(Signal::TERM)?;
    trial.exits(trial.drain(), "though a client does not take what it is owed")?;
    drop(peer);
    Ok(())
}

fn term_twice(trial: &mut Trial<'_>) -> Told {
    let (peer, _, _) = trial.owed()?;
    trial.signal(Signal::TERM)?;
    trial.settle(trial.pace.quiet());
    if trial.server.process().is_some_and(|process| process.has_ended()) {
        // It does not wait for anybody; `term-owed` says what that costs.
        return Ok(());
    }
    trial.signal(Signal::TERM)?;
    let status = trial.exits_at_once("for it was told twice")?;
    drop(peer);
    match status.success() {
        false => Ok(()),
        true => Err(wrong("a status that says that something was cut off", "status 0")),
    }
}

fn port_again(trial: &mut Trial<'_>) -> Told {
    trial.is_awake()?;
    let mut idle = trial.enter()?;
    if trial.config.service.is_stream() {
        trial.ask(&mut idle, 24)?;
    }
    trial.signal(Signal::TERM)?;
    trial.exits(trial.drain(), "for nobody is owed anything")?;
    // The server has ended this connection first, so it is its side that remembers it for a minute.
    idle.hear_to_end("the server has ended")?;
    idle.leave_as_any();
    trial.diary.note("the server is started again at the same port".into());
    trial.server.start_anew(None).map_err(|came| {
        wrong("a server that listens at its port again as soon as it is started", came)
    })?;
    trial.is_served("after the restart")
}
