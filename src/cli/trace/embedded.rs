//! The trace as it stands in the page.
//!
//! A short one is text, which any program can search. What is longer is packed: a browser reads it as markup, letter by
//! letter, before it reads it as a trace, and that takes longer than to unpack a tenth of the letters. And it is packed
//! by columns (`columns.rs`), for most of what is left is to make an object of each line.

use std::io::{self, Write};
use std::mem;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::columns::columns;

/// Where the page looks for it: as it is, and packed.
const TEXT: &str = "<script type=\"application/x-ndjson\" id=\"trace\">\n";
const PACKED: &str = "<script type=\"application/gzip\" id=\"trace\">";
const END: &str = "</script>\n";

/// With so many bytes it is long; and so many are packed at a time.
const LONG: usize = 1 << 20;

/// So many events are packed together: as many as the page keeps together.
const TOGETHER: usize = 4096;

/// What has been told of a trace, and is not written yet.
#[derive(Default)]
pub(super) struct Embedded {
    text: String,
    packer: Option<GzEncoder<Vec<u8>>>,
}

impl Embedded {
    /// Adds a line.
    pub(super) fn line(&mut self, line: &str, out: &mut impl Write) -> io::Result<()> {
        self.text.push_str(&harmless(line));
        self.text.push('\n');
        if self.text.len() < LONG { Ok(()) } else { self.pack(out) }
    }

    /// Writes all that is left, and its end.
    pub(super) fn end(mut self, out: &mut impl Write) -> io::Result<()> {
        if self.packer.is_none() {
            return write!(out, "{TEXT}{}{END}", self.text);
        }
        self.pack(out)?;
        let rest = self.packer.map_or(Ok(Vec::new()), GzEncoder::finish)?;
        write!(out, "{}{END}", STANDARD.encode(rest))
    }

    fn pack(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.packer.is_none() {
            out.write_all(PACKED.as_bytes())?;
        }
        let packer =
            self.packer.get_or_insert_with(|| GzEncoder::new(Vec::new(), Compression::default()));
        let text = mem::take(&mut self.text);
        for lines in text.lines().collect::<Vec<_>>().chunks(TOGETHER) {
            writeln!(packer, "{}", columns(lines)?)?;
        }
        let packed = packer.get_mut();
        // Three bytes are four letters: what is left over waits for more.
        let letters = STANDARD.encode(packed.drain(..packed.len() / 3 * 3).as_slice());
        out.write_all(letters.as_bytes())
    }
}

/// A line of the trace, so that nothing in it can end the element that it is in, or the line.
fn harmless(line: &str) -> String {
    // In what is a JSON object, the one stands in strings, and the other for a space.
    line.replace('<', "\\u003c").replace('\r', " ")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::super::columns::tests::rows;
    use super::*;

    fn written<'a>(lines: impl Iterator<Item = &'a str>) -> String {
        let (mut embedded, mut out) = (Embedded::default(), Vec::new());
        for line in lines {
            embedded.line(line, &mut out).unwrap();
        }
        embedded.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn inside<'a>(element: &'a str, begin: &str) -> &'a str {
        element.strip_prefix(begin).unwrap().strip_suffix(END).unwrap()
    }

    #[test]
    fn no_line_ends_the_element_or_itself() {
        let line = "{\"event\":\"x\",\r\"of\":\"</script><script>alert(1)</script><!--\"}";
        let expected = "{\"event\":\"x\", \"of\":\"\\u003c/script>\\u003cscript>alert(1)\\u003c/script>\\u003c!--\"}\n";
        let element = written([line].into_iter());
        assert_eq!(inside(&element, TEXT), expected);
        let [before, after]: [serde_json::Value; 2] =
            [line, expected].map(|line| serde_json::from_str(line).unwrap());
        assert_eq!(before, after);
    }

    #[test]
    fn a_long_one_is_packed_and_every_line_is_in_it() {
        for count in [LONG / 32 - 1, LONG / 32, LONG / 32 + 1, LONG / 8 + 7] {
            // Thirty-two bytes each, with the line feed.
            let lines: Vec<_> =
                (0..count).map(|i| format!(r#"{{"event":"x","of":"{i:010}"}}"#)).collect();
            let element = written(lines.iter().map(String::as_str));
            let rows = if count * 32 < LONG {
                inside(&element, TEXT).lines().map(str::to_owned).collect::<Vec<_>>()
            } else {
                assert!(element.len() < count * 32 / 2, "{} of {}", element.len(), count * 32);
                let packed = STANDARD.decode(inside(&element, PACKED)).unwrap();
                let mut text = String::new();
                GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
                text.lines().flat_map(rows).map(|row| row.to_string()).collect()
            };
            assert_eq!(rows, lines, "{count} lines");
        }
    }
}
