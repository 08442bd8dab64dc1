//! Who may come in: schemes, secrets, nonces and digests; users and their passwords.
//!
//! Nothing here knows a socket or a clock. A server says with its [`Entry`] who may come in: its
//! [`Challenge`] draws a [`Nonce`], both sides turn that into a [`Digest`] with a [`Key`], and the
//! server compares. Read [`scheme`](Scheme) first, then [`Secret`]. The users of the service `login` are a [`UserFile`], or any other [`UserStore`].
//!
//! ```
//! use sockmodes::auth::{Key, Scheme, Secret};
//!
//! let secret = Secret::new(b"linhaifeng bang bang bang".to_vec())?;
//! let key = Key::new(Scheme::HmacMd5, &secret);
//! let answer = key.digest(b"the nonce that the server sent");
//! assert_eq!(answer.as_bytes().len(), Scheme::HmacMd5.digest_len());
//! assert!(key.digest(b"the nonce that the server sent").matches(answer.as_bytes()));
//! # Ok::<(), sockmodes::auth::SecretError>(())
//! ```

mod credentials;
mod entry;
#[cfg(unix)]
mod files;
mod scheme;
mod secret;
mod store;

pub(crate) use credentials::NameId;
pub use credentials::{Credentials, MAX_PASSWORD_LEN};
pub use entry::{Challenge, Entry, FixedNonce, Nonce, NonceError, NonceLen};
pub use entry::{MAX_NONCE_LEN, MIN_NONCE_LEN};
#[cfg(unix)]
pub use files::{Hash, HashError, IfMissing, NameError, UserFile, UsersError, default_file};
#[cfg(unix)]
pub use files::{UserEditor, check_name, list_users, secret_file};
pub use scheme::{Digest, Key, MAX_DIGEST_LEN, Scheme};
pub use secret::{Secret, SecretError};
pub use store::{Refresh, UserStore, VerifyError};
