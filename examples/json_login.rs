//! `json_login`: the source document's login, with a name and a password in a JSON object; what is missing in it.
//!
//! It reads 1024 bytes and parses them. But an object on a stream is a message like any other: two can come together, one
//! in halves, and a half can end within a letter. Then the password: an MD5 without salt tells who has the same one, and
//! a hash that is slow, as it should be, makes everybody wait if the loop computes it.
//!
//! Before you run it: two objects have come in one segment. What does a JSON parser say? Where does an object end? While
//! one login is checked for 0.05 s, who else is served?
//!
//! ```text
//! cargo run --example json_login
//! python3 examples/python/json_login.py
//! ```
//!
//! Next: `both_send`. The server of this crate does all this and more: the service `login`.

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use argon2::Argon2;
use common::{Counted, Lesson, connected, ms, wait_readable};
use md5::{Digest, Md5};
use serde_json::Value;
use sockmodes::socket::{Flags, Result, Socket};

type Outcome<T> = std::result::Result<T, Box<dyn Error>>;

/// The names and passwords are the source document's: 旭哥 is "brother Xu", 老司机 "an old hand".
const XU: &str = r#"{"username": "旭哥", "passwd": "老司机"}"#;
const EVA: &str = r#"{"username": "eva", "passwd": "a}b\"c"}"#;

fn main() -> Outcome<ExitCode> {
    let mut lesson = Lesson::begin(
        "json_login: objects on a stream, and passwords on a loop",
        &[
            "two objects came with one recv: what does the parser say?",
            "half of one, or one cut within a letter: what does it say then?",
            "how can a reader know where an object ends, before it parses?",
            "two users have the same password: does the file of hashes tell?",
            "a login is checked for 0.05 s on the loop: when is another client's ping answered?",
        ],
    );
    one_recv_one_object(&mut lesson)?;
    where_an_object_ends(&mut lesson)?;
    salt(&mut lesson);
    on_the_loop_and_off_it(&mut lesson)?;
    Ok(lesson.end())
}

// ANCHOR: one
fn one_recv_one_object(lesson: &mut Lesson) -> Result<()> {
    lesson.part("One recv, one object: the source document's assumption");
    let (socket, peer) = connected()?;
    peer.send_all(XU.as_bytes())?;
    let alone = parsed(&socket.recv(1024)?);
    lesson.told("recv(1024), one object sent: parsed", &alone);
    peer.send_all(XU.as_bytes())?;
    peer.send_all(EVA.as_bytes())?;
    socket.recv_with(XU.len() + EVA.len(), Flags::PEEK | Flags::WAITALL)?; // Until both are there.
    let glued = parsed(&socket.recv(1024)?);
    lesson.told("recv(1024), two objects sent: parsed", &glued);
    peer.send_all(&XU.as_bytes()[..20])?;
    let half = parsed(&socket.recv(1024)?);
    lesson.told("recv(1024), half an object there: parsed", &half);
    lesson.check("it works as long as nobody hurries", alone == "an object");
    lesson.check("two are an error", glued == "an error");
    lesson.check("and so is half of one, though nothing is wrong with it", half == "an error");
    Ok(())
}

fn parsed(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(_) => "an object",
        Err(_) => "an error",
    }
    .into()
}
// ANCHOR_END: one

// ANCHOR: ends
/// The first object's length, if its end has come. It knows just as much of JSON as that needs: brackets count, but not
/// in strings, and a quotation mark behind a backslash ends no string.
fn end_of_object(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        if escaped {
            escaped = false;
        } else if in_string {
            escaped = byte == b'\\';
            in_string = byte != b'"';
        } else if byte == b'"' {
            in_string = true;
        } else if byte == b'{' {
            depth += 1;
        } else if byte == b'}' {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1);
            }
        }
    }
    None
}

/// The names in the objects that the pieces make, if they come one by one.
fn names<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Outcome<Vec<String>> {
    let (mut kept, mut names) = (Vec::new(), Vec::new());
    for piece in pieces {
        kept.extend(piece);
        while let Some(end) = end_of_object(&kept) {
            // Bytes, until they are whole: a letter that is cut in two can't be decoded, and is no fault of the client.
            let object: Vec<u8> = kept.drain(..end).collect();
            let login: Value = serde_json::from_slice(&object)?;
            names.push(login["username"].as_str().unwrap_or_default().to_owned());
        }
    }
    Ok(names)
}
// ANCHOR_END: ends

fn where_an_object_ends(lesson: &mut Lesson) -> Outcome<()> {
    lesson.part("Find the end first, parse what is whole");
    let wire = [XU, EVA].concat().into_bytes();
    let none = end_of_object(&wire[..20]);
    lesson.told("end_of_object(20 bytes of it)", &none);
    let first = end_of_object(&wire);
    lesson.told("end_of_object(two of them)", &first);
    let at_once = names([&wire[..]].into_iter())?;
    lesson.told("names, both in one piece", &at_once.join(", "));
    let letter_by_letter = names(wire.chunks(1))?;
    lesson.told("names, byte by byte", &letter_by_letter.join(", "));
    let mut same = true;
    for cut in 0..=wire.len() {
        same &= names([&wire[..cut], &wire[cut..]].into_iter())? == at_once;
    }
    lesson
        .check("the end of the first is where it ends", first == Some(XU.len()) && none.is_none());
    lesson.check("a bracket in a password is no end", at_once == ["旭哥", "eva"]);
    lesson
        .check("wherever they are cut, also within a letter", same && letter_by_letter == at_once);
    lesson.note(
        "(A stranger sends \"{\" without end: a real reader has a limit of length and depth.)",
    );
    Ok(())
}

// ANCHOR: salt
fn salt(lesson: &mut Lesson) {
    lesson.part("A hash, a salt, and time");
    let quick = |salt: &str| Md5::digest(format!("{salt}老司机"));
    let same = quick("") == quick("");
    lesson.told("md5(password) of two users with one password: equal?", &same);
    // So the file tells who has the same one; and one table of the hashes of all usual passwords serves for every file.
    let salted = quick("salt of one") == quick("salt of the other");
    lesson.told("md5(salt + password), each with a salt of its own: equal?", &salted);
    lesson.start_clock();
    let slow = slow_hash("老司机", "16 random bytes!");
    lesson.told("slow_hash(password, salt)", &Counted(slow));
    lesson.check("without a salt, the same password is seen", same);
    lesson.check("with one, it is not", !salted);
    // MD5 was made to be fast, and a graphics card computes many thousand million a second. A hash for passwords is slow on
    // purpose, and takes much memory: for one login that is nothing, for a thief with the file it is everything.
    lesson.note(
        "(A salt stops tables. What stops guessing one by one is how long each guess takes.)",
    );
}

/// Argon2id, with 19 MiB and two passes.
fn slow_hash(password: &str, salt: &str) -> Vec<u8> {
    let mut hash = vec![0; 32];
    let done =
        Argon2::default().hash_password_into(password.as_bytes(), salt.as_bytes(), &mut hash);
    done.expect("the lengths are right");
    hash
}
// ANCHOR_END: salt

// ANCHOR: off
/// Two clients have sent a request each, and one thread serves both. Returns in which order they are answered, and how
/// long the second one waited.
fn serve(off_the_loop: bool) -> Result<(String, f64)> {
    let ((logging_in, client), (pinging, other)) = (connected()?, connected()?);
    client.send_all(XU.as_bytes())?;
    other.send_all(b"ping")?;
    let begun = Instant::now();
    let (mut answered, mut waited) = (Vec::new(), 0.0);
    let (finishes, finished) = channel();
    let mut under_way = 0;
    for socket in [&logging_in, &pinging] {
        wait_readable(socket, ms(5000));
        let request = socket.recv(1024)?;
        if request == b"ping" {
            socket.send_all(b"pong")?;
            waited = begun.elapsed().as_secs_f64();
            answered.push("ping");
        } else if off_the_loop {
            // The loop only hands it over, and goes on. The worker says when it is done.
            let finishes = finishes.clone();
            thread::spawn(move || finishes.send(slow_hash("老司机", "16 random bytes!")));
            under_way += 1;
        } else {
            answer_login(socket, &slow_hash("老司机", "16 random bytes!"))?;
            answered.push("login");
        }
    }
    for hash in finished.iter().take(under_way) {
        answer_login(&logging_in, &hash)?;
        answered.push("login");
    }
    Ok((answered.join(", "), waited))
}
// ANCHOR_END: off

fn answer_login(socket: &Socket, hash: &[u8]) -> Result<()> {
    socket.send_all(if hash.len() == 32 { b"success!" } else { b"failed!" })?;
    Ok(())
}

fn on_the_loop_and_off_it(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Who waits for the slow hash");
    let (inline, waited) = serve(false)?;
    lesson.told("hashed on the loop, answered", &inline);
    lesson.note(&format!("the ping waited {waited:.3} s"));
    let (beside, waited) = serve(true)?;
    lesson.told("hashed by a worker, answered", &beside);
    lesson.note(&format!("the ping waited {waited:.3} s"));
    lesson.check("on the loop, everybody waits for each login", inline == "login, ping");
    lesson.check("with a worker, only who logs in waits", beside == "ping, login");
    Ok(())
}
