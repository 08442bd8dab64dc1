//! A line while it is being edited: what is in it, and where the cursor is.
//!
//! Never here: terminals, keys, and how it looks.

use std::mem;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// The most bytes of a line that is typed. What comes by a pipe may be longer.
pub(in crate::cli) const MAX_LEN: usize = 64 * 1024;

/// What the cursor steps over at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Char(char),
    /// What is no part of a character.
    Byte(u8),
}

impl Piece {
    pub(super) fn add_to(self, bytes: &mut Vec<u8>) {
        match self {
            Piece::Char(letter) => bytes.extend(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            Piece::Byte(byte) => bytes.push(byte),
        }
    }

    fn len(self) -> usize {
        match self {
            Piece::Char(letter) => letter.len_utf8(),
            Piece::Byte(_) => 1,
        }
    }

    /// As it is shown, where nothing but letters may get to the terminal.
    pub(super) fn shown(self) -> String {
        match self {
            Piece::Char(letter) if letter.is_ascii_control() => {
                format!("^{}", char::from(letter as u8 ^ 0x40))
            }
            Piece::Char(letter) if letter.is_control() => letter.escape_default().to_string(),
            Piece::Char(letter) => letter.into(),
            Piece::Byte(byte) => format!("\\x{byte:02x}"),
        }
    }

    /// Whether it is a mark upon the letter before it.
    fn is_mark(self) -> bool {
        matches!(self, Piece::Char(letter) if letter.width() == Some(0))
    }

    fn is_word(self) -> bool {
        match self {
            Piece::Char(letter) => letter.is_alphanumeric() || letter == '_' || self.is_mark(),
            Piece::Byte(_) => true,
        }
    }
}

/// The line. All of its methods leave the cursor within it.
#[derive(Debug, Default)]
pub(super) struct Line {
    pieces: Vec<Piece>,
    cursor: usize,
    len: usize,
    is_too_long: bool,
    /// What was cut last, to be pasted.
    cut: Vec<Piece>,
}

impl Line {
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// The line, which is empty afterwards; `None` if more was typed than a line may have.
    pub(super) fn take(&mut self) -> Option<Vec<Piece>> {
        let is_too_long = self.is_too_long;
        let pieces = self.set(Vec::new());
        (!is_too_long).then_some(pieces)
    }

    /// Another text, with the cursor at its end; the one that was there.
    pub(super) fn set(&mut self, pieces: Vec<Piece>) -> Vec<Piece> {
        self.cursor = pieces.len();
        self.len = pieces.iter().map(|piece| piece.len()).sum();
        self.is_too_long = false;
        mem::replace(&mut self.pieces, pieces)
    }

    pub(super) fn insert(&mut self, piece: Piece) {
        if self.len + piece.len() > MAX_LEN {
            self.is_too_long = true;
            return;
        }
        self.len += piece.len();
        self.pieces.insert(self.cursor, piece);
        self.cursor += 1;
    }

    pub(super) fn go_to_start(&mut self) {
        self.cursor = 0;
    }

    pub(super) fn go_to_finish(&mut self) {
        self.cursor = self.pieces.len();
    }

    pub(super) fn go_left(&mut self) {
        self.cursor = self.left();
    }

    pub(super) fn go_right(&mut self) {
        self.cursor = self.right();
    }

    pub(super) fn go_word_left(&mut self) {
        self.cursor = self.before(|piece| piece.is_word());
    }

    pub(super) fn go_word_right(&mut self) {
        let rest = self.pieces[self.cursor..].iter();
        let between = rest.take_while(|piece| !piece.is_word()).count();
        let word = self.pieces[self.cursor + between..].iter();
        self.cursor += between + word.take_while(|piece| piece.is_word()).count();
    }

    pub(super) fn delete_left(&mut self) {
        self.remove(self.left()..self.cursor);
    }

    pub(super) fn delete_right(&mut self) {
        self.remove(self.cursor..self.right());
    }

    /// Back to the last white space, as the kernel's own editing does.
    pub(super) fn cut_word(&mut self) {
        let is_white = |piece| matches!(piece, Piece::Char(letter) if letter.is_whitespace());
        self.cut(self.before(|piece| !is_white(piece))..self.cursor);
    }

    pub(super) fn cut_before(&mut self) {
        self.cut(0..self.cursor);
    }

    pub(super) fn cut_after(&mut self) {
        self.cut(self.cursor..self.pieces.len());
    }

    pub(super) fn paste(&mut self) {
        for piece in self.cut.clone() {
            self.insert(piece);
        }
    }

    /// Swaps the two before the cursor if it is at the end, else those on its sides.
    pub(super) fn swap(&mut self) {
        if self.cursor == 0 || self.pieces.len() < 2 {
            return;
        }
        self.cursor = (self.cursor + 1).min(self.pieces.len());
        self.pieces.swap(self.cursor - 2, self.cursor - 1);
    }

    fn cut(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.cut = self.remove(range);
        }
    }

    fn remove(&mut self, range: Range<usize>) -> Vec<Piece> {
        self.cursor = range.start;
        let removed: Vec<_> = self.pieces.drain(range).collect();
        self.len -= removed.iter().map(|piece| piece.len()).sum::<usize>();
        // Who empties it begins anew.
        self.is_too_long &= !self.pieces.is_empty();
        removed
    }

    /// One to the left: a letter with the marks upon it, which have no width.
    fn left(&self) -> usize {
        self.pieces[..self.cursor].iter().rposition(|piece| !piece.is_mark()).unwrap_or(0)
    }

    fn right(&self) -> usize {
        let mut rest = self.pieces[self.cursor..].iter().skip(1);
        let marks = rest.position(|piece| !piece.is_mark()).map(|marks| self.cursor + 1 + marks);
        marks.unwrap_or(self.pieces.len())
    }

    /// Where those begin that `belong`, last before the cursor; others behind them are passed over.
    fn before(&self, belong: impl Fn(Piece) -> bool) -> usize {
        let pieces = &self.pieces[..self.cursor];
        let end = pieces.iter().rposition(|piece| belong(*piece)).map_or(0, |last| last + 1);
        pieces[..end].iter().rposition(|piece| !belong(*piece)).map_or(0, |other| other + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line with the cursor where the `|` is.
    fn line(text: &str) -> Line {
        let mut line = Line::default();
        line.set(text.chars().filter(|letter| *letter != '|').map(Piece::Char).collect());
        line.cursor = text.chars().position(|letter| letter == '|').unwrap();
        line
    }

    fn text(line: &Line) -> String {
        let mut text: String =
            line.pieces[..line.cursor].iter().map(|piece| piece.shown()).collect();
        text.push('|');
        text.extend(line.pieces[line.cursor..].iter().map(|piece| piece.shown()));
        text
    }

    #[test]
    fn moves_and_changes() {
        type Edit = fn(&mut Line);
        let cases: [(&str, Edit, &str); 22] = [
            ("ab|c", Line::go_left, "a|bc"),
            ("|", Line::go_left, "|"),
            ("e\u{301}|x", Line::go_left, "|e\u{301}x"),
            ("|e\u{301}x", Line::go_right, "e\u{301}|x"),
            ("x|", Line::go_right, "x|"),
            ("one two|", Line::go_word_left, "one |two"),
            ("one  |two", Line::go_word_left, "|one  two"),
            ("|one two", Line::go_word_right, "one| two"),
            ("one| two.", Line::go_word_right, "one two|."),
            ("one|  ", Line::go_word_right, "one  |"),
            ("你好|", Line::delete_left, "你|"),
            ("e\u{301}|", Line::delete_left, "|"),
            ("|ab", Line::delete_left, "|ab"),
            ("|ab", Line::delete_right, "|b"),
            ("ab|", Line::delete_right, "ab|"),
            ("a b.c |d", Line::cut_word, "a |d"),
            ("ab|c", Line::cut_before, "|c"),
            ("ab|c", Line::cut_after, "ab|"),
            ("ab|", Line::swap, "ba|"),
            ("a|b", Line::swap, "ba|"),
            ("|ab", Line::swap, "|ab"),
            ("a|", Line::swap, "a|"),
        ];
        for (before, edit, after) in cases {
            let mut line = line(before);
            edit(&mut line);
            assert_eq!(text(&line), after, "from {before}");
            let len = line.pieces.iter().map(|piece| piece.len()).sum::<usize>();
            assert_eq!(line.len, len);
        }
    }

    #[test]
    fn what_is_cut_can_be_pasted() {
        let mut line = line("one two|");
        line.cut_word();
        // Cutting nothing keeps what was cut.
        line.cut_after();
        line.go_to_start();
        line.paste();
        assert_eq!(text(&line), "two|one ");
    }

    #[test]
    fn a_line_that_is_too_long_is_not_given_out_and_the_next_one_is() {
        let mut line = Line::default();
        for _ in 0..=MAX_LEN {
            line.insert(Piece::Char('x'));
        }
        assert_eq!(line.pieces.len(), MAX_LEN);
        assert_eq!(line.take(), None);
        line.insert(Piece::Byte(0xff));
        assert_eq!(line.take(), Some(vec![Piece::Byte(0xff)]));
        assert_eq!((line.cursor, line.len), (0, 0));
    }
}
