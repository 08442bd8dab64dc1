//! Where a JSON object ends in a stream, however the stream is cut.
//!
//! The scanner looks at each byte once and remembers three small things; it knows just enough JSON
//! to find the end, and the limits. Whether what it found is JSON is for a parser to say, once.

use zeroize::{Zeroize, Zeroizing};

/// How deep an object may be nested, itself included.
pub const MAX_DEPTH: usize = 16;
/// The most bytes of one object.
pub const MAX_OBJECT: usize = 64 * 1024;

/// What the bytes that have come hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No end of an object yet.
    Part,
    /// A whole object of this many bytes, from its `{` on.
    Object(usize),
    /// Something that is no object, or one beyond the limits.
    Bad,
}

/// Where in an object the last byte was.
#[derive(Default)]
struct Scanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scanner {
    /// Looks at one byte; whether the object ends with it, or `None` if it is too deep.
    fn ends_with(&mut self, byte: u8) -> Option<bool> {
        if self.escaped {
            self.escaped = false;
        } else if self.in_string {
            self.escaped = byte == b'\\';
            self.in_string = byte != b'"';
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' if self.depth == MAX_DEPTH => return None,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    return Some(self.depth == 0);
                }
                _ => {}
            }
        }
        Some(false)
    }
}

/// Bytes that were read and whose turn has not come yet; wiped when they are given up.
#[derive(Default)]
pub(super) struct Kept {
    bytes: Zeroizing<Vec<u8>>,
    /// Where the present object begins.
    from: usize,
    /// The scanner has looked at everything before this.
    scanned: usize,
    scanner: Scanner,
}

impl Kept {
    /// Takes `bytes` over, and wipes them where they came from.
    pub(super) fn push(&mut self, bytes: &mut [u8]) {
        let len = self.bytes.len() + bytes.len();
        if len > self.bytes.capacity() {
            // By hand, so that what growing leaves behind is wiped.
            let mut larger = Zeroizing::new(Vec::with_capacity(len.max(2 * self.bytes.len())));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(bytes);
        bytes.zeroize();
    }

    /// Looks for the next object.
    pub(super) fn find(&mut self) -> Found {
        if self.scanner.depth == 0 {
            self.skip_white_space();
            match self.bytes.get(self.from) {
                None => {
                    *self = Kept::default();
                    return Found::Part;
                }
                Some(b'{') => {}
                Some(_) => return Found::Bad,
            }
        }
        while let Some(byte) = self.bytes.get(self.scanned) {
            self.scanned += 1;
            let len = self.scanned - self.from;
            match self.scanner.ends_with(*byte) {
                Some(true) if len <= MAX_OBJECT => return Found::Object(len),
                Some(false) if len < MAX_OBJECT => {}
                _ => return Found::Bad,
            }
        }
        self.close_up();
        Found::Part
    }

    /// The object that was found, `len` bytes of it.
    pub(super) fn object(&self, len: usize) -> &[u8] {
        &self.bytes[self.from..self.from + len]
    }

    /// Gives the object up, `len` bytes of it.
    pub(super) fn give_up(&mut self, len: usize) {
        self.from += len;
        self.scanned = self.from;
        self.scanner = Scanner::default();
        if self.from == self.bytes.len() {
            *self = Kept::default();
        }
    }

    fn skip_white_space(&mut self) {
        let white = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.from += self.bytes[self.from..].iter().take_while(white).count();
        self.scanned = self.from;
    }

    /// Keeps the object that has begun, and not the room that a large read took.
    fn close_up(&mut self) {
        if self.from > 0 {
            self.bytes = Zeroizing::new(self.bytes[self.from..].to_vec());
            self.scanned -= self.from;
            self.from = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The objects of `stream`, cut after each `cut` bytes, and whether something bad ended it.
    fn objects(stream: &[u8], cut: usize) -> (Vec<Vec<u8>>, bool) {
        let (mut kept, mut found) = (Kept::default(), Vec::new());
        for part in stream.chunks(cut) {
            kept.push(&mut part.to_vec());
            loop {
                match kept.find() {
                    Found::Part => break,
                    Found::Bad => return (found, true),
                    Found::Object(len) => {
                        found.push(kept.object(len).to_vec());
                        kept.give_up(len);
                    }
                }
            }
        }
        (found, false)
    }

    #[test]
    fn any_cut_finds_the_same_objects() {
        let stream = br#" {"a":"}\"{\\"} {}{"b":[{"c":"]"}]}
            {"username":"\u65ed","passwd":"x"}	{"open":"#;
        let expected: Vec<&[u8]> = vec![
            br#"{"a":"}\"{\\"}"#,
            b"{}",
            br#"{"b":[{"c":"]"}]}"#,
            br#"{"username":"\u65ed","passwd":"x"}"#,
        ];
        for cut in 1..=stream.len() {
            let (found, bad) = objects(stream, cut);
            assert_eq!(found, expected, "cut after each {cut}");
            assert!(!bad);
        }
    }

    #[test]
    fn what_does_not_begin_as_an_object_is_bad_at_its_first_byte() {
        for bad in ["[", "\"", "1", "null", "}", "]", "\u{feff}{}", "\u{a0}{}", "\0"] {
            assert_eq!(objects(bad.as_bytes(), 1), (vec![], true), "{bad}");
        }
        assert_eq!(objects(b"{} x", 1), (vec![b"{}".to_vec()], true));
    }

    #[test]
    fn depth_and_length_have_their_limits() {
        let deep = |depth: usize| {
            let inner = depth - 1;
            format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner)).into_bytes()
        };
        assert!(!objects(&deep(MAX_DEPTH), 7).1);
        assert!(objects(&deep(MAX_DEPTH + 1), 7).1);
        let long = |len: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(len - 8)).into_bytes();
        for cut in [1000, MAX_OBJECT, MAX_OBJECT + 1] {
            assert_eq!(objects(&long(MAX_OBJECT), cut), (vec![long(MAX_OBJECT)], false));
            assert_eq!(objects(&long(MAX_OBJECT + 1), cut), (vec![], true));
            assert_eq!(objects(&vec![b'{'; 2 * MAX_OBJECT], cut), (vec![], true));
        }
        // White space is not kept, however much comes.
        let mut kept = Kept::default();
        kept.push(&mut vec![b' '; 10 * MAX_OBJECT]);
        assert_eq!(kept.find(), Found::Part);
        assert_eq!(kept.bytes.capacity(), 0);
    }
}
