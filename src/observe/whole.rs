//! Lines that are written whole or not at all, whatever the target does half-way.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Stderr, Write};
use std::os::unix::fs::FileExt;

/// Where lines are written.
pub(super) trait Target: Write + Send + 'static {
    /// Takes the last `bytes` back that were written; false if that can't be done.
    fn take_back(&mut self, bytes: usize) -> bool {
        let _ = bytes;
        false
    }

    /// False if it is known that it does not end with `line`, which was written in several parts.
    fn ends_with(&self, line: &[u8]) -> bool {
        let _ = line;
        true
    }
}

impl Target for Stderr {}

impl Target for File {
    /// By the length that it has now: it may have been cut short since it was opened. What is written is
    /// appended, so the last bytes are the ones.
    fn take_back(&mut self, bytes: usize) -> bool {
        let Some(metadata) = self.metadata().ok().filter(Metadata::is_file) else { return false };
        let len = metadata.len().saturating_sub(bytes as u64);
        if self.set_len(len).is_err() {
            return false;
        }
        let mut last = *b"\n";
        if let Some(at) = len.checked_sub(1) {
            // If it can't be read, nothing is known, and nothing is done.
            let _ = self.read_at(&mut last, at);
        }
        // If somebody has cut it short between the two calls, it was made longer instead.
        last == *b"\n" || self.set_len(0).is_ok()
    }

    fn ends_with(&self, line: &[u8]) -> bool {
        let Some(metadata) = self.metadata().ok().filter(Metadata::is_file) else { return true };
        let Some(at) = metadata.len().checked_sub(line.len() as u64) else { return false };
        let mut end = vec![0; line.len()];
        // If it can't be read, nothing is known.
        self.read_exact_at(&mut end, at).is_err() || end == line
    }
}

/// A target with whole lines in it.
pub(super) struct Whole<W> {
    target: W,
    /// There is half a line at its end, which could not be taken back.
    torn: bool,
}

impl<W: Target> Whole<W> {
    pub(super) fn new(target: W) -> Whole<W> {
        Whole { target, torn: false }
    }

    /// Writes `line`, which ends with a line feed. What was half written before is taken back; where that
    /// can't be done, it stays, but at least it is not glued to the next.
    ///
    /// # Errors
    ///
    /// Those of the target; then the line is not there.
    pub(super) fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if !self.torn {
            return self.put(line);
        }
        self.put(b"\n")?;
        self.torn = false;
        self.put(line)
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        let (mut rest, mut in_parts) = (line, false);
        while !rest.is_empty() {
            match self.target.write(rest) {
                Ok(0) => return self.give_up(line.len() - rest.len(), ErrorKind::WriteZero.into()),
                Ok(bytes) => rest = &rest[bytes..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.give_up(line.len() - rest.len(), error),
            }
            in_parts |= !rest.is_empty();
        }
        if in_parts && !self.target.ends_with(line) {
            // Cut short between two parts: there is half a line, and it is at the end.
            return self.give_up(line.len(), ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn give_up(&mut self, written: usize, error: io::Error) -> io::Result<()> {
        self.torn |= written > 0 && !self.target.take_back(written);
        Err(error)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A target that keeps what it gets, for all its clones.
    #[derive(Clone, Default)]
    pub(in crate::observe) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(in crate::observe) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Target for Shared {
        fn take_back(&mut self, bytes: usize) -> bool {
            let mut text = self.0.lock().unwrap();
            let len = text.len() - bytes;
            text.truncate(len);
            true
        }
    }

    pub(in crate::observe) struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Target for Full {}

    /// A disk: `room` bytes in all, and whether what is on it can be cut.
    struct Disk {
        text: Vec<u8>,
        room: usize,
        can_cut: bool,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Never more than three at once.
            let taken = bytes.len().min(self.room - self.text.len()).min(3);
            self.text.extend_from_slice(&bytes[..taken]);
            if taken == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Target for Disk {
        fn take_back(&mut self, bytes: usize) -> bool {
            if self.can_cut {
                self.text.truncate(self.text.len() - bytes);
            }
            self.can_cut
        }
    }

    /// Writes two lines of five bytes with `room` for so much, and a third when there is room again.
    fn written(room: usize, can_cut: bool) -> (bool, String) {
        let mut whole = Whole::new(Disk { text: Vec::new(), room, can_cut });
        whole.line(b"one.\n").unwrap();
        let second = whole.line(b"two.\n").is_ok();
        whole.target.room = 100;
        whole.line(b"tre.\n").unwrap();
        (second, String::from_utf8(whole.target.text).unwrap())
    }

    #[test]
    fn a_line_is_whole_or_absent_wherever_the_disk_is_full() {
        for room in 5..10 {
            assert_eq!(written(room, true), (false, "one.\ntre.\n".into()), "{room}");
        }
        assert_eq!(written(10, true), (true, "one.\ntwo.\ntre.\n".into()));
    }

    #[test]
    fn of_a_file_that_was_cut_short_meanwhile_nothing_is_left_but_lines() {
        let left = |text: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text).unwrap();
            assert!(file.take_back(4));
            let mut left = vec![0; file.metadata().unwrap().len() as usize];
            file.read_exact_at(&mut left, 0).unwrap();
            left
        };
        assert_eq!(left(b"one.\ntwo."), b"one.\n");
        assert_eq!(left(b"two."), b"");
        // What it looks like if it was cut after its length was asked for.
        assert_eq!(left(b"\0\0\0\0\0two."), b"");
    }

    /// A file of which all is cut away after the first part of a line, as `copytruncate` may do it on a full disk.
    struct Cut(File, usize);

    impl Write for Cut {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let part = if self.1 == 0 { bytes.len() } else { bytes.len().min(3) };
            let written = self.0.write(&bytes[..part])?;
            if self.1 == 1 {
                self.0.set_len(0)?;
            }
            self.1 = self.1.saturating_sub(1);
            Ok(written)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Target for Cut {
        fn take_back(&mut self, bytes: usize) -> bool {
            self.0.take_back(bytes)
        }
        fn ends_with(&self, line: &[u8]) -> bool {
            self.0.ends_with(line)
        }
    }

    #[test]
    fn a_line_that_is_cut_between_two_parts_is_lost_whole() {
        for parts in 1..3 {
            let file = tempfile::NamedTempFile::new().unwrap();
            let append = File::options().read(true).append(true).open(file.path()).unwrap();
            let mut whole = Whole::new(Cut(append, parts));
            whole.line(b"one...\n").unwrap_err();
            whole.line(b"two...\n").unwrap();
            assert_eq!(std::fs::read(file.path()).unwrap(), b"two...\n", "{parts}");
        }
    }

    #[test]
    fn half_a_line_that_stays_is_not_glued_to_the_next() {
        assert_eq!(written(5, false), (false, "one.\ntre.\n".into()));
        for half in 1..5 {
            let text = format!("one.\n{}\ntre.\n", &"two."[..half]);
            assert_eq!(written(5 + half, false), (false, text), "{half}");
        }
    }

    #[test]
    fn a_line_feed_that_finds_no_room_either_is_tried_again() {
        let mut whole = Whole::new(Disk { text: Vec::new(), room: 3, can_cut: false });
        (0..3).for_each(|_| assert!(whole.line(b"one.\n").is_err()));
        whole.target.room = 100;
        whole.line(b"two.\n").unwrap();
        assert_eq!(whole.target.text, b"one\ntwo.\n");
    }
}
