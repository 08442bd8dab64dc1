//! A plot for the book: drawn by plotters, said in words as well, and in colours that follow the page around it.
//!
//! plotters writes colours as numbers. Here each of them stands for a name, and the numbers behind a name are chosen
//! where the plot is shown: those for light pages or those for dark ones. In a page of the book (which includes plots,
//! and does not link them) that is as its theme says, alone as the system does. It measures nothing, and knows no axis.

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// As wide as every drawing of the book: a phone shows it as it is.
pub(crate) const WIDTH: u32 = 360;
/// plotters divides the height of letters by this.
const LINE: f64 = 1.24;

pub(crate) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub(crate) const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
pub(crate) const FAINT: RGBColor = RGBColor(0x57, 0x60, 0x6a);
// After Okabe and Ito, whose colours people with any kind of colour vision can tell apart: darker on white, lighter in
// the dark, so that each stands out from its paper by three to one at least.
pub(crate) const VERMILION: RGBColor = RGBColor(0xc8, 0x55, 0x00);
pub(crate) const BLUE: RGBColor = RGBColor(0x00, 0x66, 0xa3);
pub(crate) const PURPLE: RGBColor = RGBColor(0xb0, 0x52, 0x8a);
pub(crate) const ORANGE: RGBColor = RGBColor(0xa8, 0x78, 0x00);
pub(crate) const GREEN: RGBColor = RGBColor(0x00, 0x85, 0x60);

/// The name of each, and what it is in the dark.
const COLOURS: [(RGBColor, &str, &str); 8] = [
    (PAPER, "paper", "#161b22"),
    (INK, "ink", "#e6edf3"),
    (FAINT, "faint", "#a5adb6"),
    (VERMILION, "vermilion", "#f0803c"),
    (BLUE, "blue", "#56b4e9"),
    (PURPLE, "purple", "#dd9bc1"),
    (ORANGE, "orange", "#e6b800"),
    (GREEN, "green", "#35c295"),
];

/// Has `paint` draw, and writes a file that says in words, too, what it shows.
pub(crate) fn draw(
    path: &Path,
    height: u32,
    (title, words): (&str, &str),
    paint: impl FnOnce(&Area) -> Outcome,
) -> Outcome {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        area.fill(&PAPER)?;
        paint(&area)?;
        area.present()?;
    }
    for (colour, name, _) in COLOURS {
        svg = svg.replace(
            &format!("\"{}\"", number(colour).to_uppercase()),
            &format!("\"var(--{name})\""),
        );
    }
    if let Some((_, colour)) = svg.split_once("\"#") {
        let colour: String = colour.chars().take_while(|letter| *letter != '"').collect();
        return Err(format!("{}: no theme knows the colour #{colour}", path.display()).into());
    }
    let (_, drawn) = svg.split_once(">\n").ok_or("plotters has drawn nothing")?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
    let variables: Vec<String> = COLOURS
        .iter()
        .map(|(light, name, dark)| format!("--{name}: light-dark({}, {dark});", number(*light)))
        .collect();
    let head = format!(
        "<svg class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"{name}-title {name}-desc\">\n\
         <title id=\"{name}-title\">{title}</title>\n<desc id=\"{name}-desc\">{words}</desc>\n\
         <style>\n  .plot {{ {} }}\n  .plot:root {{ color-scheme: light dark; }}\n</style>\n",
        variables.join(" ")
    );
    Ok(fs::write(path, head + drawn)?)
}

/// Letters of so many pixels.
pub(crate) fn text(pixels: f64, colour: RGBColor) -> TextStyle<'static> {
    ("system-ui, Helvetica, Arial, sans-serif", pixels * LINE).into_font().color(&colour)
}

/// A value in two digits: what can be read in a plot.
pub(crate) fn rounded(value: f64) -> f64 {
    let digit = 10_f64.powf(value.log10().floor() - 1.0);
    (value / digit).round() * digit
}

fn number(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
