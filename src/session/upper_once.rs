//! The service `upper-once`: one request of at most [`MAX_REQUEST`] bytes, one answer, the end.
//!
//! It is what the source document's `socketserver` handler does with one `recv(1024)`, made
//! independent of how the stream is cut: the request goes up to the first line feed, to the end
//! of input or to 1024 bytes, whichever comes first.

use super::upper::Upper;

/// The most bytes of one request.
pub const MAX_REQUEST: usize = 1024;

/// What has come of the request so far.
#[derive(Default)]
pub(super) struct UpperOnce {
    request: Vec<u8>,
}

impl UpperOnce {
    /// Takes more of the request; returns whether it is whole.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> bool {
        let part = &bytes[..bytes.len().min(MAX_REQUEST - self.request.len())];
        let line = part.iter().position(|&byte| byte == b'\n').map(|at| &part[..=at]);
        self.request.extend_from_slice(line.unwrap_or(part));
        line.is_some() || self.request.len() == MAX_REQUEST
    }

    /// The answer to what there is: the request is whole, or the input has ended.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        answer(&mut self.request).to_vec()
    }
}

/// The request without white space at its ends, in upper case.
fn answer(request: &mut [u8]) -> &[u8] {
    Upper::new().change(request);
    // Python's bytes.strip() also takes the vertical tab, which `trim_ascii` leaves.
    let white = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    let start = request.iter().position(|byte| !white(byte)).unwrap_or(request.len());
    let end = request.iter().rposition(|byte| !white(byte)).map_or(start, |at| at + 1);
    &request[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(cuts: &[&[u8]]) -> Vec<u8> {
        let mut service = UpperOnce::default();
        for cut in cuts {
            if service.hear(cut) {
                break;
            }
        }
        service.finish()
    }

    #[test]
    fn a_request_ends_at_a_line_feed_the_end_of_input_or_1024_bytes() {
        assert_eq!(reply(&[b"hello\nworld\n"]), b"HELLO");
        assert_eq!(reply(&[b"hel", b"lo\nworld"]), b"HELLO");
        assert_eq!(reply(&[b"hello"]), b"HELLO");
        assert_eq!(reply(&[b""]), b"");
        assert_eq!(reply(&[b" \t\x0b\x0c\r\n"]), b"");
        assert_eq!(reply(&[b"\x0b\x1c a\x1c \r\n"]), b"\x1c A\x1c");
        assert_eq!(reply(&[&[b'a'; 1025]]), [b'A'; 1024]);
        assert_eq!(
            reply(&[&[b'a'; 1000], &[b'b'; 30]]),
            [[b'A'; 1000].as_slice(), &[b'B'; 24]].concat()
        );
    }
}
