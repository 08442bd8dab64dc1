//! Checking logins beside the loop: the loop waits for none, none is lost, and there are no more at
//! once than cores. The users of these servers say when a check is over.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle, available_parallelism};
use std::time::Duration;

use sockmodes::auth::{Credentials, Entry, UserStore, VerifyError};
use sockmodes::server::{Config, Handle, Outcome, Server};
use sockmodes::session::{Protocol, Service, Timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// Users whose checks wait until they are let go. Who has their name for a password may log in; a
/// check of `panic` does, and one of `unable` finds out nothing.
#[derive(Default)]
struct Slow {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    underway: usize,
    most: usize,
    begun: Vec<String>,
}

impl Slow {
    fn let_go(&self) {
        self.state.lock().unwrap().open = true;
        self.changed.notify_all();
    }

    fn wait_until_underway(&self, number: usize) {
        let state = self.state.lock().unwrap();
        let few = |state: &mut State| state.underway < number;
        let (state, _) = self.changed.wait_timeout_while(state, PATIENCE, few).unwrap();
        assert_eq!(state.underway, number);
    }
}

impl UserStore for Slow {
    fn verify(&self, credentials: &Credentials) -> Result<bool, VerifyError> {
        let mut state = self.state.lock().unwrap();
        state.underway += 1;
        state.most = state.most.max(state.underway);
        state.begun.push(credentials.name().to_owned());
        self.changed.notify_all();
        let mut state = self.changed.wait_while(state, |state| !state.open).unwrap();
        state.underway -= 1;
        drop(state);
        assert_ne!(credentials.name(), "panic", "as asked for");
        if credentials.name() == "unable" {
            return Err(VerifyError::new("as asked for"));
        }
        Ok(Some(credentials.name()) == credentials.password())
    }
}

struct Running {
    address: SocketAddr,
    handle: Handle,
    thread: JoinHandle<std::io::Result<Outcome>>,
}

fn serve(users: Option<Arc<Slow>>, change: impl FnOnce(&mut Config)) -> Running {
    let protocol = Protocol::new(Entry::Open, Service::Login);
    let mut config = Config::new(vec!["127.0.0.1:0".parse().unwrap()], protocol);
    config.protocol.handshake_timeout = PATIENCE.into();
    change(&mut config);
    let mut server = Server::bind(config).unwrap();
    if let Some(users) = users {
        server.set_users(users);
    }
    let (address, handle) = (server.local_addr(), server.handle());
    Running { address, handle, thread: thread::spawn(move || server.run()) }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn log_in(&self, name: &str, password: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(login(name, password).as_bytes()).unwrap();
        stream
    }

    /// Waits until the server has read all that was sent before: it reads in the order of arrival.
    fn wait_until_read(&self) {
        let mut last = self.connect();
        last.write_all(b"no login").unwrap();
        assert_eq!(all_of(last), "");
    }

    fn stop(self) -> Outcome {
        self.handle.stop();
        self.thread.join().unwrap().unwrap()
    }
}

fn login(name: &str, password: &str) -> String {
    serde_json::json!({ "username": name, "passwd": password }).to_string()
}

fn all_of(mut stream: TcpStream) -> String {
    // Who was told to go may find the connection gone already.
    let _ = stream.shutdown(Shutdown::Write);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn cpu_heavy_work_never_runs_on_the_loop() {
    let users = Arc::new(Slow::default());
    // Who waits for a first check is pending: the limit on those is not what this is about.
    let running = serve(Some(users.clone()), |config| config.limits.pending = None);
    let names: Vec<_> = (0..100).map(|number| format!("user{number}")).collect();
    let mut streams = HashMap::new();
    for (number, name) in names.iter().enumerate() {
        let password = if number % 3 == 0 { "wrong" } else { name };
        // What comes behind a login waits with it.
        let mut stream = running.log_in(name, password);
        stream.write_all(login("nobody", "").as_bytes()).unwrap();
        streams.insert(name.clone(), (stream, number % 3 != 0));
    }
    let cores = available_parallelism().unwrap().get();
    users.wait_until_underway(cores.min(100));
    // Nobody is finished, and the loop serves whoever needs no check.
    for _ in 0..10 {
        let mut stream = running.connect();
        stream.write_all(b"[").unwrap();
        assert_eq!(all_of(stream), "");
    }
    users.let_go();
    for (name, (stream, right)) in streams {
        let expected = if right { "success!failed!" } else { "failed!failed!" };
        assert_eq!(all_of(stream), expected, "{name}");
    }
    assert_eq!(running.stop(), Outcome::Drained);
    let state = users.state.lock().unwrap();
    assert_eq!(state.begun.len(), 200);
    assert!(state.most <= cores, "{} at once on {cores} cores", state.most);
}

#[test]
fn a_check_that_panics_or_finds_out_nothing_is_no_failure_and_ends_nothing_else() {
    let users = Arc::new(Slow::default());
    users.let_go();
    let running = serve(Some(users), |_| {});
    for _ in 0..3 * available_parallelism().unwrap().get() {
        // Neither yes nor no, and nothing behind it; what was before it is answered.
        assert_eq!(all_of(running.log_in("panic", "panic")), "");
        let mut stream = running.log_in("a", "b");
        let logins = [login("a", "a"), login("unable", "unable"), login("a", "a")].concat();
        stream.write_all(logins.as_bytes()).unwrap();
        assert_eq!(all_of(stream), "failed!success!");
    }
    assert_eq!(all_of(running.log_in("a", "a")), "success!");
    assert_eq!(running.stop(), Outcome::Drained);
}

#[test]
fn a_stop_waits_for_checks_and_no_longer_than_its_timeout() {
    let users = Arc::new(Slow::default());
    let running = serve(Some(users.clone()), |config| config.drain_timeout = Timeout::NEVER);
    let stream = running.log_in("a", "a");
    users.wait_until_underway(1);
    running.handle.stop();
    users.let_go();
    assert_eq!(all_of(stream), "success!");
    assert_eq!(running.stop(), Outcome::Drained);

    let users = Arc::new(Slow::default());
    let short = Duration::from_millis(50).into();
    let running = serve(Some(users.clone()), |config| config.drain_timeout = short);
    let streams = ["a", "b", "c"].map(|name| running.log_in(name, name));
    users.wait_until_underway(available_parallelism().unwrap().get().min(3));
    // Where there are fewer workers, the others wait in the server, and not unread in the kernel.
    running.wait_until_read();
    assert_eq!(running.stop(), Outcome::Drained);
    for stream in streams {
        assert_eq!(all_of(stream), "");
    }
    // The answers come late, and nobody minds.
    users.let_go();
}

#[test]
fn without_users_nobody_logs_in() {
    let running = serve(None, |config| config.protocol.max_tries = None);
    let mut stream = running.connect();
    stream.write_all(login("a", "a").repeat(1000).as_bytes()).unwrap();
    assert_eq!(all_of(stream), "failed!".repeat(1000));
    assert_eq!(running.stop(), Outcome::Drained);
}
