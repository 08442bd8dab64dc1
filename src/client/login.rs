//! A name and a password sent, an answer received: the client's side of the service `login`.

use serde::Serialize;
use zeroize::Zeroizing;

use super::{Client, ClientError, waiting_for};

/// The two answers; they differ in their first byte, which says how many follow.
const SUCCESS: &[u8] = b"success!";
const FAILED: &[u8] = b"failed!";

/// As the source document's client sends it.
#[derive(Serialize)]
struct Login<'l> {
    username: &'l str,
    passwd: &'l str,
}

impl Client {
    /// Whether the server lets `name` log in with `password`. Nothing is hidden on the way: neither
    /// this nor the answer is encrypted.
    pub fn log_in(&mut self, name: &str, password: &str) -> Result<bool, ClientError> {
        let login = Login { username: name, passwd: password };
        let request = Zeroizing::new(serde_json::to_vec(&login).expect("two strings are JSON"));
        match self.socket.send_all(&request) {
            // What the server said before it went is still to be read.
            Err(error) if !error.source.is_peer_gone() => {
                Err(waiting_for("room to send the login", error.source))
            }
            _ => self.answer(),
        }
    }

    fn answer(&mut self) -> Result<bool, ClientError> {
        let mut answer = [0; SUCCESS.len()];
        let (mut received, mut expected) = (0, SUCCESS);
        while received < expected.len() {
            match self.socket.recv_into(&mut answer[received..expected.len()]) {
                Err(error) if !error.is_peer_gone() => {
                    return Err(waiting_for("the answer", error));
                }
                Ok(0) | Err(_) if received == 0 && self.let_in => {
                    return Err(ClientError::EndedBetween);
                }
                Ok(0) | Err(_) => return Err(self.ended(received, expected.len())),
                Ok(bytes) => received += bytes,
            }
            self.let_in = true;
            expected = if answer[0] == FAILED[0] { FAILED } else { SUCCESS };
            if received > expected.len() || answer[..received] != expected[..received] {
                return Err(ClientError::NoAnswer);
            }
        }
        Ok(expected == SUCCESS)
    }
}
