//! `replay`: whoever has heard one answer to a fixed question can give it for ever.
//!
//! A client logs in over a line on which somebody listens. The listener learns no secret. Does that
//! keep the listener out?
//!
//! Before you run it: the first server always asks the same, the second asks something fresh each time. The
//! stranger plays the recorded answer back to both. Who lets the stranger in?
//!
//! ```text
//! cargo run --example replay
//! python3 examples/python/replay.py
//! ```
//!
//! Next: `rogue_clients`, the strangers who have not even listened.

mod common;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;

use common::{Counted, Lesson, recv_exactly};
use rand::Rng;
use sockmodes::auth::{Key, Scheme, Secret};
use sockmodes::socket::{Result, Socket};

/// What client and server know, and the listener does not.
const SECRET: &str = "天王盖地虎";
/// The fixed question of the source document's first server, 27 bytes of UTF-8: "this is a random string".
const FIXED_TEXT: &str = "这是一个随机字符串";
/// What the scheme `md5` answers with: 32 hex digits.
const DIGEST_LEN: usize = 32;

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "replay: a recorded answer, played back",
        &[
            "the listener has heard question and answer: is the secret among it?",
            "the server asks the same question again: is the recorded answer right?",
            "the server asks a fresh question: is the recorded answer right?",
        ],
    );
    let key = Key::new(Scheme::Md5, &Secret::new(SECRET.into())?);

    lesson.part("1. A server that always asks the same");
    let server = start_server(|| FIXED_TEXT.into(), key.clone())?;
    let recorded = log_in_overheard(&mut lesson, server, &key, FIXED_TEXT.len())?;
    let hears_secret = recorded.windows(SECRET.len()).any(|heard| heard == SECRET.as_bytes());
    lesson.check("what the listener has recorded is not the secret", !hears_secret);
    let reply = play_back(&mut lesson, server, FIXED_TEXT.len(), &recorded)?;
    lesson.check("the stranger, who knows no secret, is let in and served", reply == b"LET ME IN");

    lesson.part("2. A server that asks 10 fresh random bytes");
    let server = start_server(ten_random_bytes, key.clone())?;
    let recorded = log_in_overheard(&mut lesson, server, &key, 10)?;
    let reply = play_back(&mut lesson, server, 10, &recorded)?;
    // The answer was right, for a question that will not be asked again. That is all that a nonce is for.
    lesson.check("the recorded answer is worth nothing: the server hangs up", reply.is_empty());
    Ok(lesson.end())
}

/// The client logs in and says hello, and every byte passes through the hands of somebody else.
///
/// This happens not only in films: every router, every Wi-Fi access point and everybody who can
/// fool your resolver could be that somebody, who changes nothing, passes everything on, and keeps
/// a copy.
fn log_in_overheard(
    lesson: &mut Lesson,
    server: SocketAddr,
    key: &Key,
    nonce_len: usize,
) -> Result<Vec<u8>> {
    let tap = Socket::tcp()?;
    tap.bind("127.0.0.1:0")?;
    tap.listen(1)?;
    let client = Socket::tcp()?;
    client.connect(tap.local_addr()?)?;
    lesson.did("client: connect, to what it takes for the server");
    let (towards_client, _) = tap.accept()?;
    let towards_server = Socket::tcp()?;
    towards_server.connect(server)?;
    lesson.did("listener: connect, to the server");

    let question = recv_exactly(&towards_server, nonce_len)?;
    towards_client.send_all(&question)?;
    lesson.did("listener: pass on the question");
    let heard = recv_exactly(&client, nonce_len)?;
    lesson.told("client: recv", &Counted(&heard));
    let answer = key.digest(&heard);
    client.send_all(answer.as_bytes())?;
    lesson.did("client: sendall(digest)");
    let recorded = recv_exactly(&towards_client, DIGEST_LEN)?;
    lesson.told("listener: recv, and keep a copy", &Counted(&recorded));
    towards_server.send_all(&recorded)?;
    lesson.did("listener: pass on the answer");

    // The login is real: the client gets its service, and suspects nothing.
    client.send_all(b"hello")?;
    towards_server.send_all(&recv_exactly(&towards_client, 5)?)?;
    towards_client.send_all(&recv_exactly(&towards_server, 5)?)?;
    lesson.told("client: sendall(\"hello\"), recv", &recv_exactly(&client, 5)?);
    Ok(recorded)
}

/// A stranger who knows the recording and nothing else. Returns what the server says to it.
fn play_back(
    lesson: &mut Lesson,
    server: SocketAddr,
    nonce_len: usize,
    recorded: &[u8],
) -> Result<Vec<u8>> {
    let stranger = Socket::tcp()?;
    stranger.connect(server)?;
    lesson.did("stranger: connect");
    // The stranger waits for the question only out of politeness: it knows what it will say.
    lesson.told("stranger: recv", &Counted(recv_exactly(&stranger, nonce_len)?));
    stranger.send_all(recorded)?;
    lesson.did("stranger: sendall(the recorded digest)");
    // A server of this kind sends no "welcome" and no "go away": one has to try.
    stranger.send_all(b"let me in")?;
    lesson.did("stranger: sendall(\"let me in\")");
    let reply = recv_exactly(&stranger, 9)?;
    lesson.told("stranger: recv", &reply);
    Ok(reply)
}

/// The source's `os.urandom(10)`.
fn ten_random_bytes() -> Vec<u8> {
    let mut bytes = vec![0; 10];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// The source document's server, as a loop: ask, compare, and serve whoever passes.
fn start_server(nonce: fn() -> Vec<u8>, key: Key) -> Result<SocketAddr> {
    let listener = Socket::tcp()?;
    listener.bind("127.0.0.1:0")?;
    listener.listen(5)?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            // One client's trouble is no reason to stop serving the others.
            let _ = serve(&client, &nonce(), &key);
        }
    });
    Ok(address)
}

fn serve(client: &Socket, nonce: &[u8], key: &Key) -> Result<()> {
    client.send_all(nonce)?;
    if !key.digest(nonce).matches(&recv_exactly(client, DIGEST_LEN)?) {
        return hang_up(client);
    }
    loop {
        let request = client.recv(1024)?;
        if request.is_empty() {
            return Ok(());
        }
        client.send_all(&request.to_ascii_uppercase())?;
    }
}

/// Hangs up politely: says "I am done talking", then listens until the other side is done too.
///
/// Closing a socket with unread bytes in it makes the kernel send a *reset*, and a reset throws
/// away whatever is still on its way to the peer. The stranger's "let me in" may be such bytes.
fn hang_up(client: &Socket) -> Result<()> {
    client.shutdown(std::net::Shutdown::Write)?;
    while !client.recv(1024)?.is_empty() {}
    Ok(())
}
