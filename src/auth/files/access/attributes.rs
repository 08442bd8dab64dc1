//! The extended attributes of a file (xattr(7)), as Linux has them; elsewhere there are none to be seen.

#[cfg(target_os = "linux")]
pub(super) use linux::Attributes;
#[cfg(not(target_os = "linux"))]
pub(super) use none::Attributes;

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::CString;
    use std::fs::File;
    use std::io;

    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
    use rustix::io::Errno;

    use super::super::Loss;

    /// As many bytes as a value can have, or all names together.
    const MOST: usize = 64 * 1024;

    /// Names and values.
    pub(in super::super) struct Attributes(Vec<(CString, Vec<u8>)>);

    impl Attributes {
        pub(in super::super) fn of(file: &File) -> io::Result<Attributes> {
            let mut buffer = vec![0; MOST];
            let mut attributes = Vec::new();
            for name in names(file)? {
                match fgetxattr(file, &*name, &mut buffer[..]) {
                    Ok(len) => attributes.push((name, buffer[..len].to_vec())),
                    // It has gone since, or only root may look: then it decides nothing that a file's owner
                    // could have decided.
                    Err(Errno::NODATA) => {}
                    Err(_) if !decides(&name) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            Ok(Attributes(attributes))
        }

        /// Gives `file` those that decide about access, or says which it can't have; of the others, those
        /// that it can have. What it has got from its folder and the old file did not have is taken away.
        pub(in super::super) fn give(&self, file: &File) -> Result<(), Loss> {
            let has = Attributes::of(file).map_err(Loss::of("its extended attributes"))?;
            for (name, value) in self.0.iter().filter(|attribute| !has.0.contains(attribute)) {
                match fsetxattr(file, &**name, value, XattrFlags::empty()) {
                    Err(errno) if decides(name) => return Err(lost(name, errno)),
                    _ => {}
                }
            }
            let kept = |name| self.0.iter().any(|(other, _)| other == name);
            for (name, _) in has.0.iter().filter(|(name, _)| is_list(name) && !kept(name)) {
                fremovexattr(file, &**name).map_err(|errno| lost(name, errno))?;
            }
            Ok(())
        }

        pub(in super::super) fn have_a_list(&self) -> bool {
            self.0.iter().any(|(name, _)| is_list(name))
        }
    }

    fn names(file: &File) -> io::Result<Vec<CString>> {
        let mut buffer = vec![0; MOST];
        match flistxattr(file, &mut buffer[..]) {
            Ok(len) => {
                let names = buffer[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty());
                names.map(|name| CString::new(name).map_err(io::Error::other)).collect()
            }
            // A file system that has none.
            Err(Errno::OPNOTSUPP) => Ok(Vec::new()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn lost(name: &CString, errno: Errno) -> Loss {
        let name = name.to_string_lossy();
        Loss { what: format!("its extended attribute {name}"), source: errno.into() }
    }

    /// `system.posix_acl_access`, and what other file systems have in its place.
    fn is_list(name: &CString) -> bool {
        name.as_bytes().starts_with(b"system.")
    }

    /// Lists, and the labels of security modules; but not the seals of contents, which the kernel makes anew.
    fn decides(name: &CString) -> bool {
        let label = name.as_bytes().strip_prefix(b"security.");
        is_list(name) || label.is_some_and(|label| !matches!(label, b"ima" | b"evm"))
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use std::fs::File;
    use std::io;

    use super::super::Loss;

    pub(in super::super) struct Attributes;

    impl Attributes {
        pub(in super::super) fn of(_: &File) -> io::Result<Attributes> {
            Ok(Attributes)
        }

        pub(in super::super) fn give(&self, _: &File) -> Result<(), Loss> {
            Ok(())
        }

        pub(in super::super) fn have_a_list(&self) -> bool {
            false
        }
    }
}
