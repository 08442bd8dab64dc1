//! What is kept in files: the secret, and the users with the hashes of their passwords.
//!
//! All of `auth` that needs an operating system is here, and nothing else needs anything from here. Read
//! `secret_file.rs` first, then `users.rs`.

mod access;
mod error;
mod memory;
mod password;
mod place;
mod rewrite;
mod secret_file;
mod user_edit;
mod user_file;
mod users;

pub use error::UsersError;
pub use password::{Hash, HashError};
pub use secret_file::{IfMissing, default_file, secret_file};
pub use user_edit::{UserEditor, list_users};
pub use user_file::UserFile;
pub use users::{NameError, check_name};
