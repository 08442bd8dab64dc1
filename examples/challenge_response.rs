//! `challenge_response`: how a client proves that it knows a secret, without ever saying it.
//!
//! The server asks a question (the *nonce*), the client answers with a digest of secret and question, and
//! the server, which knows the secret too, works out the same digest and compares. Three servers do it,
//! each a little better than the one before.
//!
//! Before you run it: which bytes does somebody who listens on the wire see? If the question is
//! always the same, what about the answer? And what is left to improve once the question is random?
//!
//! ```text
//! cargo run --example challenge_response
//! python3 examples/python/challenge_response.py
//! ```
//!
//! Next: `replay`, which breaks the first of the three.

mod common;

use std::error::Error;
use std::process::ExitCode;

use common::{Counted, Lesson, recv_exactly};
use md5::{Digest, Md5};
use rand::Rng;
use sockmodes::auth::{Key, Scheme, Secret};
use sockmodes::socket::{Result, Socket};

/// What both sides know and nobody else does: the bandits' password from a novel
/// that every Chinese reader knows, "the king of heaven covers the tiger of earth".
const SECRET: &str = "天王盖地虎";
/// The first server's question: "this is a random string". It is not.
const FIXED_TEXT: &str = "这是一个随机字符串";

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "challenge_response: prove that you know a secret, without saying it",
        &[
            "what crosses the wire: the secret, or something made from it?",
            "the first server always asks the same: what does its client answer the second time?",
            "the second asks 10 random bytes: how often does the same answer come twice?",
            "the third uses hmac in place of md5: what changes on the wire, and what is hmac made of?",
        ],
    );
    let secret = Secret::new(SECRET.into())?;

    let (md5, hmac) = (Key::new(Scheme::Md5, &secret), Key::new(Scheme::HmacMd5, &secret));
    a_fixed_text(&mut lesson, &md5)?;
    let in_md5 = random_bytes(&mut lesson, &md5)?;
    in_place_of_md5(&mut lesson, &hmac, &in_md5)?;
    hmac_by_hand(&mut lesson, &hmac);
    another_secret(&mut lesson, &hmac)?;
    Ok(lesson.end())
}

fn a_fixed_text(lesson: &mut Lesson, md5: &Key) -> Result<()> {
    lesson.part("1. A fixed text, answered with the hex digits of md5(secret + text)");
    let fixed = FIXED_TEXT.as_bytes();
    let first = converse(lesson, fixed, md5, md5)?;
    lesson.note(&format!("the question, as text: {}", String::from_utf8_lossy(&first.question)));
    lesson.note(&format!("the answer, as text: {}", String::from_utf8_lossy(&first.answer)));
    lesson.check("whoever knows the secret is let in", first.is_let_in);
    lesson.check(
        "the secret itself never crosses the wire",
        !contains(&first.question, SECRET) && !contains(&first.answer, SECRET),
    );
    let again = converse(lesson, fixed, md5, md5)?;
    // This is the flaw that `replay` exploits: whoever has heard the answer once can give it for
    // ever.
    lesson
        .check("the same question gets the same answer, every time", again.answer == first.answer);
    Ok(())
}

/// Returns an answer of this kind, 32 hex digits.
fn random_bytes(lesson: &mut Lesson, md5: &Key) -> Result<Vec<u8>> {
    lesson.part("2. Ten random bytes, answered with the hex digits of md5(secret + bytes)");
    // Ten bytes make 2 to the 80th questions: at a thousand
    // connections a second it takes decades until one is likely to come a second time, and then it
    // is any one, not yours.
    let second = converse(lesson, &ten_random_bytes(), md5, md5)?;
    let third = converse(lesson, &ten_random_bytes(), md5, md5)?;
    lesson.check("both were let in", second.is_let_in && third.is_let_in);
    lesson.check("two questions, two answers", second.answer != third.answer);
    Ok(second.answer)
}

fn in_place_of_md5(lesson: &mut Lesson, hmac: &Key, in_md5: &[u8]) -> Result<()> {
    lesson.part("3. Ten random bytes, answered with hmac-md5(secret, bytes)");
    // md5(secret + text) has a crack of its own: MD5 works through its input block by block, and
    // the digest *is* its state after the last block. Whoever has md5(secret + text) can go on from
    // there and work out md5(secret + text + padding + more) without the secret. Here the nonce has
    // a fixed length and nothing can be appended to it; but HMAC, which hashes a second time with
    // the secret in front again, does not depend on such luck (RFC 2104).
    let fourth = converse(lesson, &ten_random_bytes(), hmac, hmac)?;
    lesson.check("whoever knows the secret is let in", fourth.is_let_in);
    lesson.check("the answer is 16 raw bytes now, where it was 16 bytes as 32 hex digits", {
        fourth.answer.len() == 16 && in_md5.len() == 32
    });
    Ok(())
}

// ANCHOR: hmac
/// HMAC without a library, from two calls of MD5 (RFC 2104).
fn hmac_by_hand(lesson: &mut Lesson, library: &Key) {
    lesson.part("What HMAC is, by hand");
    let nonce = b"0123456789";
    // MD5 works in blocks of 64 bytes. The secret is filled up with zeros to one block. (A longer one is hashed first.)
    let mut block = [0; 64];
    block[..SECRET.len()].copy_from_slice(SECRET.as_bytes());
    lesson.told("the secret, filled up to a block", &Counted(block));
    // Two keys are made of it, which differ in half their bits. So neither hash can stand in for the other.
    let inner_key = block.map(|byte| byte ^ 0x36);
    let outer_key = block.map(|byte| byte ^ 0x5c);
    let inner = Md5::new().chain_update(inner_key).chain_update(nonce).finalize();
    lesson.told("inner = md5(secret ^ 0x36.. + nonce)", &hex(&inner));
    // The inner hash could be continued by whoever sees it. Nobody does: it goes into the second, the secret in front.
    let outer = Md5::new().chain_update(outer_key).chain_update(inner).finalize();
    lesson.told("outer = md5(secret ^ 0x5c.. + inner)", &hex(&outer));
    let digest = library.digest(nonce);
    lesson.told("the library's hmac-md5(secret, nonce)", &hex(digest.as_bytes()));
    lesson.check("it is the outer hash", outer[..] == *digest.as_bytes());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
// ANCHOR_END: hmac

fn another_secret(lesson: &mut Lesson, hmac: &Key) -> std::result::Result<(), Box<dyn Error>> {
    lesson.part("And somebody who knows another secret");
    let wrong = Key::new(Scheme::HmacMd5, &Secret::new("宝塔镇河妖".into())?);
    let fifth = converse(lesson, &ten_random_bytes(), hmac, &wrong)?;
    lesson.check("is not let in", !fifth.is_let_in);
    Ok(())
}

/// What happened on one connection.
struct Conversation {
    question: Vec<u8>,
    answer: Vec<u8>,
    is_let_in: bool,
}

/// The source's `os.urandom(10)`.
fn ten_random_bytes() -> [u8; 10] {
    let mut bytes = [0; 10];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// One server, one client, one conversation. Both sides run on this one thread, in turn: every message is
/// so short that the kernel keeps it until the other side asks for it.
fn converse(
    lesson: &mut Lesson,
    nonce: &[u8],
    servers_key: &Key,
    clients_key: &Key,
) -> Result<Conversation> {
    let listener = Socket::tcp()?;
    // The source's servers sit on port 9090. Port 0 lets the kernel pick a free one.
    listener.bind("127.0.0.1:0")?;
    listener.listen(5)?;
    let client = Socket::tcp()?;
    client.connect(listener.local_addr()?)?;
    lesson.did("client: connect");
    let (server, from) = listener.accept()?;
    lesson.told("server: accept", &(&server, from));

    // The server draws a nonce ("number used once") and asks.
    server.send_all(nonce)?;
    lesson.did("server: sendall(nonce)");

    // The client answers with what only somebody who knows the secret can work out. One `recv` may
    // give only a part of the nonce; `recv_exactly` goes on until it is whole.
    let question = recv_exactly(&client, nonce.len())?;
    lesson.told("client: recv(nonce)", &Counted(&question));
    let answer = clients_key.digest(&question);
    client.send_all(answer.as_bytes())?;
    lesson.did("client: sendall(digest)");

    // The server does the same sum and compares. `matches` takes the same time wherever the first
    // wrong byte is, like Python's `hmac.compare_digest`; a plain `==`, as in the source, stops at
    // that byte, and where the question stays the same, somebody with a good stopwatch can guess
    // the answer byte by byte.
    let digest_len = servers_key.scheme().digest_len();
    let received = recv_exactly(&server, digest_len)?;
    lesson.told("server: recv(digest)", &Counted(&received));
    let is_let_in = servers_key.digest(nonce).matches(&received);
    lesson.told("server: compare", &verdict(is_let_in));
    // Here the connection would go on with "the logic of sending and receiving data".
    Ok(Conversation { question, answer: received, is_let_in })
}

/// What the source's servers print; literally "hello, buddy" and "you are no old hand at all".
fn verdict(is_let_in: bool) -> String {
    if is_let_in { "你好机油! (welcome)" } else { "你根本不是老司机 (go away)" }.into()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
