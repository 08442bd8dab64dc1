//! How a password is kept: as a hash, of one of the kinds that the user file knows.
//!
//! Never here: names, files, and how long a failed try should take (see `users.rs`).

use std::fmt;
use std::hint::black_box;
use std::io;

use argon2::password_hash::phc::{Output, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHash, Version};
use md5::{Digest, Md5};
use rand::TryRng;
use rand::rngs::SysRng;
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::memory;

/// The most memory that a user file may ask for one hash, in KiB: twice RFC 9106's first choice.
const MAX_MEMORY: u32 = 4 * 1024 * 1024;
/// The most KiB that one hash may fill in all its passes: some seconds' work.
const MAX_WORK: u64 = 4 * MAX_MEMORY as u64;
/// What a password is checked against where there is nothing to check it against.
const NOTHING: [u8; 16] = [0; 16];

/// A password's hash, or the lack of one: the right side of a line in the user file.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(pub(super) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// MD5(name ‖ password), as in the source document. Kept for the files that have it: a graphics
    /// card tries billions of passwords a second.
    Md5([u8; 16]),
    /// Argon2id, in the PHC string format.
    Argon2id(Box<Argon2id>),
    /// `!`: nobody can log in.
    Locked,
}

/// Why a text is not the hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct HashError(&'static str);

/// What an argon2id line says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Argon2id {
    cost: Cost,
    salt: Salt,
    output: Output,
}

/// What one argon2id hash costs: two of the same cost take the same time.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Cost {
    params: Params,
    version: Version,
}

impl Cost {
    /// KiB filled in all passes; for comparing.
    fn work(&self) -> u64 {
        u64::from(self.params.m_cost()) * u64::from(self.params.t_cost())
    }

    /// Whether this takes longer than `other`.
    pub(super) fn exceeds(&self, other: &Cost) -> bool {
        (self.work(), self.params.p_cost()) > (other.work(), other.params.p_cost())
    }

    /// Hashes `password` into `output`.
    fn run(&self, password: &str, salt: &[u8], output: &mut [u8]) -> Result<(), NoHash> {
        let blocks = self.params.block_count();
        let mut memory = memory::borrow(blocks).ok_or(NoHash::Memory(memory::mib(blocks)))?;
        Argon2::new(Algorithm::Argon2id, self.version, self.params.clone())
            .hash_password_into_with_memory(password.as_bytes(), salt, output, memory.blocks())
            .map_err(|_| NoHash::Refused)
    }

    /// Takes as long as a check, needs as much, and gives no result.
    pub(super) fn spend(&self, password: &str) -> Result<(), NoHash> {
        let mut output = vec![0; self.params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
        black_box(self.run(password, &NOTHING, &mut output))
    }
}

/// Why nothing could be hashed: which says nothing about the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum NoHash {
    #[error("there is no memory for an argon2id hash, which takes {0} MiB")]
    Memory(usize),
    #[error("argon2id refuses the input")]
    Refused,
}

impl Argon2id {
    pub(super) fn cost(&self) -> &Cost {
        &self.cost
    }

    /// Whether this is the hash of `password`.
    pub(super) fn matches(&self, password: &str) -> Result<bool, NoHash> {
        let mut output = vec![0; self.output.len()];
        self.cost.run(password, &self.salt, &mut output)?;
        Ok(output.ct_eq(self.output.as_bytes()).into())
    }

    /// A new hash of `password`, with OWASP's parameters (m=19 MiB, t=2, p=1) and a fresh salt.
    fn new(password: &str) -> io::Result<Argon2id> {
        let cost = Cost { params: Params::DEFAULT, version: Version::V0x13 };
        let mut salt = [0; argon2::RECOMMENDED_SALT_LEN];
        SysRng.try_fill_bytes(&mut salt)?;
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        cost.run(password, &salt, &mut output).map_err(io::Error::other)?;
        let (salt, output) = (Salt::new(&salt), Output::new(&output));
        Ok(Argon2id { cost, salt: salt.expect("16 bytes"), output: output.expect("32 bytes") })
    }

    fn parse(text: &str) -> Result<Argon2id, &'static str> {
        let phc = PasswordHash::new(text).map_err(|_| "not a PHC string")?;
        if phc.algorithm != ARGON2ID_IDENT {
            return Err("of the PHC strings only $argon2id$ is known");
        }
        let version = phc.version.and_then(|version| Version::try_from(version).ok());
        let version = version.ok_or("the version must be given and be v=19 or v=16")?;
        let salt = phc.salt.filter(|salt| salt.len() >= argon2::MIN_SALT_LEN);
        let salt = salt.ok_or("a salt of at least 8 bytes is missing")?;
        let output = phc.hash.ok_or("the hash itself is missing")?;
        let params = Params::try_from(&phc).map_err(|_| "its parameters are none of argon2id's")?;
        let cost = Cost { params, version };
        if cost.params.m_cost() > MAX_MEMORY || cost.work() > MAX_WORK {
            return Err("its parameters ask for more memory or time than is sensible");
        }
        Ok(Argon2id { cost, salt, output })
    }
}

impl Hash {
    /// Reads the right side of a line in the user file.
    pub fn parse(text: &str) -> Result<Hash, HashError> {
        Hash::read(text).map_err(HashError)
    }

    fn read(text: &str) -> Result<Hash, &'static str> {
        if text == "!" {
            Ok(Hash(Kind::Locked))
        } else if text.starts_with('$') {
            Argon2id::parse(text).map(|hash| Hash(Kind::Argon2id(Box::new(hash))))
        } else {
            let digest = parse_hex(text);
            digest
                .map(|digest| Hash(Kind::Md5(digest)))
                .ok_or("neither 32 hexadecimal digits nor a PHC string nor '!'")
        }
    }

    /// A new argon2id hash of `password`.
    ///
    /// # Errors
    ///
    /// There is no memory for it, or the operating system gives no random numbers for its salt.
    pub fn argon2id(password: &str) -> io::Result<Hash> {
        Argon2id::new(password).map(|hash| Hash(Kind::Argon2id(Box::new(hash))))
    }

    /// The hash of the source document.
    #[must_use]
    pub fn md5(name: &str, password: &str) -> Hash {
        Hash(Kind::Md5(md5_of(name, password)))
    }
}

/// Whether `expected` is the MD5 hash of `name` with `password`; `None` costs the same, and never
/// matches.
pub(super) fn md5_matches(expected: Option<&[u8; 16]>, name: &str, password: &str) -> bool {
    let found = md5_of(name, password).ct_eq(expected.unwrap_or(&NOTHING));
    bool::from(found) & expected.is_some()
}

fn md5_of(name: &str, password: &str) -> [u8; 16] {
    Md5::new().chain_update(name).chain_update(password).finalize().into()
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

impl fmt::Display for Hash {
    /// As it is written in the user file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Locked => f.write_str("!"),
            Kind::Md5(digest) => write!(f, "{:032x}", u128::from_be_bytes(*digest)),
            Kind::Argon2id(hash) => Phc {
                algorithm: ARGON2ID_IDENT,
                version: Some(hash.cost.version.into()),
                params: (&hash.cost.params).try_into().map_err(|_| fmt::Error)?,
                salt: Some(hash.salt),
                hash: Some(hash.output),
            }
            .fmt(f),
        }
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_of_the_file_are_read_and_written() {
        for text in [
            "!",
            "7d79a61dd0bd94a3df2f765ac12fe492",
            "00000000000000000000000000000000",
            "$argon2id$v=19$m=64,t=3,p=2$c29tZXNhbHQxMjM0$PyKkkJDhdOBVsYCe3TNoe7NYLKLjmZBxuDwDxGcBcAE",
        ] {
            assert_eq!(Hash::parse(text).unwrap().to_string(), text);
        }
        let upper = Hash::parse("7D79A61DD0BD94A3DF2F765AC12FE492").unwrap();
        assert_eq!(upper.to_string(), "7d79a61dd0bd94a3df2f765ac12fe492");
    }

    #[test]
    fn what_is_no_hash_says_why() {
        for (text, why) in [
            ("", "neither"),
            ("!!", "neither"),
            ("7d79a61dd0bd94a3df2f765ac12fe49", "neither"),
            ("+d79a61dd0bd94a3df2f765ac12fe492", "neither"),
            ("7d79a61dd0bd94a3df2f765ac12fe492 # x", "neither"),
            ("$6$salt$hash", "not a PHC"),
            ("$argon2i$v=19$m=64,t=3,p=1$c29tZXNhbHQxMjM0$c29tZXNhbHQxMjM0", "only $argon2id$"),
            ("$argon2id$m=64,t=3,p=1$c29tZXNhbHQxMjM0$c29tZXNhbHQxMjM0", "version"),
            ("$argon2id$v=18$m=64,t=3,p=1$c29tZXNhbHQxMjM0$c29tZXNhbHQxMjM0", "version"),
            ("$argon2id$v=19$m=64,t=3,p=1", "salt"),
            ("$argon2id$v=19$m=64,t=3,p=1$c29tZXNhbHQxMjM0", "itself"),
            ("$argon2id$v=19$m=1,t=3,p=1$c29tZXNhbHQxMjM0$c29tZXNhbHQxMjM0", "parameters"),
            ("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQxMjM0$c29tZXNhbHQxMjM0", "sensible"),
            ("$argon2id$v=19$m=64,t=4294967295,p=1$c29tZXNhbHQxMjM0$c29tZXNhbHQxMjM0", "sensible"),
        ] {
            let error = Hash::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn argon2id_agrees_with_libargon2_and_with_itself() {
        // From the test.c of libargon2.
        let known = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
                     $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let Ok(Hash(Kind::Argon2id(known))) = Hash::parse(known) else { panic!("it is argon2id") };
        assert_eq!(known.matches("password"), Ok(true));
        assert_eq!(known.matches("passwore"), Ok(false));

        let Hash(Kind::Argon2id(new)) = Hash::argon2id("旭哥").unwrap() else {
            panic!("it is argon2id")
        };
        assert_eq!(new.matches("旭哥"), Ok(true));
        assert_eq!(new.matches(""), Ok(false));
        assert!(new.cost.exceeds(&known.cost));
        assert!(!known.cost.exceeds(&new.cost));
    }

    #[test]
    fn md5_is_of_the_name_and_then_the_password() {
        // RFC 1321, A.5: MD5("message digest")
        let known = Hash::parse("f96b697d7cb7938d525a2f31aaf161d0").unwrap();
        assert_eq!(Hash::md5("message", " digest"), known);
        let Hash(Kind::Md5(digest)) = known else { panic!("it is MD5") };
        assert!(md5_matches(Some(&digest), "message ", "digest"));
        assert!(!md5_matches(Some(&digest), "message ", "digesu"));
        assert!(!md5_matches(None, "message ", "digest"));
    }
}
