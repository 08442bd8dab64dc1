//! Where the secret comes from: a file, the environment, the default file, in this order; and what each
//! of them does when it is not as it should be.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use sockmodes::auth::Scheme;
use tempfile::TempDir;

use crate::common::client::{answer, converse};
use crate::common::harness::{Need, Test};
use crate::common::process::{PATIENCE, Program, run};
use crate::common::program::{Server, sockmodes, sockmodes_in_shell};

pub(crate) const TESTS: &[Test] = &[
    ("a_bad_file_is_status_1_and_one_line", &[], a_bad_file_is_status_1_and_one_line),
    ("an_unreadable_file", &[Need::Machine(somebody_who_may_not_read)], an_unreadable_file),
    ("one_final_line_feed_is_not_the_secret", &[], one_final_line_feed_is_not_the_secret),
    ("file_then_variable_then_default", &[], file_then_variable_then_default),
    ("serve_makes_the_default_file", &[], serve_makes_the_default_file),
    ("what_a_crash_left_lends_it_no_mode", &[], what_a_crash_left_lends_it_no_mode),
    ("nobody_else_makes_it", &[], nobody_else_makes_it),
    ("home_is_the_second_choice", &[], home_is_the_second_choice),
    ("a_bad_default_file_is_not_replaced", &[], a_bad_default_file_is_not_replaced),
    ("servers_that_start_at_once_agree", &[], servers_that_start_at_once_agree),
];

/// `serve` and `connect` with this secret file fail with one line that names it and says `what`.
fn both_refuse(file: &Path, what: &str) {
    for command in ["serve", "connect"] {
        let done = run(sockmodes([command, "--secret-file"]).arg(file), b"").expect(1);
        let line = done.err();
        assert!(line.contains(file.to_str().unwrap()) && line.contains(what), "{line}");
        assert!(line.starts_with("sockmodes: ") && line.lines().count() == 1, "{line}");
        assert_eq!(done.out(), "");
    }
}

fn a_bad_file_is_status_1_and_one_line() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    both_refuse(&folder.path().join("missing"), "No such file or directory");
    both_refuse(folder.path(), "Is a directory");
    both_refuse(&file("empty", b""), "an empty secret is refused");
    both_refuse(&file("line feed", b"\n"), "an empty secret is refused");
    both_refuse(&file("long", &[b'x'; 65537]), "longer than 65536 bytes");
    both_refuse(Path::new("/dev/zero"), "longer than 65536 bytes");
    let done = run(sockmodes(["serve"]).env("SOCKMODES_SECRET", ""), b"").expect(1);
    assert_eq!(
        done.err(),
        "sockmodes: SOCKMODES_SECRET is set, but empty: an empty secret is refused\n"
    );
}

/// Root may read everything: it has to be somebody else who tries.
const NOBODY: u32 = 65534;

fn somebody_who_may_not_read() -> Option<String> {
    let mut program = sockmodes(["--version"]);
    if rustix::process::getuid().is_root() {
        program.uid(NOBODY);
    }
    let failed = program.output().err()?;
    Some(format!("root reads everything, and nobody may not run the program: {failed}"))
}

fn an_unreadable_file() {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "secret").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    let mut program = sockmodes(["serve", "--secret-file"]);
    if rustix::process::getuid().is_root() {
        program.uid(NOBODY);
    }
    let done = run(program.arg(&path), b"").expect(1);
    let line = format!("sockmodes: cannot read the secret from {}: Permission", path.display());
    assert!(done.err().starts_with(&line) && done.out().is_empty(), "{}", done.err());
}

/// Whether a client with `secret` is let in.
fn takes(server: &Server, secret: &[u8]) -> bool {
    let mut stream = server.connect();
    answer(&mut stream, Scheme::HmacMd5, secret);
    converse(&mut stream, b"hello") == b"HELLO"
}

fn one_final_line_feed_is_not_the_secret() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let longest = [b'x'; 65536];
    let cases: [(&[u8], &[u8]); 5] = [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\n\n", b"secret\n"),
        (b" secret\r\n", b" secret\r"),
        (&longest, &longest),
    ];
    for (bytes, secret) in cases {
        fs::write(file.path(), bytes).unwrap();
        let server = Server::of(sockmodes(Server::args(&["--secret-file"])).arg(file.path()));
        assert!(takes(&server, secret));
        server.stop();
    }
}

/// The program with `folder` as its configuration directory.
fn configured(args: &[&str], folder: &Path) -> Command {
    let mut command = sockmodes(args);
    command.env("XDG_CONFIG_HOME", folder);
    command
}

fn default_server(folder: &Path) -> Server {
    Server::listening(Program::start(&mut configured(&Server::args(&[]), folder)))
}

fn default_file(folder: &Path) -> PathBuf {
    folder.join("sockmodes").join("secret")
}

fn file_then_variable_then_default() {
    let folder = TempDir::new().unwrap();
    let default = default_file(folder.path());
    fs::create_dir(default.parent().unwrap()).unwrap();
    fs::write(&default, "from the default file\n").unwrap();
    let named = folder.path().join("named");
    fs::write(&named, "from the named file").unwrap();

    let mut args = Server::args(&["--secret-file", named.to_str().unwrap()]);
    for expected in ["from the named file", "from the variable", "from the default file"] {
        let mut command = configured(&args, folder.path());
        if !expected.contains("default") {
            command.env("SOCKMODES_SECRET", "from the variable");
        }
        let server = Server::listening(Program::start(&mut command));
        assert!(takes(&server, expected.as_bytes()), "{expected}");
        // `connect` looks in the same places.
        let mut connect = configured(&["connect", &server.address.to_string()], folder.path());
        connect.args(args.get(3..).unwrap());
        if !expected.contains("default") {
            connect.env("SOCKMODES_SECRET", "from the variable");
        }
        assert_eq!(run(&mut connect, b"hello\n").expect(0).out(), "HELLO\n");
        server.stop();
        args.truncate(3);
    }
}

/// 64 hexadecimal digits and a line feed, for the owner alone, and nothing beside it.
fn check_default_file(folder: &Path) -> String {
    let path = default_file(folder);
    let text = fs::read_to_string(&path).unwrap();
    let secret = text.strip_suffix('\n').unwrap();
    let digits = secret.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    assert!(secret.len() == 64 && digits, "{text:?}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let beside = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "something was left beside the file");
    secret.into()
}

fn serve_makes_the_default_file() {
    // The folder of folders is made too; and a lax umask changes nothing.
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("a/b");
    let mut lax = sockmodes_in_shell(r#"umask 000; exec "$@""#, Server::args(&[]));
    let server = Server::listening(Program::start(lax.env("XDG_CONFIG_HOME", &config)));
    let secret = check_default_file(&config);
    assert!(takes(&server, secret.as_bytes()));
    server.stop();
    // The next one takes what is there.
    let server = default_server(&config);
    assert!(takes(&server, secret.as_bytes()));
    assert_eq!(check_default_file(&config), secret);
    server.stop();
}

/// A draft of an earlier process that had the same number, open to everybody.
fn what_a_crash_left_lends_it_no_mode() {
    let folder = TempDir::new().unwrap();
    let script = r#"
        mkdir "$XDG_CONFIG_HOME/sockmodes"
        : > "$XDG_CONFIG_HOME/sockmodes/.secret.$$"
        chmod 666 "$XDG_CONFIG_HOME/sockmodes/.secret.$$"
        exec "$@""#;
    let mut command = sockmodes_in_shell(script, Server::args(&[]));
    Server::listening(Program::start(command.env("XDG_CONFIG_HOME", folder.path()))).stop();
    let mode = fs::metadata(default_file(folder.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

fn nobody_else_makes_it() {
    let folder = TempDir::new().unwrap();
    let done = run(&mut configured(&["connect"], folder.path()), b"").expect(1);
    let file = default_file(folder.path());
    assert!(done.err().contains(file.to_str().unwrap()), "{}", done.err());
    assert_eq!(done.err().lines().count(), 1);

    let args = Server::args(&["--auth", "none"]);
    let server = Server::listening(Program::start(&mut configured(&args, folder.path())));
    assert_eq!(converse(&mut server.connect(), b"hello"), b"HELLO");
    server.stop();
    for given in ["--secret-file", "--help"] {
        run(&mut configured(&["serve", given, "/nonexistent/secret"], folder.path()), b"");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn home_is_the_second_choice() {
    let home = TempDir::new().unwrap();
    for config in ["", "not/absolute"] {
        let mut command = configured(&Server::args(&[]), Path::new(config));
        let server = Server::listening(Program::start(command.env("HOME", home.path())));
        let secret = check_default_file(&home.path().join(".config"));
        assert!(takes(&server, secret.as_bytes()));
        server.stop();
    }
    let why = "neither XDG_CONFIG_HOME nor HOME is an absolute path";
    for command in
        [sockmodes(["serve"]).env_remove("HOME"), sockmodes(["serve"]).env("HOME", "home")]
    {
        let done = run(command, b"").expect(1);
        assert!(done.err().contains(why), "{}", done.err());
    }
}

fn a_bad_default_file_is_not_replaced() {
    let folder = TempDir::new().unwrap();
    let file = default_file(folder.path());
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, "").unwrap();
    let done = run(&mut configured(&["serve"], folder.path()), b"").expect(1);
    assert!(done.err().contains("an empty secret is refused"), "{}", done.err());
    assert!(fs::read(&file).unwrap().is_empty());

    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let done = run(&mut configured(&["serve"], &file), b"").expect(1);
    assert_eq!(done.err().lines().count(), 1);
    assert!(done.err().contains("a file/sockmodes/secret"), "{}", done.err());
}

/// Eight start together while somebody reads the file all the time: it is whole or not there.
fn servers_that_start_at_once_agree() {
    let folder = TempDir::new().unwrap();
    let file = default_file(folder.path());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let start = Instant::now();
            while !done.load(Ordering::Relaxed) && start.elapsed() < PATIENCE {
                match fs::read(&file) {
                    Ok(bytes) => assert_eq!(bytes.len(), 65, "half a file"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
                }
                thread::yield_now();
            }
        });
        let mut programs: Vec<_> = (0..8)
            .map(|_| Program::start(&mut configured(&Server::args(&[]), folder.path())))
            .collect();
        let servers: Vec<_> = programs.drain(..).map(Server::listening).collect();
        let secret = check_default_file(folder.path());
        for server in servers {
            assert!(takes(&server, secret.as_bytes()), "two servers, two secrets");
            server.stop();
        }
        done.store(true, Ordering::Relaxed);
    });
}
