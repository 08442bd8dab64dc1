//! The lines of a trace, one after the other: as much of each as a line may have, so that a file of any kind takes
//! no more memory than that.

use std::io::{self, BufRead, BufReader, Read};

use super::record::Record;

/// The most bytes of a line. The longest that the server writes, about users that are broken, is shorter.
const LONGEST: usize = 64 * 1024;
/// After so many bytes without an event it is no trace, or not any more: a device that never ends, for example.
const PATIENCE: u64 = 64 * 1024 * 1024;

/// A line that is an event.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) record: Record<'a>,
    /// What it was read from.
    pub(super) text: &'a str,
    /// Nothing that follows has come yet: there may be time to say something.
    pub(super) is_last_so_far: bool,
}

/// The lines of what is read.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read>>,
    line: Vec<u8>,
    /// Bytes since the last event.
    skipped: u64,
}

impl Lines {
    pub(super) fn new(input: Box<dyn Read>) -> Lines {
        Lines { input: BufReader::with_capacity(LONGEST, input), line: Vec::new(), skipped: 0 }
    }

    /// The next line; at the end `None`, and where there is none that could be an event, `Some(None)`.
    pub(super) fn next(&mut self) -> io::Result<Option<Option<Line<'_>>>> {
        self.line.clear();
        let most = LONGEST as u64 + 1;
        let mut bytes = self.input.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        if bytes == 0 {
            return Ok(None);
        }
        if self.line.len() > LONGEST && !self.line.ends_with(b"\n") {
            bytes += self.input.by_ref().take(PATIENCE).skip_until(b'\n')?;
            self.line.clear();
        }
        self.skipped += bytes as u64;
        if self.skipped > PATIENCE {
            return Err(io::Error::other("64 MiB and no event in them"));
        }
        // The last may have no line feed, if the file was cut just there, and be whole.
        let text = str::from_utf8(&self.line).map(str::trim_ascii).unwrap_or_default();
        let Some(record) = Record::parse(text) else { return Ok(Some(None)) };
        self.skipped = 0;
        Ok(Some(Some(Line { record, text, is_last_so_far: self.input.buffer().is_empty() })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is on each line: the text of an event, or nothing.
    fn read(input: &[u8]) -> Vec<Option<String>> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(input.to_vec())));
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push(line.map(|line| line.text.to_owned()));
            assert!(lines.line.capacity() <= 4 * LONGEST, "{}", lines.line.capacity());
        }
        read
    }

    #[test]
    fn a_broken_line_costs_itself_and_no_other() {
        let turn = r#"{"time":1,"event":"turn","ready":1}"#;
        let (whole, broken) = (Some(turn.to_owned()), None);
        let long = |len: usize| {
            let (before, after) = (r#"{"time":1,"event":"x","y":""#, r#""}"#);
            let filler = "y".repeat(len - before.len() - after.len());
            format!("{before}{filler}{after}")
        };
        let cases = [
            (String::new(), vec![]),
            (format!("{turn}\n{turn}\n"), vec![whole.clone(), whole.clone()]),
            // Without a line feed at the end, and as an editor on Windows ends lines.
            (format!("{turn}\r\n{turn}"), vec![whole.clone(), whole.clone()]),
            (format!("{turn}\n{}", &turn[..20]), vec![whole.clone(), broken.clone()]),
            (format!("\n{turn}\n"), vec![broken.clone(), whole.clone()]),
            (
                format!("{}\n{turn}", long(LONGEST - 1)),
                vec![Some(long(LONGEST - 1)), whole.clone()],
            ),
            (format!("{}\n{turn}", long(LONGEST)), vec![Some(long(LONGEST)), whole.clone()]),
            (format!("{}\n{turn}", long(LONGEST + 1)), vec![broken.clone(), whole.clone()]),
            (format!("{}\n{turn}", long(9 * LONGEST)), vec![broken.clone(), whole.clone()]),
            ("x".repeat(3 * LONGEST), vec![broken.clone()]),
        ];
        for (input, expected) in cases {
            assert_eq!(read(input.as_bytes()), expected, "{} bytes", input.len());
        }
        assert_eq!(read(b"\xff\xfe\0\x80\n\0\0\n"), [None, None]);
        let raw = br#"{"time":1,"event":"turn","note":"XX"}"#;
        let raw: Vec<u8> =
            raw.iter().map(|byte| if *byte == b'X' { 0xff } else { *byte }).collect();
        assert_eq!(read(&raw), [None], "what is not UTF-8 is in no trace");
    }
}
