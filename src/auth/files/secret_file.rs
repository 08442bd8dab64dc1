//! Where the secret is found: in a file, in the environment, or in the default file, which a server makes.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::auth::secret::{MAX_LEN, VARIABLE};
use crate::auth::{Secret, SecretError};

/// What to do when the default file is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IfMissing {
    /// Make it, with a new random secret and mode 0600: what a server does.
    Make,
    /// Say that there is no secret: what a client does.
    Fail,
}

impl Secret {
    /// Finds the secret: in `file` if one is named, else in the environment variable
    /// `SOCKMODES_SECRET`, else in the [default file](default_file).
    pub fn find(file: Option<&Path>, if_missing: IfMissing) -> Result<Secret, SecretError> {
        if let Some(file) = file {
            return Secret::read(file);
        }
        if let Some(value) = env::var_os(VARIABLE) {
            return Secret::new(value.as_bytes().to_vec()).map_err(|_| SecretError::EmptyVariable);
        }
        let path = default_file().ok_or(SecretError::Homeless)?;
        match (Secret::read(&path), if_missing) {
            (Err(SecretError::Read { source, .. }), _) if source.kind() != ErrorKind::NotFound => {
                Err(SecretError::Read { path, source })
            }
            (Err(SecretError::Read { .. }), IfMissing::Fail) => Err(SecretError::Missing(path)),
            (Err(SecretError::Read { .. }), IfMissing::Make) => {
                make(&path).map_err(|source| SecretError::Make { path: path.clone(), source })?;
                Secret::read(&path)
            }
            (found, _) => found,
        }
    }

    /// Reads the bytes of `path`, without a final line feed.
    pub fn read(path: &Path) -> Result<Secret, SecretError> {
        let failed = |source| SecretError::Read { path: path.into(), source };
        // Of the full size from the start, so that it never grows and leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN as usize + 2));
        File::open(path)
            .map_err(failed)?
            .take(MAX_LEN + 2)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        if bytes.len() as u64 > MAX_LEN {
            return Err(SecretError::TooLong(path.into()));
        }
        Secret::new(bytes.to_vec()).map_err(|_| SecretError::EmptyFile(path.into()))
    }
}

/// The file in which [`Secret::find`] looks; `None` where the environment has the secret, or where there is no
/// place for a default file.
#[must_use]
pub fn secret_file(named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(file) => Some(file.into()),
        None if env::var_os(VARIABLE).is_some() => None,
        None => default_file(),
    }
}

/// Where the secret is kept by default: `sockmodes/secret` in `$XDG_CONFIG_HOME`, if that is an
/// absolute path (the XDG Base Directory Specification), else in `~/.config`.
#[must_use]
pub fn default_file() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("sockmodes").join("secret"))
}

/// Makes `path` with 64 hexadecimal digits of 32 random bytes, readable by its owner alone.
///
/// It is written beside `path` and linked into place, so that a second server that starts
/// meanwhile, or after a kill half-way, finds a whole secret or none.
fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut digits = random_digits::<32>()?;
    digits.push('\n');

    // A random name, because two containers that share a folder may share a process number too.
    let draft = folder.join(format!(".secret.{}", *random_digits::<8>()?));
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(
            |mut file| {
                // Whatever the umask is.
                file.set_permissions(Permissions::from_mode(0o600))?;
                file.write_all(digits.as_bytes())?;
                file.sync_all()
            },
        );
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    // Best effort: what matters is whether the link stands.
    let _ = fs::remove_file(&draft);
    linked
}

/// `N` random bytes as hexadecimal digits, with room for one more.
fn random_digits<const N: usize>() -> io::Result<Zeroizing<String>> {
    let mut random = Zeroizing::new([0_u8; N]);
    SysRng.try_fill_bytes(&mut *random).map_err(io::Error::other)?;
    let mut digits = Zeroizing::new(String::with_capacity(2 * N + 1));
    for byte in random.iter() {
        digits.push_str(&format!("{byte:02x}"));
    }
    Ok(digits)
}
