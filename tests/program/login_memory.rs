//! Logins where there is too little memory: what the server can't do is nobody's failure.
#![cfg(target_os = "linux")]

use std::thread;

use crate::common::login::{Server, argon2id_line, login, md5_line};

/// A server whose address space has so many KiB, and that penalizes everything at once.
fn with_address_space(kib: usize, users: &str) -> Server {
    let script = format!(r#"ulimit -v {kib}; exec "$@""#);
    Server::start_in_shell(&script, users, &["-v", "--penalty", "authfail:10s,noauth:none,min:1s"])
}

#[test]
fn hashes_that_do_not_fit_at_once_take_turns() {
    let users = argon2id_line("eva", "x");
    // For the program, for a stack for each worker, and for a hash or two: not for one each.
    let workers = thread::available_parallelism().unwrap().get();
    let server = with_address_space((66 + 4 * workers) * 1024, &users);
    let mut peers: Vec<_> = (0..16).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.send(login("eva", "x"));
    }
    for peer in &mut peers {
        assert_eq!(peer.end().hear_all(), "success!");
    }
    assert!(!server.connect().log_in("eva", "y"), "a wrong password is one all the same");
}

#[test]
fn where_none_fits_nobody_fails_and_nobody_can_be_told_from_another() {
    let dear = argon2id_line("eva", "x").replace("m=19456", "m=1048576");
    let users = dear + &md5_line("bob", "x") + "snake | !\n";
    let server = with_address_space(600 * 1024, &users);
    for name in ["eva", "bob", "snake", "nobody"].repeat(2) {
        // What comes behind it is not answered either.
        let mut peer = server.connect();
        assert_eq!(peer.send(login(name, "x").repeat(3)).hear_all(), "", "{name}");
    }
    let log = server.program.wait_for_log("refused conn=8 peer");
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    let [told] = warnings[..] else { panic!("one line: {log}") };
    assert!(
        told.contains("there is no memory for an argon2id hash, which takes 1024 MiB"),
        "{told}"
    );
    assert!(!log.contains("penalized") && !log.contains(" login "), "{log}");
    server.program.wait_for_log("reason=verifier_failed");
}
