//! The lesson `levels_and_edges`; `main.rs` says what to predict. Each part is a function, in the order in which they run.

use std::error::Error;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use sockmodes::socket::{Linger, RecvBuffer, SendBuffer, Shutdown, Socket};

use crate::common::{Lesson, Told, Varies, connected, ms, recv_exactly, wait_writable};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn run() -> Result<ExitCode> {
    let mut lesson = Lesson::begin(
        "levels_and_edges: told while it is so, or told when it comes",
        &[
            "ten bytes are there, the program reads four: is it told again?",
            "EPOLLIN and EPOLLOUT, level-triggered, nothing to send: how many wakes in 0.1 s?",
            "the same with EPOLLET: how many?",
            "interest in nothing at all, and the peer resets the connection: is it told?",
            "ten datagrams, edges, one recv for each edge: how many are read?",
        ],
    );
    a_level_is_told_again(&mut lesson)?;
    write_interest_left_on(&mut lesson)?;
    write_interest_while_owed(&mut lesson)?;
    told_unasked(&mut lesson)?;
    datagrams_under_edges(&mut lesson)?;
    Ok(lesson.end())
}

// ANCHOR: level
fn a_level_is_told_again(lesson: &mut Lesson) -> Result<()> {
    lesson.part("A level: told as long as it is so");
    let (socket, peer) = connected()?;
    socket.set_blocking(false)?;
    let epoll = watching(&socket, EventFlags::IN)?;
    peer.send_all(b"0123456789")?;
    let first = wait(&epoll, ms(5000))?;
    lesson.told("epoll_wait, ten bytes there", &first);
    let four = socket.recv(4)?;
    lesson.told("recv(4)", &four);
    // The program may stop here: to be fair to the others, or because it owes this peer an answer already.
    let second = wait(&epoll, ms(5000))?;
    lesson.told("epoll_wait", &second);
    let rest = socket.recv(1024)?;
    lesson.told("recv(1024)", &rest);
    let third = wait(&epoll, ms(50))?;
    lesson.told("epoll_wait, for 0.05 s at most", &third);
    lesson.check(
        "what is left is told again: nothing can be forgotten",
        second.has(EventFlags::IN) && rest == b"456789",
    );
    lesson.check("and when nothing is left, it sleeps: no EAGAIN was needed", third.is_nothing());
    Ok(())
}
// ANCHOR_END: level

// ANCHOR: left_on
fn write_interest_left_on(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Write interest left on: a socket is nearly always writable");
    let (socket, _peer) = connected()?;
    let epoll = watching(&socket, EventFlags::IN | EventFlags::OUT)?;
    let with_out = wakes(&epoll, ms(100))?;
    lesson.told("wakes in 0.1 s, EPOLLIN and EPOLLOUT", &with_out);
    change(&epoll, &socket, EventFlags::IN)?;
    let without = wakes(&epoll, ms(100))?;
    lesson.told("wakes in 0.1 s, EPOLLIN", &without.0);
    change(&epoll, &socket, EventFlags::IN | EventFlags::OUT | EventFlags::ET)?;
    let edges = wakes(&epoll, ms(100))?;
    lesson.told("wakes in 0.1 s, EPOLLIN, EPOLLOUT and EPOLLET", &edges.0);
    // There is room in the send buffer, so every wait is answered at once, and the loop never sleeps: 100 % CPU, no
    // error, and everything works. Only the electricity bill and strace show it.
    lesson.check("with the level of EPOLLOUT the loop spins", with_out.0 > 2);
    lesson.check("without it, it sleeps", without.0 == 0);
    lesson.check("an edge is told once: \"writable\" has come, and stays", edges.0 == 1);
    Ok(())
}
// ANCHOR_END: left_on

// ANCHOR: owed
fn write_interest_while_owed(lesson: &mut Lesson) -> Result<()> {
    lesson.part("The cure: interest in writing while something is owed, and no longer");
    let (socket, peer) = narrow()?;
    socket.set_blocking(false)?;
    let epoll = watching(&socket, EventFlags::IN)?;
    let taken = fill(&socket)?;
    lesson.told("send, until EAGAIN", &Varies(taken));
    // The kernel takes no more: the rest is owed. Now, and only now, "writable" is news.
    change(&epoll, &socket, EventFlags::IN | EventFlags::OUT)?;
    let full = wait(&epoll, ms(50))?;
    lesson.told("epoll_wait, for 0.05 s at most, nobody reads", &full);
    recv_exactly(&peer, taken)?;
    let room = wait(&epoll, ms(5000))?;
    lesson.told("epoll_wait, the peer has read it", &room);
    // (Here the rest would be sent.) Nothing is owed any more, so nothing is asked for.
    change(&epoll, &socket, EventFlags::IN)?;
    let idle = wakes(&epoll, ms(50))?;
    lesson.told("wakes in 0.05 s, EPOLLIN again", &idle.0);
    lesson.check("full is not writable", full.is_nothing());
    lesson.check("room is told", room.has(EventFlags::OUT));
    lesson.check("and an idle connection costs nothing", idle.0 == 0);
    Ok(())
}
// ANCHOR_END: owed

// ANCHOR: unasked
fn told_unasked(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Told without being asked: EPOLLERR and EPOLLHUP");
    let (socket, peer) = connected()?;
    let epoll = watching(&socket, EventFlags::empty())?;
    peer.set_option(Linger, Some(Duration::ZERO))?;
    peer.close()?; // Lingering for no time at all means: reset.
    let reset = wait(&epoll, ms(5000))?;
    lesson.told("epoll_wait, no interest, the peer has reset", &reset);
    let spinning = wakes(&epoll, ms(50))?;
    lesson.told("wakes in 0.05 s", &spinning);
    // "I don't want to hear of this one for a while" can't be said with interest 0. Whoever ignores an event that is
    // told again has a loop that spins. Act on it: close the socket, or take it out.
    epoll::delete(&epoll, socket.descriptor()?)?;
    let removed = wakes(&epoll, ms(50))?;
    lesson.told("wakes in 0.05 s, after EPOLL_CTL_DEL", &removed.0);
    lesson.check("both are told, though nobody asked", {
        reset.has(EventFlags::ERR) && reset.has(EventFlags::HUP)
    });
    lesson.check("and again and again", spinning.0 > 2);
    lesson.check("taken out, it is quiet", removed.0 == 0);

    let (socket, peer) = connected()?;
    let epoll = watching(&socket, EventFlags::empty())?;
    peer.close()?;
    let half = wait(&epoll, ms(50))?;
    lesson.told("epoll_wait, no interest, the peer has closed", &half);
    socket.shutdown(Shutdown::Write)?;
    let whole = wait(&epoll, ms(5000))?;
    lesson.told("epoll_wait, after our shutdown(SHUT_WR)", &whole);
    // The end of one direction is an input like any other: EPOLLIN, or EPOLLRDHUP, which has to be asked for.
    lesson.check("HUP is the end of both directions", half.is_nothing());
    lesson.check("not of one", whole.has(EventFlags::HUP) && !whole.has(EventFlags::ERR));
    Ok(())
}
// ANCHOR_END: unasked

// ANCHOR: datagrams
fn datagrams_under_edges(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Ten datagrams and an edge");
    let socket = Socket::udp()?;
    socket.bind("127.0.0.1:0")?;
    socket.set_blocking(false)?;
    let address = socket.local_addr()?;
    let epoll = watching(&socket, EventFlags::IN | EventFlags::ET)?;
    let sender = Socket::udp()?;
    for number in 0..10 {
        sender.send_to(format!("no. {number}").as_bytes(), address)?;
    }
    let first = wait(&epoll, ms(5000))?;
    lesson.told("epoll_wait, ten datagrams there", &first);
    let zero = socket.recv(1024)?;
    lesson.told("recv(1024)", &zero);
    let second = wait(&epoll, ms(50))?;
    lesson.told("epoll_wait, for 0.05 s at most", &second);
    sender.send_to(b"no. 10", address)?;
    let third = wait(&epoll, ms(5000))?;
    lesson.told("epoll_wait, one more has come", &third);
    let one = socket.recv(1024)?;
    lesson.told("recv(1024)", &one);
    // Nine lie there, and each that comes pushes one out: a program that is always nine late. When the queue is full
    // the kernel drops what comes, and it looks as if the network lost it.
    lesson.check("ten arrivals made one edge", second.is_nothing());
    lesson.check("the eleventh brings the second", third.has(EventFlags::IN) && one == b"no. 1");
    let mut drained = 0_usize;
    let end = loop {
        match socket.recv(1024) {
            Ok(_) => drained += 1,
            Err(end) => break end,
        }
    };
    lesson.told("datagrams until EAGAIN", &drained);
    lesson.check("read until EAGAIN, and none is left", drained == 9 && end.is_would_block());
    Ok(())
}
// ANCHOR_END: datagrams

/// A new epoll that watches one socket.
fn watching(socket: &Socket, interest: EventFlags) -> Result<OwnedFd> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, socket.descriptor()?, EventData::new_u64(0), interest)?;
    Ok(epoll)
}

/// Other interest in the same socket.
fn change(epoll: &OwnedFd, socket: &Socket, interest: EventFlags) -> Result<()> {
    Ok(epoll::modify(epoll, socket.descriptor()?, EventData::new_u64(0), interest)?)
}

/// What one `epoll_wait` tells of the one socket.
fn wait(epoll: &OwnedFd, at_most: Duration) -> Result<News> {
    let mut room = [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 1];
    let count = epoll::wait(epoll, &mut room, Some(&Timespec::try_from(at_most)?))?;
    Ok(News(room[..count].first().map_or(EventFlags::empty(), |event| event.flags)))
}

/// How often a loop that only waits is woken.
fn wakes(epoll: &OwnedFd, time: Duration) -> Result<Varies> {
    let begun = Instant::now();
    let mut count = 0;
    while let Some(left) = time.checked_sub(begun.elapsed()) {
        count += usize::from(!wait(epoll, left)?.is_nothing());
    }
    Ok(Varies(count))
}

/// The flags of an event, none if there was none in time.
struct News(EventFlags);

impl News {
    fn has(&self, flag: EventFlags) -> bool {
        self.0.contains(flag)
    }

    fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }
}

impl Told for News {
    fn told(&self) -> String {
        let names = [
            (EventFlags::IN, "EPOLLIN"),
            (EventFlags::OUT, "EPOLLOUT"),
            (EventFlags::ERR, "EPOLLERR"),
            (EventFlags::HUP, "EPOLLHUP"),
        ];
        let names = names.into_iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| name);
        let names: Vec<_> = names.collect();
        if names.is_empty() { "nothing".into() } else { names.join(", ") }
    }
}

/// Sends until there is no room any more; returns how much that was.
fn fill(socket: &Socket) -> Result<usize> {
    let mut taken = 0;
    loop {
        match socket.send(&[b'x'; 16 * 1024]) {
            Ok(more) => taken += more,
            // The peer's kernel may still be taking in what is on its way, which makes room here.
            Err(error) if error.is_would_block() => {
                if !wait_writable(socket, ms(50)) {
                    return Ok(taken);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A connection with little room in it, so that it is soon full.
fn narrow() -> Result<(Socket, Socket)> {
    let (socket, peer) = connected()?;
    socket.set_option(SendBuffer, 32 * 1024)?;
    peer.set_option(RecvBuffer, 32 * 1024)?;
    Ok((socket, peer))
}
