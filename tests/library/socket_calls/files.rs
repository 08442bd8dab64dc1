//! Files: std's traits, lines by iteration, peeking, and text. `tests/socket_files/` has the rest, against CPython's.

use std::io::{BufRead, Read, Write};

use sockmodes::socket::{Access, Error, Shutdown, Socket};

#[test]
fn sockets_are_readers_and_writers() {
    let (mut a, b) = Socket::pair().unwrap();
    writeln!(&b, "by {:?}", "std").unwrap();
    let mut bytes = [0; 9];
    a.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"by \"std\"\n");
    a.write_all(b"answer").unwrap();
    a.shutdown(Shutdown::Write).unwrap();
    let mut all = String::new();
    (&b).read_to_string(&mut all).unwrap();
    assert_eq!(all, "answer");
    a.set_blocking(false).unwrap();
    assert_eq!(a.read(&mut bytes).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    a.set_timeout(Some(std::time::Duration::from_millis(10))).unwrap();
    assert_eq!(a.read(&mut bytes).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn files_are_readers_and_writers_of_std() {
    let (a, b) = Socket::pair().unwrap();
    let mut file = a.makefile(Access::ReadWrite);
    b.send_all(b"one\ntwo\nthree").unwrap();
    let mut line = String::new();
    BufRead::read_line(&mut file, &mut line).unwrap();
    assert_eq!(line, "one\n");
    assert_eq!(file.fill_buf().unwrap(), b"two\nthree");
    file.consume(4);
    b.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    Read::read_to_end(&mut file, &mut rest).unwrap();
    assert_eq!(rest, b"three");
    Write::write_all(&mut file, b"answer").unwrap();
    Write::flush(&mut file).unwrap();
    assert_eq!(b.recv(16).unwrap(), b"answer");
    let (a, _b) = Socket::pair().unwrap();
    a.set_blocking(false).unwrap();
    let mut file = a.makefile(Access::ReadWrite);
    let would_block = std::io::ErrorKind::WouldBlock;
    assert_eq!(file.fill_buf().unwrap_err().kind(), would_block);
    assert_eq!(Read::read(&mut file, &mut [0; 9]).unwrap_err().kind(), would_block);
    // All that std's `write_all` can't send stays out; what was taken is counted once.
    let mut taken = 0;
    let error = loop {
        match Write::write(&mut file, &[0; 100_000]) {
            Ok(count) => taken += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), would_block);
    assert!(taken > 0);
}

#[test]
fn the_lines_of_a_file_end_with_its_input() {
    let (a, b) = Socket::pair().unwrap();
    b.send_all(b"one\n\nthree").unwrap();
    b.shutdown(Shutdown::Write).unwrap();
    let mut file = a.makefile(Access::Read);
    let lines: Result<Vec<_>, _> = (&mut file).into_iter().collect();
    assert_eq!(lines.unwrap(), [b"one\n".to_vec(), b"\n".to_vec(), b"three".to_vec()]);
    assert!((&mut file).into_iter().next().is_none());
    let (a, b) = Socket::pair().unwrap();
    b.send_all(b"raw\n").unwrap();
    drop(b);
    for line in &mut a.makefile_raw(Access::Read) {
        assert_eq!(line.unwrap(), b"raw\n");
    }
}

#[test]
fn a_file_peeks_and_reads_once() {
    let (a, b) = Socket::pair().unwrap();
    let mut file = a.makefile_with_capacity(Access::Read, 8).unwrap();
    b.send_all(b"hello").unwrap();
    assert_eq!(file.peek().unwrap(), b"hello");
    assert_eq!(file.read_once(3).unwrap(), b"hel");
    b.send_all(b" again").unwrap();
    assert_eq!(file.read_once(16).unwrap(), b"lo", "what is ahead, and no call for more");
    let mut some = [0; 16];
    assert_eq!(file.read_into_once(&mut some).unwrap(), Some(6));
    a.set_blocking(false).unwrap();
    assert_eq!(file.peek().unwrap(), b"");
    assert_eq!(file.read_once(1).unwrap(), b"");
    assert_eq!(file.read_into(&mut some).unwrap(), None);
    b.send_all(b"0123456789").unwrap();
    assert_eq!(file.read_into(&mut some).unwrap(), Some(10), "what there is");
    b.send_all(b"long line\n").unwrap();
    assert_eq!(file.read_line_up_to(4).unwrap(), b"long");
    assert_eq!(file.read_line_up_to(0).unwrap(), b"");
    assert_eq!(file.read_line_up_to(99).unwrap(), b" line\n");
}

#[test]
fn a_file_for_both_directions_has_no_number() {
    let (a, _b) = Socket::pair().unwrap();
    assert!(matches!(a.makefile(Access::ReadWrite).fileno(), Err(Error::Unsupported("fileno"))));
    assert_eq!(a.makefile(Access::Read).fileno().unwrap(), a.fileno());
    assert_eq!(a.makefile_raw(Access::ReadWrite).fileno().unwrap(), a.fileno());
}

#[test]
fn lines_of_text_end_alike() {
    let (a, b) = Socket::pair().unwrap();
    let mut text = a.makefile_text(Access::ReadWrite);
    b.send_all("unix\nmac\rdos\r\n\r\r\nstra\u{df}e".as_bytes()).unwrap();
    for line in ["unix\n", "mac\n", "dos\n", "\n", "\n"] {
        assert_eq!(text.read_line().unwrap(), line);
    }
    // A line that ends in two pieces has one end, and a character in two pieces is one.
    b.send_all(b"\r").unwrap();
    assert_eq!(text.read_line().unwrap(), "stra\u{df}e\n");
    b.send_all(b"\n\xc3").unwrap();
    b.send_all(b"\xbc\n\xff\nlast").unwrap();
    b.shutdown(Shutdown::Write).unwrap();
    assert_eq!(text.read_line().unwrap(), "\u{fc}\n");
    assert!(matches!(text.read_line(), Err(Error::InvalidValue(_))));
    text.write("answer\n").unwrap();
    text.flush().unwrap();
    assert_eq!(b.recv(16).unwrap(), b"answer\n");
    assert_eq!(text.collect::<Result<Vec<_>, _>>().unwrap(), ["last"]);
}
