//! The two pictures of the book: throughput and memory against connections.

use std::fs;
use std::io;
use std::path::Path;

use plotters::prelude::*;

use super::measure::{memory, most_connections, rate};
use super::peers::Peer;
use super::plot::{self, Area, BLUE, FAINT, INK, Outcome, PAPER, VERMILION, rounded, text};
use super::server::Server;
use super::table::median;

const COLOURS: [RGBColor; 3] = [BLUE, VERMILION, FAINT];
const PEERS: [Peer; 3] = [Peer::Ours(None), Peer::Tokio, Peer::Threads];
const HEIGHT: u32 = 280;
/// Each point is the median of this many.
const ROUNDS: usize = 5;

/// One line: connections, and what was measured with so many.
type Line = Vec<(f64, f64)>;

/// Measures, and draws into `folder`.
pub(crate) fn draw(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let rates = lines(&[1, 5, 20, 50, 200, 500, 1000, 3000], 1000, |peer, clients| {
        Ok(rate(peer, clients)? / 1000.)
    })?;
    let legend = SeriesLabelPosition::LowerRight;
    draw_lines(&folder.join("throughput.svg"), "thousand messages a second", legend, &rates)?;
    let costs = lines(&[500, 1000, 2000, 4000, 8000, 16_000], 1000, |peer, clients| {
        let server = Server::start(&mut peer.command())?;
        memory(&server, clients).map(|(bytes, _)| bytes)
    })?;
    let legend = SeriesLabelPosition::MiddleRight;
    draw_lines(&folder.join("memory.svg"), "bytes a connection", legend, &costs)
}

/// The points of every peer, the rounds interleaved; threads only up to `most_threads`.
fn lines(
    connections: &[usize],
    most_threads: usize,
    measure: impl Fn(Peer, usize) -> io::Result<f64>,
) -> io::Result<[Line; 3]> {
    let mut lines = PEERS.map(|_| Line::new());
    let most = most_connections();
    for &count in connections.iter().filter(|count| **count <= most) {
        let mut rounds = PEERS.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (round, peer) in rounds.iter_mut().zip(PEERS) {
                if peer != Peer::Threads || count <= most_threads {
                    round.push(measure(peer, count)?);
                }
            }
        }
        for (line, round) in lines.iter_mut().zip(rounds).filter(|(_, round)| !round.is_empty()) {
            let value = median(round);
            println!("{count} connections: {value:.1}");
            line.push((count as f64, value));
        }
    }
    Ok(lines)
}

fn draw_lines(
    path: &Path,
    y: &str,
    legend: SeriesLabelPosition,
    lines: &[Line; 3],
) -> io::Result<()> {
    let title = format!("Connections, and {y}");
    plot::draw(path, HEIGHT, (&title, &in_words(lines)), |area| paint(area, y, legend, lines))
        .map_err(|error| io::Error::other(error.to_string()))
}

/// The points, for those who hear the picture.
fn in_words(lines: &[Line; 3]) -> String {
    let point = |(x, y): &(f64, f64)| format!("{:.0} with {x:.0}", rounded(*y));
    let line = |(line, peer): (&Line, Peer)| {
        format!("{}: {}.", peer.name(), line.iter().map(point).collect::<Vec<_>>().join(", "))
    };
    let lines = lines.iter().zip(PEERS).map(line).collect::<Vec<_>>();
    format!("Both axes are logarithmic. {}", lines.join(" "))
}

fn paint(area: &Area, y: &str, legend: SeriesLabelPosition, lines: &[Line; 3]) -> Outcome {
    let points = || lines.iter().flatten();
    let right = points().map(|(x, _)| *x).fold(1., f64::max);
    let left = points().map(|(x, _)| *x).fold(right, f64::min);
    let (low, high) = (
        points().map(|(_, y)| *y).fold(f64::INFINITY, f64::min),
        points().map(|(_, y)| *y).fold(0., f64::max),
    );
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(38)
        .y_label_area_size(58)
        .build_cartesian_2d(
        (left..right * 1.05).log_scale(),
        (low.max(1.) / 1.5..high * 1.5).log_scale(),
    )?;
    chart
        .configure_mesh()
        .x_desc("connections")
        .x_labels(4)
        .y_desc(y)
        .axis_style(INK)
        .bold_line_style(FAINT.mix(0.3))
        .label_style(text(12., INK))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for ((line, peer), colour) in lines.iter().zip(PEERS).zip(COLOURS) {
        chart
            .draw_series(
                LineSeries::new(line.iter().copied(), colour.stroke_width(2)).point_size(3),
            )?
            .label(peer.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(legend)
        .label_font(text(12., INK))
        .background_style(PAPER)
        .border_style(INK)
        .draw()?;
    Ok(())
}
