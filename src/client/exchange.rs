//! One request and its reply of the same length, which is read while the request is being sent.
//!
//! If the reply were read only afterwards, a request larger than all buffers on its way would wait
//! for room that only reading the reply makes: both sides would wait for ever.

use std::io;
use std::time::Duration;

use super::{Client, ClientError};
use crate::socket::{Deadline, Mode, Ready};

/// The most bytes that are read at once.
const BUFFER: usize = 64 * 1024;

impl Client {
    /// Sends `request` and passes its reply, which has as many bytes, to `reply` piece by piece.
    pub fn exchange(
        &mut self,
        request: &[u8],
        mut reply: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), ClientError> {
        let mode = self.socket.mode();
        self.socket.set_mode(Mode::NonBlocking).map_err(ClientError::Socket)?;
        let result = self.both_ways(request, mode.timeout(), &mut reply);
        self.socket.set_mode(mode).map_err(ClientError::Socket)?;
        result
    }

    fn both_ways(
        &mut self,
        request: &[u8],
        timeout: Option<Duration>,
        reply: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), ClientError> {
        let (mut sent, mut received) = (0, 0);
        let mut buffer = vec![0; BUFFER.min(request.len())];
        while received < request.len() {
            self.wait(sent < request.len(), timeout)?;
            if sent < request.len() {
                match self.socket.send(&request[sent..]) {
                    Ok(bytes) => sent += bytes,
                    Err(error) if error.is_would_block() => {}
                    // What the server said before it went is still to be read.
                    Err(error) if error.is_peer_gone() => sent = request.len(),
                    Err(error) => return Err(ClientError::Socket(error)),
                }
            }
            let room = buffer.len().min(request.len() - received);
            let bytes = match self.socket.recv_into(&mut buffer[..room]) {
                Err(error) if error.is_would_block() => continue,
                Err(error) if !error.is_peer_gone() => return Err(ClientError::Socket(error)),
                Ok(0) | Err(_) => return Err(self.ended(received, request.len())),
                Ok(bytes) => bytes,
            };
            self.let_in = true;
            received += bytes;
            reply(&buffer[..bytes]).map_err(ClientError::Output)?;
        }
        Ok(())
    }

    pub(super) fn ended(&self, received: usize, expected: usize) -> ClientError {
        if self.let_in {
            ClientError::Ended { received, expected }
        } else {
            ClientError::RefusedBeforeReply
        }
    }

    /// Waits until something can be read, or written if there is something to write.
    fn wait(&self, writing: bool, timeout: Option<Duration>) -> Result<(), ClientError> {
        let ready = if writing { Ready::Either } else { Ready::Reading };
        let deadline = timeout.map_or_else(Deadline::never, Deadline::after);
        match self.socket.wait(ready, deadline) {
            Ok(true) => Ok(()),
            Ok(false) => Err(ClientError::TimedOut("the next byte of the reply")),
            Err(error) => Err(ClientError::Socket(error)),
        }
    }
}
