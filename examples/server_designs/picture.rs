//! The picture: six small charts with the same x-axis, one line a design. It measures nothing.
//!
//! Every design has a colour and a shape of its own, for printing in grey.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::load::{Cell, UNDER_WAY};
use crate::plot::{
    self, Area, BLUE, FAINT, GREEN, INK, ORANGE, Outcome, PAPER, PURPLE, VERMILION, rounded, text,
};
use crate::servers::Design;

const HEIGHT: u32 = 732;
/// What is above the charts: a title, and a line for each design.
const HEAD: u32 = 126;
const FOOT: u32 = 88;
/// The height of a line of text.
const LINE: i32 = 16;
const TITLE: &str = "Five servers under the same load";

/// One chart: what it shows, of each cell of the table.
struct Chart {
    title: &'static str,
    good: &'static str,
    value: fn(&Cell) -> f64,
    /// A logarithmic axis has no place for zero: what is less than this is drawn at this.
    least: f64,
    label: fn(f64) -> String,
}

const CHARTS: [Chart; 6] = [
    Chart {
        title: "answers a second",
        good: "more is better",
        value: Cell::answers_per_second,
        least: 1.0,
        label: |value| {
            if value >= 1000.0 { format!("{} k", value / 1000.0) } else { value.to_string() }
        },
    },
    Chart {
        title: "p50: half of all waits",
        good: "less is better",
        value: |cell| cell.p50.as_secs_f64(),
        least: 1e-6,
        label: time,
    },
    Chart {
        title: "p99: 99 of 100 waits",
        good: "less is better",
        value: |cell| cell.p99.as_secs_f64(),
        least: 1e-6,
        label: time,
    },
    Chart {
        title: "CPU time for an answer",
        good: "less is better",
        value: |cell| cell.cpu_per_answer().as_secs_f64(),
        least: 1e-6,
        label: time,
    },
    Chart {
        title: "CPU while all are silent",
        good: "less is better",
        value: |cell| cell.idle * 100.0,
        least: 0.1,
        label: |value| format!("{value} %"),
    },
    Chart {
        title: "memory, resident",
        good: "less is better",
        value: |cell| cell.memory_kib as f64 / 1024.0,
        least: 1.0,
        label: |value| format!("{value} MiB"),
    },
];

impl Chart {
    fn point(&self, cell: &Cell) -> f64 {
        (self.value)(cell).max(self.least)
    }

    fn said(&self, cell: &Cell) -> String {
        (self.label)(rounded(self.point(cell)))
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.999e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 0.999 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.0} s"),
    }
}

pub(crate) fn draw(cells: &[Cell], path: &Path) -> Outcome {
    plot::draw(path, HEIGHT, (TITLE, &in_words(cells)), |picture| {
        let (head, rest) = picture.split_vertically(HEAD);
        let (body, foot) = rest.split_vertically(HEIGHT - HEAD - FOOT);
        legend(&head)?;
        for (area, chart) in body.split_evenly((3, 2)).iter().zip(&CHARTS) {
            draw_chart(area, chart, cells)?;
        }
        notes(&foot)
    })
}

/// Every chart and every line in it, for those who hear the picture.
fn in_words(cells: &[Cell]) -> String {
    let line = |chart: &Chart, design: Design| {
        let of = cells.iter().filter(|cell| cell.design == design);
        let point = |cell: &Cell| format!("{} with {}", chart.said(cell), cell.clients);
        format!("{} {}", design.name(), of.map(point).collect::<Vec<_>>().join(", "))
    };
    let sentence = |chart: &Chart| {
        let lines = Design::ALL.map(|design| line(chart, design));
        format!("{} ({}): {}.", chart.title, chart.good, lines.join("; "))
    };
    CHARTS.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

fn notes(area: &Area) -> Outcome {
    let lines = [
        format!("x: clients connected. At most {UNDER_WAY} of them wait for an"),
        "answer at one time, the others are silent.".to_owned(),
        "Hollow: time was up before every client was served;".to_owned(),
        "the true waits are longer still. On the lowest line:".to_owned(),
        "that or less.".to_owned(),
    ];
    for (number, line) in (0..).zip(&lines) {
        area.draw_text(line, &text(12., INK), (14, 2 + LINE * number))?;
    }
    Ok(())
}

fn draw_chart(area: &Area, chart: &Chart, cells: &[Cell]) -> Outcome {
    let values: Vec<f64> = cells.iter().map(|cell| chart.point(cell)).collect();
    let low = values.iter().copied().fold(f64::MAX, f64::min);
    let high = values.iter().copied().fold(f64::MIN, f64::max);
    // Whole powers of ten: both axes are logarithmic, so a line that halves as N doubles is straight.
    let (bottom, top) = (decade(low.log10().floor()), decade(high.log10().ceil()));
    area.draw_text(chart.title, &text(12., INK), (8, 4))?;
    area.draw_text(chart.good, &text(11.5, FAINT), (8, 4 + LINE))?;
    let (_, area) = area.split_vertically(2 * LINE + 2);
    let mut context = ChartBuilder::on(&area)
        .margin(6)
        .margin_right(14)
        .x_label_area_size(20)
        .y_label_area_size(52)
        .build_cartesian_2d((0.8..1250.0).log_scale(), (bottom * 0.8..top * 1.25).log_scale())?;
    // The grid by hand, at the powers of ten: what the library picks on a logarithmic axis is a thicket.
    let (left, above) = area.get_base_pixel();
    let powers = (bottom.log10().round() as i32)..=(top.log10().round() as i32);
    for power in powers.map(|power| decade(f64::from(power))) {
        let line = PathElement::new([(0.8, power), (1250.0, power)], FAINT.mix(0.3));
        context.plotting_area().draw(&line)?;
        let (x, y) = context.backend_coord(&(0.8, power));
        label(&area, &(chart.label)(power), (x - left - 5, y - above), HPos::Right)?;
    }
    for clients in [1.0, 10.0, 100.0, 1000.0] {
        let line =
            PathElement::new([(clients, bottom * 0.8), (clients, top * 1.25)], FAINT.mix(0.3));
        context.plotting_area().draw(&line)?;
        let (x, y) = context.backend_coord(&(clients, bottom * 0.8));
        label(&area, &clients.to_string(), (x - left, y - above + 12), HPos::Center)?;
    }
    for design in Design::ALL {
        let of: Vec<&Cell> = cells.iter().filter(|cell| cell.design == design).collect();
        let point = |cell: &Cell| (cell.clients as f64, chart.point(cell));
        let line = of.iter().map(|cell| point(cell));
        context.draw_series(LineSeries::new(line, colour(design).stroke_width(2)))?;
        for cell in of {
            let is_hollow = cell.served < cell.clients;
            let (inside, around) = marker(design, is_hollow);
            context.draw_series([EmptyElement::at(point(cell)) + inside + around])?;
        }
    }
    Ok(())
}

fn legend(area: &Area) -> Outcome {
    area.draw_text(TITLE, &text(16., INK), (14, 12))?;
    let words = [
        (Design::Blocking, "one client after another"),
        (Design::Threads, "a thread for each client"),
        (Design::Spinning, "never waits, asks everybody"),
        (Design::Timeouts, "waits 1 ms for each client"),
        (Design::Loop, "mio: the kernel tells who"),
    ];
    for (number, (design, what)) in (0..).zip(words) {
        let y = 46 + LINE * number;
        let line = PathElement::new([(14, y), (46, y)], colour(design).stroke_width(2));
        area.draw(&line)?;
        let (inside, around) = marker(design, false);
        area.draw(&(EmptyElement::at((30, y)) + inside + around))?;
        label(area, design.name(), (58, y), HPos::Left)?;
        label(area, what, (132, y), HPos::Left)?;
    }
    Ok(())
}

type Marker = (Polygon<(i32, i32)>, PathElement<(i32, i32)>);

/// A filled shape and its outline, around the point (0, 0).
fn marker(design: Design, is_hollow: bool) -> Marker {
    let corners: &[(i32, i32)] = match design {
        Design::Blocking => &[(-5, -5), (5, -5), (5, 5), (-5, 5)],
        Design::Threads => &[(0, -6), (6, 5), (-6, 5)],
        Design::Spinning => &[(0, -6), (6, 0), (0, 6), (-6, 0)],
        Design::Timeouts => &[(-6, -5), (6, -5), (0, 6)],
        // Pythagoras has whole numbers for a circle of radius 5.
        Design::Loop => &[
            (5, 0),
            (4, 3),
            (3, 4),
            (0, 5),
            (-3, 4),
            (-4, 3),
            (-5, 0),
            (-4, -3),
            (-3, -4),
            (0, -5),
            (3, -4),
            (4, -3),
        ],
    };
    let mut around = corners.to_vec();
    around.extend(corners.first());
    let inside = if is_hollow { PAPER } else { colour(design) };
    (
        Polygon::new(corners, inside.filled()),
        PathElement::new(around, colour(design).stroke_width(2)),
    )
}

fn colour(design: Design) -> RGBColor {
    match design {
        Design::Blocking => VERMILION,
        Design::Threads => BLUE,
        Design::Spinning => PURPLE,
        Design::Timeouts => ORANGE,
        Design::Loop => GREEN,
    }
}

fn label(area: &Area, words: &str, at: (i32, i32), side: HPos) -> Outcome {
    let style = text(12., INK).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(words.to_owned(), at, style))?;
    Ok(())
}

fn decade(power: f64) -> f64 {
    10_f64.powf(power)
}
