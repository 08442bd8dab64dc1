//! How a line looks: what to write to the terminal so that it shows a prompt, a line and a cursor.
//!
//! What was shown last decides what is to be written: a letter more is a letter. It uses what every terminal of
//! the last forty years understands: to go up, to go right, to clear what is below. Never here: writing it.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

use super::line::Line;

/// A place on the screen, from where the prompt begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    row: usize,
    column: usize,
}

impl Place {
    /// Behind `text`: letters that do not fit on this row go to the next.
    fn after(self, text: &str, columns: usize) -> Place {
        text.chars().filter_map(UnicodeWidthChar::width).fold(
            self,
            |Place { row, column }, width| match column + width {
                end if end < columns => Place { row, column: end },
                end if end == columns => Place { row: row + 1, column: 0 },
                _ => Place { row: row + 1, column: width },
            },
        )
    }
}

/// What the terminal shows of a prompt.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// The row of the cursor, counted from the prompt's first.
    row: usize,
    columns: usize,
    /// All of it, if the cursor is behind it.
    text: Option<String>,
}

impl Screen {
    /// Nothing is shown any more: the cursor is where the prompt is to begin.
    pub(super) fn forget(&mut self) {
        *self = Screen::default();
    }

    /// What to write so that this is shown.
    pub(super) fn draw(&mut self, columns: usize, prompt: &str, line: &Line) -> String {
        let columns = columns.max(1);
        let Laid { text, end, cursor } = lay_out(columns, prompt, line);
        let is_at_end = cursor == end;
        let known = self.text.take().filter(|_| is_at_end && self.columns == columns);
        let mut written = String::new();
        match known.as_deref().and_then(|known| text.strip_prefix(known)) {
            Some(more) => {
                written.push_str(more);
                leave_full_row(&mut written, end);
            }
            None => {
                up(&mut written, self.row);
                written.push('\r');
                written.push_str(&text);
                leave_full_row(&mut written, end);
                written.push_str("\x1b[J");
            }
        }
        if !is_at_end {
            up(&mut written, end.row - cursor.row);
            written.push('\r');
            right(&mut written, cursor.column);
        }
        *self = Screen { row: cursor.row, columns, text: is_at_end.then_some(text) };
        written
    }
}

/// What is to be shown, and the places that it makes.
struct Laid {
    text: String,
    end: Place,
    cursor: Place,
}

fn lay_out(columns: usize, prompt: &str, line: &Line) -> Laid {
    let mut text = prompt.to_owned();
    let mut end = Place::default().after(prompt, columns);
    let mut cursor = end;
    for (index, piece) in line.pieces().iter().enumerate() {
        let shown = piece.shown();
        end = end.after(&shown, columns);
        text.push_str(&shown);
        if index + 1 == line.cursor() {
            cursor = end;
        }
    }
    Laid { text, end, cursor }
}

/// A row that is just full has not been left yet.
fn leave_full_row(written: &mut String, end: Place) {
    if end.column == 0 && end.row > 0 && !written.is_empty() {
        written.push_str("\r\n");
    }
}

fn up(written: &mut String, rows: usize) {
    if rows > 0 {
        // Writing to a text does not fail.
        let _ = write!(written, "\x1b[{rows}A");
    }
}

fn right(written: &mut String, columns: usize) {
    if columns > 0 {
        let _ = write!(written, "\x1b[{columns}C");
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Piece;
    use super::*;

    /// A small terminal: what it shows, and where its cursor is.
    struct Shown {
        rows: Vec<Vec<char>>,
        row: usize,
        column: usize,
        columns: usize,
        /// The row is full, and the next letter will begin another.
        is_full: bool,
    }

    impl Shown {
        fn new(columns: usize) -> Shown {
            let rows = vec![vec![' '; columns]; 20];
            Shown { rows, row: 0, column: 0, columns, is_full: false }
        }

        fn put(&mut self, letter: char) {
            let width = letter.width().unwrap_or(0);
            if self.is_full || self.column + width > self.columns {
                (self.row, self.column, self.is_full) = (self.row + 1, 0, false);
            }
            self.rows[self.row][self.column] = letter;
            self.is_full = self.column + width == self.columns;
            self.column = (self.column + width).min(self.columns - 1);
        }

        fn write(&mut self, text: &str) {
            let mut letters = text.chars();
            while let Some(letter) = letters.next() {
                match letter {
                    '\r' => (self.column, self.is_full) = (0, false),
                    '\n' => self.row += 1,
                    '\x1b' => {
                        let rest = letters.as_str();
                        let end = rest.find(char::is_alphabetic).unwrap();
                        let count = rest[1..end].parse().unwrap_or(1);
                        self.is_full = false;
                        match &rest[end..=end] {
                            "A" => self.row -= count,
                            "C" => self.column += count,
                            "J" => {
                                self.rows[self.row][self.column..].fill(' ');
                                self.rows[self.row + 1..].iter_mut().for_each(|row| row.fill(' '));
                            }
                            other => panic!("ESC [ {count} {other}"),
                        }
                        letters = rest[end + 1..].chars();
                    }
                    _ => self.put(letter),
                }
            }
        }

        fn text(&self) -> String {
            let rows: Vec<_> = self.rows.iter().map(|row| row.iter().collect::<String>()).collect();
            rows.join("\n").trim_end().to_owned()
        }
    }

    #[test]
    fn it_shows_the_line_whatever_was_there_before() {
        let mut shown = Shown::new(8);
        let mut line = Line::default();
        let mut screen = Screen::default();
        let mut draw = |line: &Line| {
            shown.write(&screen.draw(8, ">>: ", line));
            (shown.text(), shown.row, shown.column)
        };
        assert_eq!(draw(&line), (">>:".into(), 0, 4));
        let type_in = |line: &mut Line, text: &str| {
            text.chars().for_each(|letter| line.insert(Piece::Char(letter)));
        };
        type_in(&mut line, "abc");
        assert_eq!(draw(&line), (">>: abc".into(), 0, 7));
        type_in(&mut line, "d");
        assert_eq!(draw(&line), (">>: abcd".into(), 1, 0));
        type_in(&mut line, "efghijklm");
        assert_eq!(draw(&line), (">>: abcd\nefghijkl\nm".into(), 2, 1));
        line.go_to_start();
        assert_eq!(draw(&line), (">>: abcd\nefghijkl\nm".into(), 0, 4));
        line.go_word_right();
        line.cut_before();
        type_in(&mut line, "a");
        line.go_to_start();
        assert_eq!(draw(&line), (">>: a".into(), 0, 4));
        // A letter of two columns does not fit into the last one.
        line.set(Vec::new());
        type_in(&mut line, "abc");
        type_in(&mut line, "你");
        assert_eq!(draw(&line), (">>: abc \n你".into(), 1, 2));
        line.insert(Piece::Byte(0xff));
        line.go_left();
        assert_eq!(draw(&line), (">>: abc \n你 \\xff".into(), 1, 2));
        line.set(vec![Piece::Char('\t'), Piece::Char('\x1b')]);
        assert_eq!(draw(&line), (">>: ^I^[".into(), 1, 0));
    }

    #[test]
    fn a_letter_more_is_a_letter() {
        let (mut screen, mut line) = (Screen::default(), Line::default());
        let mut type_in = |letter| {
            line.insert(Piece::Char(letter));
            screen.draw(8, ">>: ", &line)
        };
        assert_eq!(type_in('a'), "\r>>: a\x1b[J");
        assert_eq!(type_in('b'), "b");
        assert_eq!(type_in('c'), "c");
        assert_eq!(type_in('d'), "d\r\n");
        assert_eq!(type_in('e'), "e");
        assert_eq!(screen.draw(8, ">>: ", &line), "");
        // In a window of another size it may be anywhere.
        assert_eq!(screen.draw(9, ">>: ", &line), "\x1b[1A\r>>: abcde\r\n\x1b[J");
        screen.forget();
        assert_eq!(screen.draw(9, ">>: ", &line), "\r>>: abcde\r\n\x1b[J");
    }
}
