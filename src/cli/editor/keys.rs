//! Bytes of a terminal in, keys out.
//!
//! A key sends one byte, or a character of several, or a sequence that begins with ESC. What is neither UTF-8
//! nor a sequence is passed on byte by byte: `connect` sends bytes. Never here: what a key does.

use std::mem;
use std::str;

use super::line::Piece;

/// The most bytes of a sequence; what is longer is none.
const MAX_SEQUENCE: usize = 16;
const ESCAPE: u8 = 0x1b;

/// What somebody wants, by whichever key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Text(Piece),
    Enter,
    /// Control-D: the end if the line is empty, else as [`Key::Delete`].
    End,
    Delete,
    Backspace,
    Left,
    Right,
    WordLeft,
    WordRight,
    Start,
    Finish,
    Up,
    Down,
    CutWord,
    CutBefore,
    CutAfter,
    Paste,
    Swap,
    Clear,
}

/// What the next byte belongs to.
#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// Behind Control-V: itself.
    Quoted,
    /// Behind ESC.
    Escape,
    /// Behind ESC O.
    Short,
    /// Behind ESC [.
    Long(Vec<u8>),
}

/// The bytes of a key of which some are still to come.
#[derive(Debug, Default)]
pub(super) struct Keys {
    state: State,
    /// The beginning of a character.
    begun: Vec<u8>,
}

impl Keys {
    /// Takes a byte; tells the keys that it completes: mostly none or one, and more where a character or a
    /// sequence is broken off.
    pub(super) fn push(&mut self, byte: u8, keys: &mut Vec<Key>) {
        if !self.begun.is_empty() && !is_continuation(byte) {
            keys.extend(self.begun.drain(..).map(|byte| Key::Text(Piece::Byte(byte))));
        }
        match mem::take(&mut self.state) {
            State::Quoted if byte.is_ascii() => keys.push(Key::Text(Piece::Char(byte.into()))),
            State::Ground | State::Quoted => self.ground(byte, keys),
            State::Escape => match byte {
                b'[' => self.state = State::Long(Vec::new()),
                b'O' => self.state = State::Short,
                _ if byte.is_ascii_control() => self.ground(byte, keys),
                _ => keys.extend(meta(byte)),
            },
            State::Short | State::Long(_) if byte.is_ascii_control() => self.ground(byte, keys),
            State::Short => keys.extend(sequence(&[], byte)),
            State::Long(within) if (0x40..=0x7e).contains(&byte) => {
                keys.extend(sequence(&within, byte));
            }
            State::Long(within) if within.len() == MAX_SEQUENCE => {}
            State::Long(mut within) => {
                within.push(byte);
                self.state = State::Long(within);
            }
        }
    }

    fn ground(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match byte {
            ESCAPE => self.state = State::Escape,
            0x16 => self.state = State::Quoted,
            b'\t' => keys.push(Key::Text(Piece::Char('\t'))),
            _ if byte.is_ascii_control() => keys.extend(control(byte)),
            _ => self.text(byte, keys),
        }
    }

    fn text(&mut self, byte: u8, keys: &mut Vec<Key>) {
        self.begun.push(byte);
        match str::from_utf8(&self.begun) {
            Ok(text) => {
                keys.extend(text.chars().map(|letter| Key::Text(Piece::Char(letter))));
                self.begun.clear();
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => keys.extend(self.begun.drain(..).map(|byte| Key::Text(Piece::Byte(byte)))),
        }
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// A key pressed with Control; those that the kernel takes for signals do not come here.
fn control(byte: u8) -> Option<Key> {
    Some(match byte | 0x40 {
        b'A' => Key::Start,
        b'B' => Key::Left,
        b'D' => Key::End,
        b'E' => Key::Finish,
        b'F' => Key::Right,
        b'H' | 0x7f => Key::Backspace,
        b'J' | b'M' => Key::Enter,
        b'K' => Key::CutAfter,
        b'L' => Key::Clear,
        b'N' => Key::Down,
        b'P' => Key::Up,
        b'T' => Key::Swap,
        b'U' => Key::CutBefore,
        b'W' => Key::CutWord,
        b'Y' => Key::Paste,
        _ => return None,
    })
}

/// A key pressed with Alt, or behind ESC.
fn meta(byte: u8) -> Option<Key> {
    match byte.to_ascii_lowercase() {
        b'b' => Some(Key::WordLeft),
        b'f' => Some(Key::WordRight),
        _ => None,
    }
}

/// A key with a sequence of its own, as xterm and those like it send them: ESC [ `within` `last`.
fn sequence(within: &[u8], last: u8) -> Option<Key> {
    Some(match (within, last) {
        // With Control or Alt, a word.
        (b"1;3" | b"1;5", b'C') => Key::WordRight,
        (b"1;3" | b"1;5", b'D') => Key::WordLeft,
        (_, b'A') => Key::Up,
        (_, b'B') => Key::Down,
        (_, b'C') => Key::Right,
        (_, b'D') => Key::Left,
        (_, b'H') | (b"1" | b"7", b'~') => Key::Start,
        (_, b'F') | (b"4" | b"8", b'~') => Key::Finish,
        (b"3", b'~') => Key::Delete,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let (mut decoder, mut keys) = (Keys::default(), Vec::new());
        bytes.iter().for_each(|byte| decoder.push(*byte, &mut keys));
        keys
    }

    fn typed(bytes: &[u8]) -> Vec<u8> {
        let mut typed = Vec::new();
        for key in keys(bytes) {
            if let Key::Text(piece) = key {
                piece.add_to(&mut typed);
            }
        }
        typed
    }

    #[test]
    fn text_comes_out_as_it_went_in_valid_or_not() {
        let cases: [&[u8]; 8] = [
            "héllo 你好 🦀".as_bytes(),
            b"caf\xe9 latin",
            b"\xff\xfe\x80",
            b"\xe4\xbdx",        // a character broken off by a letter,
            b"\xe4\xe4\xbd\xa0", // by another one,
            b"\xf0\x9f\xa6\xf0\x9f\xa6\x80",
            b"\xed\xa0\x80", // half of a surrogate pair
            b"a\tb",
        ];
        for case in cases {
            // What is begun at the end of a line is broken off by the end.
            assert_eq!(typed(&[case, b"\r"].concat()), case);
            assert_eq!(keys(&[case, b"\r"].concat()).last(), Some(&Key::Enter));
        }
    }

    #[test]
    fn every_way_to_say_it() {
        let cases: [(&[u8], Key); 20] = [
            (b"\r", Key::Enter),
            (b"\n", Key::Enter),
            (b"\x04", Key::End),
            (b"\x7f", Key::Backspace),
            (b"\x08", Key::Backspace),
            (b"\x1b[D", Key::Left),
            (b"\x1bOD", Key::Left),
            (b"\x1b[1;2D", Key::Left),
            (b"\x1b[1;5D", Key::WordLeft),
            (b"\x1bb", Key::WordLeft),
            (b"\x1b[1;3C", Key::WordRight),
            (b"\x1b[H", Key::Start),
            (b"\x1b[1~", Key::Start),
            (b"\x1bOF", Key::Finish),
            (b"\x1b[3~", Key::Delete),
            (b"\x1b[A", Key::Up),
            (b"\x10", Key::Up),
            (b"\x17", Key::CutWord),
            // A sequence broken off does not swallow what comes behind it.
            (b"\x1b[\r", Key::Enter),
            (b"\x1b\x1b[A", Key::Up),
        ];
        for (bytes, key) in cases {
            assert_eq!(keys(bytes), [key], "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_means_nothing_here_is_no_text() {
        for bytes in [&b"\x1b[5~"[..], b"\x1b[200~", b"\x1bOP", b"\x1bx", b"\x00", b"\x1b[?1;2c"] {
            assert_eq!(keys(bytes), [], "{}", bytes.escape_ascii());
        }
        // What is too long for a sequence ends with a letter of text at the latest.
        let endless = [b"\x1b[".as_slice(), &[b'1'; 1000]].concat();
        assert!(keys(&endless).len() < 1000);
        assert_eq!(typed(b"\x16\x03\x16\xe9\x16\r"), b"\x03\xe9\r");
    }
}
