//! `server_designs`: the same load against five servers, and what each of them costs.
//!
//! All five send back in upper case what they hear. They differ in what they do while a client is
//! silent: wait for it (`blocking`), leave the waiting to a thread (`threads`), ask again at once
//! (`spinning`), wait a little and then ask the next (`timeouts`), or let the kernel tell them
//! (`loop`).
//!
//! The load: N clients are connected, at most five of them wait for an answer at one time, and all
//! others are silent. Before you run it: how does each design get on as N goes from 1 to 1000?
//! Whose throughput falls, and in what proportion? Whose memory grows? Which of them uses the CPU
//! when nobody says anything?
//!
//! ```text
//! cargo run --example server_designs
//! python3 examples/python/server_designs.py
//! ```
//!
//! The picture goes to `target/server_designs.svg`. With `--slice 500ms` every cell of the table is
//! measured for half a second, and `--svg FILE` puts the picture elsewhere. For the numbers of an
//! optimised build, `cargo run --release`.
//!
//! Read `servers.rs` first: the five servers are the lesson, the rest is the measuring of it. Then `load.rs`
//! (the clients), `child.rs` (each server in a process of its own), `picture.rs`.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/plot.rs"]
mod plot;

mod child;
mod load;
mod picture;
mod servers;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use rustix::process::{Resource, getrlimit, setrlimit};

use common::{Lesson, Told, complain, ms};
use load::Cell;
use servers::{Design, PATIENCE};

/// How many clients there are, from column to column.
const CLIENTS: [usize; 4] = [1, 10, 100, 1000];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // The hidden way in: this process is to be one of the servers.
    if let [flag, design, expected] = &arguments[..]
        && flag == child::SERVE
    {
        let design = Design::ALL.into_iter().find(|known| known.name() == design);
        child::serve(design.ok_or("no such server")?, expected.parse()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::read(&arguments)?;
    allow_many_sockets()?;

    let mut lesson = Lesson::begin(
        "server_designs: five servers, one load",
        &[
            "1 to 1000 clients, nearly all of them silent: whose throughput falls, and why?",
            "who answers one client and nobody else?",
            "whose memory grows with the clients?",
            "nobody says anything: who uses the CPU all the same?",
        ],
    );
    let cells = measure_all(&mut lesson, options.slice)?;
    check_load(&mut lesson, &cells);
    picture::draw(&cells, &options.svg)?;
    // Not a line of the lesson: the twin draws no picture.
    complain(format_args!("picture: {}", options.svg.display()));
    Ok(lesson.end())
}

/// Every server with every number of clients, a row of the table each.
fn measure_all(lesson: &mut Lesson, slice: Duration) -> Result<Vec<Cell>, Box<dyn Error>> {
    lesson.part("The columns");
    lesson.note("answers/s    answers a second, of the server to all clients together");
    lesson.note(
        "p50, p99     half, and 99 of 100, of all requests had been waiting no longer than that;",
    );
    lesson.note("             one that got no answer counts with the time for which it had waited");
    lesson.note("CPU          CPU time of the server for each answer");
    lesson.note("idle         CPU time of the server, of one core, while nobody says anything");
    lesson.note("memory       of the server, resident, with all clients connected");
    lesson.note("served       how many of the clients got an answer at all");
    let mut cells = Vec::new();
    for clients in CLIENTS {
        lesson.part(&format!(
            "{:<29} answers/s        p50        p99         CPU   idle     memory  served",
            format!("{clients} client{}", if clients == 1 { "" } else { "s" }),
        ));
        for design in Design::ALL {
            let cell = load::measure(design, clients, slice)?;
            lesson.told(&format!("{:8}", design.name()), &cell);
            cells.push(cell);
        }
    }
    Ok(cells)
}

impl Told for Cell {
    fn told(&self) -> String {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        format!(
            "{:>9} {:7.0} µs {:7.0} µs {:8.1} µs {:4.0} % {:>6} KiB  ~{} of {}",
            format!("~{:.0}", self.answers_per_second()),
            micros(self.p50),
            micros(self.p99),
            micros(self.cpu_per_answer()),
            self.idle * 100.0,
            format!("~{}", self.memory_kib),
            self.served,
            self.clients,
        )
    }
}

impl Told for Box<dyn Error> {
    fn told(&self) -> String {
        self.to_string()
    }
}

/// What has to hold on any machine, however slow: who is served, never how fast.
fn check_load(lesson: &mut Lesson, cells: &[Cell]) {
    let of = |design| cells.iter().filter(move |cell: &&Cell| cell.design == design);
    let many = |cell: &&Cell| cell.clients > 1;
    lesson.check(
        "blocking: of many clients one is served, and one request of it answered",
        of(Design::Blocking).filter(many).all(|cell| cell.served == 1 && cell.answered == 1),
    );
    // A round asks everybody once, and every round waits its millisecond at the listener at least.
    lesson.check(
        "timeouts: never more than one request a client and millisecond",
        of(Design::Timeouts).all(|cell| {
            let rounds = cell.elapsed.as_nanos() / PATIENCE.as_nanos() + 1;
            cell.answered as u128 <= cell.clients as u128 * rounds
        }),
    );
    lesson.check(
        "threads, spinning, loop: everybody is served",
        cells
            .iter()
            .filter(|cell| cell.design.serves_everyone())
            .all(|cell| cell.served == cell.clients),
    );
    let memory = |design| of(design).map(|cell| cell.memory_kib).max();
    lesson.check(
        "threads take more memory than the loop",
        memory(Design::Threads) > memory(Design::Loop) || memory(Design::Loop) == Some(0),
    );
    let idle = |design| of(design).map(|cell| cell.idle).sum::<f64>();
    // Asleep in the kernel, however many clients there are: waiting costs these three only memory.
    lesson.check("nobody says anything: blocking, threads and loop sleep", {
        [Design::Blocking, Design::Threads, Design::Loop]
            .into_iter()
            .all(|design| idle(design) < 0.5 * idle(Design::Spinning))
    });
    lesson.check(
        "and spinning is the busiest of all, for nothing",
        idle(Design::Spinning) > idle(Design::Timeouts),
    );
}

struct Options {
    slice: Duration,
    svg: PathBuf,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Options, Box<dyn Error>> {
        let svg = Path::new("target").join("server_designs.svg");
        let mut options = Options { slice: ms(50), svg };
        for pair in arguments.chunks(2) {
            match pair {
                [name, value] if name == "--slice" => {
                    options.slice = humantime::parse_duration(value)?
                }
                [name, value] if name == "--svg" => options.svg = value.into(),
                _ => return Err("usage: server_designs [--slice 50ms] [--svg FILE]".into()),
            }
        }
        if let Some(folder) = options.svg.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(options)
    }
}

/// A socket is an open file, and many systems allow a process 1024 of them unless it asks for more. The servers
/// inherit what is set here.
fn allow_many_sockets() -> Result<(), Box<dyn Error>> {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = CLIENTS[CLIENTS.len() - 1] as u64 + 100;
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |maximum| wanted.min(maximum)));
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}
