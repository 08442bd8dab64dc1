//! The lesson `dead_peer`; `main.rs` says what to predict. Each part is a function, in the order in which they run.

use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use socket2::{SockFilter, SockRef};
use sockmodes::socket::{
    Error as SocketError, KeepAlive, KeepCount, KeepIdle, KeepInterval, Result, Socket, UserTimeout,
};

use crate::common::{Lesson, Varies, connected, ms, wait_hung_up, wait_readable};

type Outcome<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn run() -> Outcome<ExitCode> {
    let mut lesson = Lesson::begin(
        "dead_peer: who notices, and when",
        &[
            "the peer has closed: what does the first send return, and what the second?",
            "what does recv give then, how often, and is the socket readable?",
            "the peer closed with something unread: what is different?",
            "the peer's cable is cut: which call tells, and after how long?",
            "does keepalive tell it, if something is sent and not acknowledged?",
        ],
    );
    // Keepalive counts in whole seconds. These two connections wait while the lesson goes on.
    let quiet = watched()?;
    let unanswered = watched()?;
    unanswered.0.send_all(b"hello?")?;

    the_first_send_succeeds(&mut lesson)?;
    closed_with_something_unread(&mut lesson)?;
    the_end_again_and_again(&mut lesson)?;
    silence(&mut lesson)?;
    keepalive(&mut lesson, &quiet.0, &unanswered.0)?;
    Ok(lesson.end())
}

// ANCHOR: first
fn the_first_send_succeeds(lesson: &mut Lesson) -> Result<()> {
    lesson.part("The peer has closed, and nothing was left unread");
    let (socket, peer) = connected()?;
    peer.close()?;
    lesson.did("peer: close()");
    let end = socket.recv(5)?;
    lesson.told("recv(5)", &end);
    // The peer's FIN says "I shall send nothing more". Whether it still reads is not in it: it might have called
    // shutdown(SHUT_WR). So the kernel takes the bytes, sends them, and only the answer to them is "no such
    // connection" (RST).
    let first = socket.send(b"hello")?;
    lesson.told("send(b\"hello\")", &first);
    let news = wait_hung_up(&socket, ms(5000));
    lesson.told("wait for news", &news);
    let second = socket.send(b"hello");
    lesson.told("send(b\"hello\")", &second);
    lesson.check("the end of input is no error", end.is_empty());
    lesson.check("the first send is taken: five bytes that nobody will read", first == 5);
    // In C a write like this kills the process with SIGPIPE, unless it has said that it does not want it
    // (MSG_NOSIGNAL). Rust and Python have said so at their start.
    lesson.check("the second says EPIPE", has_errno(&second, Errno::PIPE));
    Ok(())
}
// ANCHOR_END: first

// ANCHOR: unread
fn closed_with_something_unread(lesson: &mut Lesson) -> Result<()> {
    lesson.part("The peer closes with something unread");
    let (socket, peer) = connected()?;
    socket.send_all(b"a question")?;
    wait_readable(&peer, ms(5000));
    peer.close()?;
    lesson.did("peer: close(), ten bytes unread");
    // Bytes were lost, and TCP says so: the kernel sends RST at once, in place of FIN.
    wait_hung_up(&socket, ms(5000));
    let reset = socket.recv(5);
    lesson.told("recv(5)", &reset);
    let after = socket.recv(5)?;
    lesson.told("recv(5)", &after);
    let sent = socket.send(b"hello");
    lesson.told("send(b\"hello\")", &sent);
    lesson.check("a reset is told", has_errno(&reset, Errno::CONNRESET));
    lesson.check("once; from then on recv says \"end\"", after.is_empty());
    lesson.check("and send says EPIPE", has_errno(&sent, Errno::PIPE));
    Ok(())
}
// ANCHOR_END: unread

// ANCHOR: again
fn the_end_again_and_again(lesson: &mut Lesson) -> Result<()> {
    lesson.part("The end of input is not \"nothing yet\"");
    let (living, _peer) = connected()?;
    living.set_blocking(false)?;
    let nothing_yet = living.recv(4);
    lesson.told("recv(4), a peer that is silent", &nothing_yet);
    let (socket, peer) = connected()?;
    peer.close()?;
    let readable = wait_readable(&socket, ms(5000));
    lesson.told("is it readable, the peer gone?", &readable);
    // A loop that takes the end for "nothing yet": it wants four bytes, and asks until they have come.
    let begun = Instant::now();
    let (mut rounds, mut bytes) = (0, Vec::new());
    while bytes.len() < 4 && begun.elapsed() < ms(50) {
        bytes.extend(socket.recv(4 - bytes.len())?);
        rounds += 1;
    }
    lesson.told("rounds of a loop that wants four bytes", &Varies(rounds));
    lesson.check("nothing yet is EAGAIN", has_errno(&nothing_yet, Errno::AGAIN));
    lesson.check("the end is readable for ever, and every recv gives it", readable && rounds > 2);
    lesson.note("(Without its limit of 0.05 s the loop would have a core to itself from now on.)");
    Ok(())
}
// ANCHOR_END: again

// ANCHOR: silence
fn silence(lesson: &mut Lesson) -> Outcome<()> {
    lesson.part("The peer's cable is cut: no FIN, no RST, nothing");
    let (socket, peer) = connected()?;
    socket.set_option(UserTimeout, Some(ms(100)))?;
    lesson.did("setsockopt(TCP_USER_TIMEOUT, 100)");
    cut_the_cable(&peer)?;
    let sent = socket.send(b"hello")?;
    lesson.told("send(b\"hello\")", &sent);
    // Nobody acknowledges. The kernel sends the bytes again, after 0.2 s, 0.4 s, 0.8 s and so on, and tells nobody.
    let news = wait_hung_up(&socket, ms(5000));
    lesson.told("wait for news", &news);
    let given_up = socket.recv(5);
    lesson.told("recv(5)", &given_up);
    let after = socket.send(b"hello");
    lesson.told("send(b\"hello\")", &after);
    lesson.check("the send into the void succeeds", sent == 5);
    lesson.check("TCP_USER_TIMEOUT ends it: ETIMEDOUT", has_errno(&given_up, Errno::TIMEDOUT));
    lesson.check("told once, then EPIPE", has_errno(&after, Errno::PIPE));
    let tries = fs::read_to_string("/proc/sys/net/ipv4/tcp_retries2")?.trim().parse()?;
    let patience = patience(tries).as_secs_f64();
    lesson.note(&format!(
        "Without it, the kernel gives up after ~{tries} tries, which take {patience:.1} s."
    ));
    Ok(())
}

/// How long the kernel sends again before it gives up: the first time after 0.2 s (where the way is as short as here),
/// then twice as long each time, but never longer than two minutes.
fn patience(tries: u32) -> Duration {
    (0..=tries).map(|n| (ms(200) * 2_u32.saturating_pow(n)).min(Duration::from_secs(120))).sum()
}

/// From here on the kernel drops whatever comes for this socket, before TCP sees it, and so nothing is answered.
fn cut_the_cable(peer: &Socket) -> Result<()> {
    // A filter of one instruction: return, with 0 bytes of the packet kept. socket(7), SO_ATTACH_FILTER.
    const BPF_RET: u16 = 0x06;
    let descriptor = peer.descriptor()?;
    SockRef::from(&descriptor).attach_filter(&[SockFilter::new(BPF_RET, 0, 0, 0)])?;
    Ok(())
}
// ANCHOR_END: silence

// ANCHOR: keepalive
/// A connection whose peer is cut off, with keepalive: after a second of silence a question, and if that is not
/// answered in a second, the end. (Without the three options it is two hours, then nine questions, 75 s apart.)
fn watched() -> Result<(Socket, Socket)> {
    let (socket, peer) = connected()?;
    socket.set_option(KeepAlive, true)?;
    socket.set_option(KeepIdle, Duration::from_secs(1))?;
    socket.set_option(KeepInterval, Duration::from_secs(1))?;
    socket.set_option(KeepCount, 1)?;
    cut_the_cable(&peer)?;
    Ok((socket, peer))
}

fn keepalive(lesson: &mut Lesson, quiet: &Socket, unanswered: &Socket) -> Result<()> {
    lesson.part("Keepalive: asking, when there is nothing to send");
    lesson.note("(Two connections that were cut when the lesson began. One has been quiet; on the");
    lesson.note("other six bytes were sent, and not acknowledged.)");
    let dead = quiet.recv(5);
    lesson.told("quiet: recv(5)", &dead);
    unanswered.set_blocking(false)?;
    let unknown = unanswered.recv(5);
    lesson.told("unanswered: recv(5), without waiting", &unknown);
    lesson.check("recv alone would have waited for ever", has_errno(&dead, Errno::TIMEDOUT));
    // While something is under way, it is TCP's own sending again that asks, with its own patience; keepalive rests.
    lesson.check(
        "keepalive is for silence: what is unacknowledged needs TCP_USER_TIMEOUT",
        has_errno(&unknown, Errno::AGAIN),
    );
    Ok(())
}
// ANCHOR_END: keepalive

fn has_errno<T>(result: &std::result::Result<T, SocketError>, errno: Errno) -> bool {
    let error = result.as_ref().err().and_then(|error| error.raw_os_error());
    error == Some(errno.raw_os_error())
}
