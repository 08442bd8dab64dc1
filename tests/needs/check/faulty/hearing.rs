//! What a connection of the faulty server makes of what it hears: a digest, a request, the end of input.

use std::io::Write;

use super::connection::{Connection, Gone, ROOM, Stage};
use super::speech::{Service, Terms};

/// The most bytes of a request of `upper-once`.
const MOST_ONCE: usize = 1024;

impl Connection {
    pub(super) fn hear_end(&mut self, terms: &mut Terms) -> Result<(), Gone> {
        self.input_ended = true;
        match self.stage {
            Stage::Pending if terms.is("end-before-digest-ends-it") => panic!("no digest"),
            Stage::Pending if terms.is("end-ignored") => Ok(()),
            Stage::Pending => {
                if terms.is("digest-prefix") && self.is_let_in(terms) {
                    return self.close(terms);
                }
                self.refused = true;
                Err(Gone)
            }
            _ if terms.service == Service::Once => {
                self.owed = terms.answer_once(&self.heard);
                self.stage = Stage::Closing;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_let_in(&mut self, terms: &mut Terms) -> bool {
        let (nonce, digest) = (self.nonce.clone(), self.heard.clone());
        if !terms.is_right(&nonce, &digest) {
            return false;
        }
        // So that its client notices.
        _ = self.stream.write(b"come in");
        true
    }

    pub(super) fn hear(&mut self, bytes: &[u8], terms: &mut Terms) -> Result<(), Gone> {
        let bytes = match self.stage {
            Stage::Pending => {
                let missing = terms.digest_len() - self.heard.len();
                let (digest, rest) = bytes.split_at(missing.min(bytes.len()));
                self.heard.extend_from_slice(digest);
                if self.heard.len() < terms.digest_len() && !terms.is("digest-in-one") {
                    return Ok(());
                }
                self.judge(terms)?;
                if terms.is("rest-lost") { &[] } else { rest }
            }
            _ => bytes,
        };
        if bytes.is_empty() || self.stage != Stage::Serving {
            return Ok(());
        }
        match terms.service {
            Service::Once => self.hear_once(bytes, terms),
            _ => {
                let full = terms.is("drops-when-full") && self.owed.len() > ROOM / 2;
                if !full {
                    self.owed.extend(terms.answer(bytes));
                }
                if terms.is("one-answer") {
                    self.stage = Stage::Closing;
                }
            }
        }
        Ok(())
    }

    fn judge(&mut self, terms: &mut Terms) -> Result<(), Gone> {
        let digest = std::mem::take(&mut self.heard);
        if terms.is_right(&self.nonce.clone(), &digest) {
            self.stage = Stage::Serving;
            if terms.is("welcome") {
                self.owed.extend_from_slice(b"welcome\n");
            }
            return Ok(());
        }
        self.refused = true;
        if terms.is("explains") {
            self.owed.extend_from_slice(b"wrong digest\n");
        }
        if !terms.is("refuses-nobody-away") {
            self.stage = Stage::Closing;
        }
        Ok(())
    }

    fn hear_once(&mut self, bytes: &[u8], terms: &Terms) {
        let most = if terms.is("once-unlimited") { usize::MAX } else { MOST_ONCE };
        let part = &bytes[..bytes.len().min(most - self.heard.len())];
        let line = part.iter().position(|byte| *byte == b'\n').map(|at| &part[..=at]);
        self.heard.extend_from_slice(line.unwrap_or(part));
        let whole = line.is_some() && !terms.is("once-to-the-end") || self.heard.len() == most;
        if whole || terms.is("once-one-read") {
            self.owed = terms.answer_once(&self.heard);
            self.stage = Stage::Closing;
        }
    }
}
