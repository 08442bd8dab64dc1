//! A real terminal, or what a program takes for one: the far end of a pty(7).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::ioctl_fionread;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::process::{PATIENCE, Program};

pub(crate) struct Terminal {
    typed: Sender<Vec<u8>>,
    far: OwnedFd,
    shown: Receiver<Vec<u8>>,
    /// What was shown and not yet waited for.
    unread: String,
    /// All that was shown so far, as far as somebody waited for it.
    seen: String,
}

impl Terminal {
    pub(crate) fn open() -> io::Result<Terminal> {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&near)?;
        unlockpt(&near)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let far = open(ptsname(&near, Vec::new())?, flags, Mode::empty())?;
        let (near, (send, shown)) = (File::from(near), channel());
        let mut reader = near.try_clone()?;
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO once nobody holds the far end.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                let _ = send.send(buffer[..read].to_vec());
            }
        });
        let (typed, keys) = channel::<Vec<u8>>();
        let mut writer = near;
        // On a thread of its own: a program that does not read must not keep the test from noticing.
        thread::spawn(move || keys.iter().try_for_each(|keys| writer.write_all(&keys)));
        Ok(Terminal { typed, far, shown, unread: String::new(), seen: String::new() })
    }

    /// Starts a program with its input and output here; its standard error stays apart.
    pub(crate) fn start(&self, mut command: Command) -> Program {
        let end = || Stdio::from(self.far.try_clone().unwrap());
        Program::start_on(command.env("TERM", "xterm"), end(), end(), Stdio::piped())
    }

    /// The same with its standard error here, too.
    pub(crate) fn start_wholly(&self, mut command: Command) -> Program {
        let end = || Stdio::from(self.far.try_clone().unwrap());
        Program::start_on(command.env("TERM", "xterm"), end(), end(), end())
    }

    pub(crate) fn type_in(&mut self, keys: impl AsRef<[u8]>) {
        self.typed.send(keys.as_ref().to_vec()).unwrap();
    }

    /// Its mode, to compare with another.
    pub(crate) fn mode(&self) -> String {
        format!("{:?}", tcgetattr(&self.far).unwrap())
    }

    /// Whether it shows by itself what is typed.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.far).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// How many bytes were typed that nobody has read.
    pub(crate) fn unread_keys(&self) -> u64 {
        ioctl_fionread(&self.far).unwrap()
    }

    /// All that was shown until what was waited for last.
    pub(crate) fn seen(&self) -> &str {
        &self.seen
    }

    /// Waits until `text` is shown, after what was waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) {
        loop {
            if let Some((before, rest)) = self.unread.split_once(text) {
                self.seen.extend([before, text]);
                self.unread = rest.into();
                return;
            }
            let more = self.shown.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.unread));
            self.unread.push_str(&String::from_utf8_lossy(&more));
        }
    }
}
