//! The picture of the states: places and curves laid by hand, boxes, arrows and words from the table.

use std::fmt::Write;

use sockmodes::session::{Input, State, TRANSITIONS};

const WIDTH: u32 = 1170;
/// Where its left edge is.
const LEFT: i32 = -60;
const HEIGHT: u32 = 685;
/// How large a box is: so far from its middle to its sides.
const HALF: (i32, i32) = (85, 30);

/// Where the middle of a state's box is, its colour, and what it is in a few words.
fn place(state: State) -> (i32, i32, &'static str, &'static str) {
    match state {
        State::AwaitHeader => (55, 110, "entry", "a proxy says whose it is"),
        State::SendNonce => (115, 365, "entry", "the nonce is going out"),
        State::AwaitDigest => (390, 365, "entry", "the digest is on its way"),
        State::Serving => (665, 365, "serving", "the service answers"),
        State::Verifying => (671, 110, "serving", "a login is being checked"),
        State::Draining => (940, 365, "leaving", "its input has ended"),
        State::Ending => (527, 210, "leaving", "the server ends it"),
        State::Lingering => (802, 210, "leaving", "what comes is dropped"),
        State::Closed => (525, 560, "closed", "it is over, and a Reason says why"),
        other => panic!("the table has a state that the picture has not: {other}"),
    }
}

/// An arrow as it was laid: its class, its path, and where its words go.
struct Arrow {
    class: &'static str,
    path: &'static str,
    words: (i32, i32, &'static str),
}

/// The arrow from one state to another; a pair that the table gains has to be laid here.
fn arrow(from: State, to: State) -> Arrow {
    use State::*;
    let (class, path, words) = match (from, to) {
        (AwaitHeader, SendNonce) => ("side", "M95 140 V329", (86, 270, "end")),
        (AwaitHeader, Serving) => (
            "side",
            "M140 122 H392 Q412 122 412 142 V280 Q412 311 442 315 C500 322 540 330 571 347",
            (290, 140, "middle"),
        ),
        (AwaitHeader, Lingering) => (
            "side",
            "M140 100 H180 Q200 100 200 82 Q200 62 220 62 H782 Q802 62 802 82 V174",
            (213, 82, "start"),
        ),
        (AwaitHeader, Closed) => ("side", "M0 140 V524", (9, 180, "start")),
        (SendNonce, AwaitDigest) => ("main", "M200 365 H299", (250, 355, "middle")),
        (AwaitDigest, Serving) => ("main", "M475 365 H574", (525, 355, "middle")),
        (Serving, Draining) => ("main", "M750 365 H849", (800, 355, "middle")),
        (Draining, Closed) => ("main", "M940 395 V524", (951, 453, "start")),
        (SendNonce, Serving) => ("side", "M170 395 C190 447 575 447 612 400", (255, 452, "middle")),
        (SendNonce, Ending) => ("side", "M115 335 C115 255 240 210 436 210", (190, 235, "end")),
        (AwaitDigest, Lingering) => (
            "side",
            "M390 335 C390 256 410 254 470 254 H690 C715 254 730 251 745 244",
            (376, 281, "end"),
        ),
        (Serving, Ending) => ("side", "M625 335 C618 295 598 290 582 245", (489, 270, "start")),
        (Ending, Lingering) => ("side", "M612 200 H711", (672, 191, "middle")),
        (Ending, Draining) => ("side", "M604 240 C625 305 790 285 908 329", (850, 288, "end")),
        (Serving, Verifying) => ("side", "M640 335 V146", (633, 172, "end")),
        (Verifying, Serving) => ("side", "M704 140 V329", (712, 172, "start")),
        (Verifying, Ending) => ("side", "M586 110 H560 Q527 110 527 143 V179", (517, 152, "end")),
        (Lingering, Closed) => {
            ("side", "M887 210 H1032 Q1056 210 1056 234 V524", (1046, 277, "end"))
        }
        (SendNonce, Closed) => ("side", "M80 395 V524", (90, 477, "start")),
        (AwaitDigest, Closed) => ("side", "M390 395 V524", (380, 477, "end")),
        (Ending, Closed) => ("side", "M481 240 V524", (489, 492, "start")),
        (Serving, Closed) => ("side", "M665 395 V524", (675, 453, "start")),
        other => panic!("the table has an arrow that the picture has not: {other:?}"),
    };
    Arrow { class, path, words }
}

/// In a page of the book the colours are those of its theme, alone those of the system. The page has other drawings,
/// so whatever is said here is said of this one.
const HEAD: &str = r#"<style>
  .states { --ink: light-dark(#1f2328, #e6edf3); --faint: light-dark(#57606a, #a5adb6); --paper: light-dark(#ffffff, #161b22); --edge: light-dark(#d0d7de, #30363d); --line: light-dark(#6e7781, #8b949e); --main: light-dark(#0969da, #58a6ff); }
  .states:root { color-scheme: light dark; }
  .states .card { fill: var(--paper); stroke: var(--edge); }
  .states text { font: 14px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: var(--ink); }
  .states .title { font-size: 19px; font-weight: 600; }
  .states .name { font: 600 15px ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; text-anchor: middle; }
  .states .about { font-size: 12px; text-anchor: middle; fill: var(--faint); }
  .states .words { font-size: 13px; stroke: var(--paper); stroke-width: 5px; stroke-linejoin: round; paint-order: stroke; }
  .states .note { font-size: 13px; fill: var(--faint); }
  .states .arrow { fill: none; stroke-width: 1.6; stroke: var(--line); marker-end: url(#states-side); }
  .states .arrow.main { stroke-width: 3; stroke: var(--main); marker-end: url(#states-main); }
  #states-side path { fill: var(--line); } #states-main path { fill: var(--main); }
  .states .box { stroke-width: 1.6; }
  .states .entry { fill: light-dark(#ddf4ff, #0c2d4d); stroke: light-dark(#54aeff, #388bfd); }
  .states .serving { fill: light-dark(#dafbe1, #0f3320); stroke: light-dark(#4ac26b, #3fb950); }
  .states .leaving { fill: light-dark(#fff8c5, #3a2c06); stroke: light-dark(#d4a72c, #bb8009); }
  .states .closed { fill: light-dark(#eaeef2, #262c36); stroke: light-dark(#8c959f, #6e7681); }
</style>
<defs>
  <marker id="states-side" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="11" markerHeight="11" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L10 5 L0 10 z"/></marker>
  <marker id="states-main" viewBox="0 0 10 10" refX="6" refY="5" markerWidth="15" markerHeight="15" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L10 5 L0 10 z"/></marker>
</defs>
"#;

/// The whole picture.
pub(crate) fn svg() -> String {
    let mut svg = String::new();
    let everywhere = everywhere();
    let _ = write!(
        svg,
        "<svg class=\"states\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{LEFT} 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"states-title states-desc\">\n\
         <!-- Drawn by tests/library/transitions.rs from TRANSITIONS in src/session/state.rs. -->\n\
         <title id=\"states-title\">The states of a connection</title>\n\
         <desc id=\"states-desc\">{}</desc>\n{HEAD}",
        in_words()
    );
    let _ = writeln!(
        svg,
        "<rect class=\"card\" x=\"{}\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"12\"/>\n\
         <text class=\"title\" x=\"{}\" y=\"42\">The states of a connection</text>",
        f64::from(LEFT) + 0.5,
        WIDTH - 1,
        HEIGHT - 1,
        LEFT + 30
    );
    let pairs = pairs(&everywhere);
    for (from, to, _) in &pairs {
        let Arrow { class, path, .. } = arrow(*from, *to);
        let _ = writeln!(svg, "<path class=\"arrow {class}\" d=\"{path}\"/>");
    }
    for state in State::ALL {
        draw_box(&mut svg, state);
    }
    for (from, to, inputs) in &pairs {
        draw_words(&mut svg, arrow(*from, *to).words, inputs);
    }
    draw_notes(&mut svg, &everywhere);
    svg + "</svg>\n"
}

fn draw_notes(svg: &mut String, everywhere: &[Input]) {
    let everywhere: Vec<_> = everywhere.iter().map(|input| input.label()).collect();
    let notes = [
        format!("From every state straight to Closed: {}.", everywhere.join(", ")),
        "Where there is no arrow, nothing changes.".to_owned(),
    ];
    for (line, note) in notes.iter().enumerate() {
        let y = HEIGHT - 52 + 22 * line as u32;
        let _ = writeln!(svg, "<text class=\"note\" x=\"{}\" y=\"{y}\">{note}</text>", LEFT + 30);
    }
}

fn draw_box(svg: &mut String, state: State) {
    let (x, y, class, about) = place(state);
    // Everything ends in the last one, so it lies below all the others.
    let half = if state == State::Closed { WIDTH as i32 / 2 - 30 } else { HALF.0 };
    let _ = writeln!(
        svg,
        "<rect class=\"box {class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"10\"/>\n\
         <text class=\"name\" x=\"{x}\" y=\"{}\">{state:?}</text>\n\
         <text class=\"about\" x=\"{x}\" y=\"{}\">{about}</text>",
        x - half,
        y - HALF.1,
        2 * half,
        2 * HALF.1,
        y - 3,
        y + 16
    );
}

fn draw_words(svg: &mut String, (x, y, anchor): (i32, i32, &str), inputs: &[Input]) {
    for (line, words) in labels(inputs).iter().enumerate() {
        let y = y + 17 * line as i32;
        let _ = writeln!(
            svg,
            "<text class=\"words\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>"
        );
    }
}

/// What stands beside an arrow; the two ways to stop are one word where both are meant.
fn labels(inputs: &[Input]) -> Vec<&'static str> {
    let both = inputs.contains(&Input::Stop) && inputs.contains(&Input::StopOwing);
    inputs
        .iter()
        .filter(|input| !(both && **input == Input::StopOwing))
        .map(|input| if both && *input == Input::Stop { "stop" } else { input.label() })
        .collect()
}

/// Inputs that lead from every state to the last one: said once, not drawn six times.
fn everywhere() -> Vec<Input> {
    let closes = |input: &Input| State::ALL.iter().all(|s| s.after(*input) == State::Closed);
    Input::ALL.into_iter().filter(closes).collect()
}

/// The arrows: each pair of states with what leads from one to the other, in the table's order.
fn pairs(without: &[Input]) -> Vec<(State, State, Vec<Input>)> {
    let mut pairs: Vec<(State, State, Vec<Input>)> = Vec::new();
    for row in TRANSITIONS.iter().filter(|row| !without.contains(&row.input)) {
        match pairs.iter_mut().find(|(from, to, _)| (*from, *to) == (row.from, row.to)) {
            Some((_, _, inputs)) => inputs.push(row.input),
            None => pairs.push((row.from, row.to, vec![row.input])),
        }
    }
    pairs
}

/// The table as a sentence a row, for those who hear the picture.
fn in_words() -> String {
    let sentence = |(from, to, inputs): &(State, State, Vec<Input>)| {
        format!("{from:?} to {to:?}: {}.", labels(inputs).join("; "))
    };
    pairs(&[]).iter().map(sentence).collect::<Vec<_>>().join(" ")
}
