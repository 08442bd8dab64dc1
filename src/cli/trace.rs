//! `sockmodes trace FILE`: what `serve --trace` has written, told in the terminal or made into a page.
//!
//! A line is read (`trace/lines.rs`), understood (`record.rs`) and told (`words.rs`); then it is added up
//! (`summary.rs`), or it is one connection's story (`story.rs`), or it goes into the page (`html.rs`, `embedded.rs`,
//! `columns.rs`). Nothing is kept of it, so the trace may be as long as it likes.

mod columns;
mod connections;
mod embedded;
mod html;
mod lines;
mod record;
mod story;
mod summary;
mod tally;
mod turns;
mod units;
mod words;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use embedded::Embedded;
use html::Page;
use lines::{Line, Lines};
use story::Story;
use summary::{SKIPPED, Summary};
use units::many;

use super::draft::Draft;
use super::files::{check_input, check_outputs, output};
use super::values::number;
use super::{Done, Failure, one_line};

#[derive(clap::Args)]
pub(super) struct Args {
    /// What 'serve --trace' has written; '-' is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Tell what happened to this connection, line by line
    #[arg(long, value_name = "N", value_parser = number::<u64>)]
    connection: Option<u64>,
    /// Write the page with the trace in it to this file, which needs no network
    #[arg(long, value_name = "OUT", value_parser = output(), conflicts_with = "connection")]
    html: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Done {
    let mut trace = Trace::open(&args.file, args.html.as_deref())?;
    match (&args.html, args.connection) {
        (Some(path), _) => draw(&mut trace, path),
        (None, Some(connection)) => tell(&mut trace, connection),
        (None, None) => sum_up(&mut trace),
    }
}

/// How things are, all in all.
fn sum_up(trace: &mut Trace) -> Done {
    let mut summary = Summary::default();
    trace.each(|line| {
        summary.tell(&line.record);
        Ok(())
    })?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = summary.write(&trace.name, trace.broken, &mut out).and_then(|()| out.flush());
    written.map_err(unwritten)?;
    Ok(ExitCode::SUCCESS)
}

/// What happened to one connection; while it happens, if the trace is still being written.
fn tell(trace: &mut Trace, connection: u64) -> Done {
    let mut story = Story::new(BufWriter::new(io::stdout().lock()), connection);
    trace.each(|line| {
        story.tell(&line.record, line.text).map_err(unwritten)?;
        if line.is_last_so_far { story.flush().map_err(unwritten) } else { Ok(()) }
    })?;
    let is_told = story.end().map_err(unwritten)?;
    trace.say_broken();
    match is_told {
        true => Ok(ExitCode::SUCCESS),
        false => {
            Err(Failure::Failed(format!("{} tells nothing of connection {connection}", trace.name)))
        }
    }
}

/// The page with the trace in it.
fn draw(trace: &mut Trace, path: &Path) -> Done {
    let name = path.display();
    let failed = |error| Failure::Failed(format!("cannot write the page to {name}: {error}"));
    let page = Page::new();
    let mut out = Draft::begin(path).map_err(failed)?;
    page.begin(&mut out).map_err(failed)?;
    let mut embedded = Embedded::default();
    trace.each(|line| embedded.line(line.text, &mut out).map_err(failed))?;
    embedded.end(&mut out).map_err(failed)?;
    page.end(&mut out).and_then(|()| out.end()).map_err(failed)?;
    trace.say_broken();
    Ok(ExitCode::SUCCESS)
}

fn unwritten(error: io::Error) -> Failure {
    Failure::writing("to standard output", &error)
}

/// A trace that is read.
struct Trace {
    /// What it is called when something is said of it.
    name: String,
    lines: Lines,
    /// Lines that are no event.
    broken: u64,
}

impl Trace {
    /// `html`: what it is made into, which must not be the same file.
    fn open(path: &Path, html: Option<&Path>) -> Result<Trace, Failure> {
        let html = html.map(|html| ("--html", html));
        let (name, input): (_, Box<dyn Read>) = if path.as_os_str() == "-" {
            check_input(html)?;
            ("standard input".to_owned(), Box::new(io::stdin().lock()))
        } else {
            check_outputs(&[path], html)?;
            let name = one_line(&path.display().to_string());
            let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
            (name, Box::new(file))
        };
        Ok(Trace { name, lines: Lines::new(input), broken: 0 })
    }

    /// Goes through the events; broken lines are counted. Fails if there is no event at all.
    fn each(&mut self, mut tell: impl FnMut(Line) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut is_one = false;
        loop {
            match self.lines.next().map_err(|error| unreadable(&self.name, &error))? {
                None => break,
                Some(None) => self.broken += 1,
                Some(Some(line)) => {
                    is_one = true;
                    tell(line)?;
                }
            }
        }
        let why = match self.broken {
            _ if is_one => return Ok(()),
            0 => "it is empty".to_owned(),
            broken => format!("{} and no event", many(broken, "line")),
        };
        Err(Failure::Failed(format!("{} is no trace: {why}", self.name)))
    }

    /// Says how many lines were skipped, if any were.
    fn say_broken(&self) {
        if self.broken > 0 {
            let said = format!("sockmodes: {}: {} {SKIPPED}", self.name, many(self.broken, "line"));
            // Whoever has closed it does not want to know.
            let _ = writeln!(io::stderr(), "{said}");
        }
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot read the trace {name}: {error}"))
}

#[cfg(test)]
mod tests;
