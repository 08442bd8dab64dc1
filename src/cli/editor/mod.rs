//! The prompt of `connect`: lines that are edited as they are typed, and those before them.
//!
//! What is typed is bytes, and they are sent as they are, valid UTF-8 or not. As long as there is an editor,
//! the terminal sends it every key as it is pressed, and shows nothing by itself; Control-C, Control-Z and
//! Control-\ are signals all the time. `keys.rs` is what was pressed, `line.rs` what it does to the line,
//! `screen.rs` how that looks.

mod keys;
mod line;
mod screen;

use std::io::{self, Write};
use std::mem;

use rustix::io::ioctl_fionread;
use rustix::termios::{InputModes, LocalModes, SpecialCodeIndex, Termios, tcgetwinsize};

use super::terminal::{Input, Terminal};
use keys::{Key, Keys};
pub(super) use line::MAX_LEN;
use line::{Line, Piece};
use screen::Screen;

/// How many lines are remembered.
const REMEMBERED: usize = 100;

/// What came of a prompt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Line(Vec<u8>),
    /// More than the longest line, which is not given out in part.
    TooLong,
    End,
}

pub(super) struct Editor {
    terminal: Terminal,
    /// How many bytes are still to come that were typed in the shell's mode.
    typed_before: u64,
    keys: Keys,
    line: Line,
    history: Vec<Vec<Piece>>,
    /// Which of them is shown; as many as there are: the new one.
    shown: usize,
    /// The new one, while another is shown.
    new: Vec<Piece>,
    screen: Screen,
}

impl Editor {
    /// From now on the terminal is the editor's.
    pub(super) fn open() -> io::Result<Editor> {
        let terminal = Terminal::enter(by_keys)?;
        Ok(Editor {
            typed_before: ioctl_fionread(io::stdin())?,
            terminal,
            keys: Keys::default(),
            line: Line::default(),
            history: Vec::new(),
            shown: 0,
            new: Vec::new(),
            screen: Screen::default(),
        })
    }

    /// Shows `prompt` and lets a line be typed.
    pub(super) fn next(&mut self, prompt: &str) -> io::Result<Typed> {
        let mut keys = Vec::new();
        self.screen.forget();
        self.draw(prompt)?;
        loop {
            match self.terminal.next()? {
                Input::Byte(byte) => {
                    let byte = self.as_typed(byte);
                    self.keys.push(byte, &mut keys);
                }
                Input::Continued => {
                    self.screen.forget();
                    self.draw(prompt)?;
                }
                Input::Resized => self.draw(prompt)?,
                Input::End => return Ok(Typed::End),
            }
            // A byte is a key at most, and perhaps some text before it that was broken off.
            for key in keys.drain(..) {
                match key {
                    Key::Enter => return self.enter(prompt),
                    Key::End if self.line.pieces().is_empty() => {
                        writeln!(io::stdout())?;
                        return Ok(Typed::End);
                    }
                    Key::Clear => {
                        self.screen.forget();
                        write!(io::stdout(), "\x1b[H\x1b[2J")?;
                    }
                    key => self.press(key),
                }
            }
            // What comes in one piece is shown in one piece.
            if self.terminal.is_idle() {
                self.draw(prompt)?;
            }
        }
    }

    /// Of Control-D the kernel has made the end of a line, for which it keeps a 0.
    fn as_typed(&mut self, byte: u8) -> u8 {
        let was_before = self.typed_before > 0;
        self.typed_before = self.typed_before.saturating_sub(1);
        if was_before && byte == 0 { 0x04 } else { byte }
    }

    fn enter(&mut self, prompt: &str) -> io::Result<Typed> {
        self.line.go_to_finish();
        self.draw(prompt)?;
        writeln!(io::stdout())?;
        let Some(pieces) = self.line.take() else { return Ok(Typed::TooLong) };
        let mut line = Vec::new();
        pieces.iter().for_each(|piece| piece.add_to(&mut line));
        if !pieces.is_empty() && self.history.last() != Some(&pieces) {
            self.history.push(pieces);
            if self.history.len() > REMEMBERED {
                self.history.remove(0);
            }
        }
        self.shown = self.history.len();
        Ok(Typed::Line(line))
    }

    fn press(&mut self, key: Key) {
        match key {
            Key::Text(piece) => self.line.insert(piece),
            Key::Left => self.line.go_left(),
            Key::Right => self.line.go_right(),
            Key::WordLeft => self.line.go_word_left(),
            Key::WordRight => self.line.go_word_right(),
            Key::Start => self.line.go_to_start(),
            Key::Finish => self.line.go_to_finish(),
            Key::Backspace => self.line.delete_left(),
            Key::Delete | Key::End => self.line.delete_right(),
            Key::CutWord => self.line.cut_word(),
            Key::CutBefore => self.line.cut_before(),
            Key::CutAfter => self.line.cut_after(),
            Key::Paste => self.line.paste(),
            Key::Swap => self.line.swap(),
            Key::Up => self.recall(self.shown.checked_sub(1)),
            Key::Down => self.recall(self.shown.checked_add(1)),
            // Those of the whole prompt.
            Key::Enter | Key::Clear => {}
        }
    }

    /// Shows a line of the history, or the new one behind it. What was changed in an old one is forgotten.
    fn recall(&mut self, which: Option<usize>) {
        let Some(which) = which.filter(|which| *which <= self.history.len()) else { return };
        let is_new = self.shown == self.history.len();
        let pieces = self.history.get(which).cloned().unwrap_or_else(|| mem::take(&mut self.new));
        let before = self.line.set(pieces);
        if is_new {
            self.new = before;
        }
        self.shown = which;
    }

    fn draw(&mut self, prompt: &str) -> io::Result<()> {
        // A terminal that does not know its size says 0.
        let columns = tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_col);
        let columns = if columns == 0 { 80 } else { columns.into() };
        let written = self.screen.draw(columns, prompt, &self.line);
        let mut stdout = io::stdout().lock();
        stdout.write_all(written.as_bytes())?;
        stdout.flush()
    }
}

/// Every key as it is pressed.
fn by_keys(mode: &mut Termios) {
    mode.input_modes -=
        InputModes::ICRNL | InputModes::INLCR | InputModes::IGNCR | InputModes::ISTRIP;
    mode.local_modes -=
        LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::IEXTEN;
    mode.special_codes[SpecialCodeIndex::VMIN] = 1;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
}
