//! A real terminal, or what a program takes for one: the far end of a pty(7).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::program::{PATIENCE, Program};

pub(crate) struct Terminal {
    near: File,
    far: OwnedFd,
    shown: Receiver<Vec<u8>>,
    /// What was shown and not yet waited for.
    unread: String,
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
        Ok(Terminal { near, far, shown, unread: String::new() })
    }

    /// Starts a program with its input and output here; its standard error stays apart.
    pub(crate) fn start(&self, mut command: Command) -> Program {
        let end = || Stdio::from(self.far.try_clone().unwrap());
        Program::start_on(command.env("TERM", "xterm"), end(), end(), Stdio::piped())
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.near.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `text` is shown, after what was waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) {
        loop {
            if let Some((_, rest)) = self.unread.split_once(text) {
                self.unread = rest.into();
                return;
            }
            let more = self.shown.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.unread));
            self.unread.push_str(&String::from_utf8_lossy(&more));
        }
    }
}
