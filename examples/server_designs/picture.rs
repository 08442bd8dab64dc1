//! The picture: six small charts with the same x-axis, one line a design. It measures nothing.
//!
//! The colours are those of Okabe and Ito, which people with any kind of colour vision can tell
//! apart, and every design has a shape of its own as well, for printing in grey.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::load::{Cell, UNDER_WAY};
use crate::servers::Design;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Outcome = Result<(), Box<dyn Error>>;

const SIZE: (u32, u32) = (1020, 800);
const INK: RGBColor = RGBColor(40, 40, 40);
const FAINT: RGBColor = RGBColor(226, 226, 226);
const FONT: &str = "Helvetica, Arial, sans-serif";

/// One chart: what it shows, of each cell of the table.
struct Chart {
    title: &'static str,
    value: fn(&Cell) -> f64,
    /// A logarithmic axis has no place for zero: what is less than this is drawn at this.
    least: f64,
    label: fn(f64) -> String,
}

const CHARTS: [Chart; 6] = [
    Chart {
        title: "answers a second (more is better)",
        value: Cell::answers_per_second,
        least: 1.0,
        label: |value| {
            if value >= 1000.0 { format!("{} k", value / 1000.0) } else { value.to_string() }
        },
    },
    Chart {
        title: "p50: half wait no longer (less is better)",
        value: |cell| cell.p50.as_secs_f64(),
        least: 1e-6,
        label: time,
    },
    Chart {
        title: "p99: 99 of 100 wait no longer (less is better)",
        value: |cell| cell.p99.as_secs_f64(),
        least: 1e-6,
        label: time,
    },
    Chart {
        title: "CPU time for an answer (less is better)",
        value: |cell| cell.cpu_per_answer().as_secs_f64(),
        least: 1e-6,
        label: time,
    },
    Chart {
        title: "CPU while all are silent (less is better)",
        value: |cell| cell.idle * 100.0,
        least: 0.1,
        label: |value| format!("{value} %"),
    },
    Chart {
        title: "memory, resident (less is better)",
        value: |cell| cell.memory_kib as f64 / 1024.0,
        least: 1.0,
        label: |value| format!("{value} MiB"),
    },
];

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.999e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 0.999 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.0} s"),
    }
}

pub(crate) fn draw(cells: &[Cell], path: &Path) -> Outcome {
    let picture = SVGBackend::new(path, SIZE).into_drawing_area();
    picture.fill(&WHITE)?;
    let (head, rest) = picture.split_vertically(104);
    let (body, foot) = rest.split_vertically(SIZE.1 - 104 - 44);
    legend(&head)?;
    for (area, chart) in body.split_evenly((2, 3)).iter().zip(&CHARTS) {
        draw_chart(area, chart, cells)?;
    }
    let words = text(16, INK);
    let lines = [
        format!(
            "x: clients connected. At most {UNDER_WAY} of them wait for an answer at one time, the others \
             are silent."
        ),
        "Hollow: time was up before every client was served; the true waits are longer still. On the \
         lowest line: that or less."
            .to_owned(),
    ];
    for (number, line) in (0..).zip(&lines) {
        foot.draw_text(line, &words, (20, 2 + 19 * number))?;
    }
    picture.present()?;
    Ok(())
}

/// The powers of ten around them: both axes are logarithmic, so a line that halves as N doubles is straight.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = values.clone().fold(f64::MAX, f64::min);
    let high = values.fold(f64::MIN, f64::max);
    (decade(low.log10().floor()), decade(high.log10().ceil()))
}

fn draw_chart(area: &Area, chart: &Chart, cells: &[Cell]) -> Outcome {
    let value = |cell: &Cell| (chart.value)(cell).max(chart.least);
    let (bottom, top) = decades(cells.iter().map(value));
    let mut context = ChartBuilder::on(area)
        .caption(chart.title, text(16, INK))
        .margin(8)
        .margin_right(18)
        .x_label_area_size(24)
        .y_label_area_size(64)
        .build_cartesian_2d((0.8..1250.0).log_scale(), (bottom * 0.8..top * 1.25).log_scale())?;
    // The grid by hand, at the powers of ten: what the library picks on a logarithmic axis is a thicket.
    let (left, above) = area.get_base_pixel();
    let powers = (bottom.log10().round() as i32)..=(top.log10().round() as i32);
    for power in powers.map(|power| decade(f64::from(power))) {
        let line = PathElement::new([(0.8, power), (1250.0, power)], FAINT);
        context.plotting_area().draw(&line)?;
        let (x, y) = context.backend_coord(&(0.8, power));
        label(area, &(chart.label)(power), (x - left - 6, y - above), HPos::Right)?;
    }
    for clients in [1.0, 10.0, 100.0, 1000.0] {
        let line = PathElement::new([(clients, bottom * 0.8), (clients, top * 1.25)], FAINT);
        context.plotting_area().draw(&line)?;
        let (x, y) = context.backend_coord(&(clients, bottom * 0.8));
        label(area, &clients.to_string(), (x - left, y - above + 12), HPos::Center)?;
    }
    for design in Design::ALL {
        let of: Vec<&Cell> = cells.iter().filter(|cell| cell.design == design).collect();
        let point = |cell: &Cell| (cell.clients as f64, value(cell));
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
    let title = "Five servers under the same load";
    area.draw_text(title, &text(26, INK), (20, 14))?;
    let words = [
        (Design::Blocking, "blocking", "one client after another"),
        (Design::Threads, "threads", "a thread for each client"),
        (Design::Spinning, "spinning", "never waits, asks everybody"),
        (Design::Timeouts, "timeouts", "waits 1 ms for each client"),
        (Design::Loop, "loop", "mio: the kernel tells who"),
    ];
    for (number, (design, name, what)) in (0..).zip(words) {
        let x = 34 + 198 * number;
        let line = PathElement::new([(x - 16, 62), (x + 16, 62)], colour(design).stroke_width(2));
        area.draw(&line)?;
        let (inside, around) = marker(design, false);
        area.draw(&(EmptyElement::at((x, 62)) + inside + around))?;
        area.draw_text(name, &text(18, colour(design)), (x + 24, 52))?;
        area.draw_text(what, &text(14, INK), (x + 24, 75))?;
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
    let inside = if is_hollow { WHITE } else { colour(design) };
    (
        Polygon::new(corners, inside.filled()),
        PathElement::new(around, colour(design).stroke_width(2)),
    )
}

fn colour(design: Design) -> RGBColor {
    match design {
        Design::Blocking => RGBColor(213, 94, 0),
        Design::Threads => RGBColor(0, 114, 178),
        Design::Spinning => RGBColor(204, 121, 167),
        Design::Timeouts => RGBColor(230, 159, 0),
        Design::Loop => RGBColor(0, 158, 115),
    }
}

fn label(area: &Area, words: &str, at: (i32, i32), side: HPos) -> Outcome {
    let style = text(14, INK).pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(words.to_owned(), at, style))?;
    Ok(())
}

fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(&colour)
}

fn decade(power: f64) -> f64 {
    10_f64.powf(power)
}
