//! The key-encryption key in a file: what a server on one machine has in place of a key management service.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ciam_core::encoding::base64url;
use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use ciam_core::secret::{Secret, SecretBytes};

/// The length of the key, in bytes.
pub const KEY_LENGTH: usize = 32;

/// Reads the 256-bit key of a file, or makes the file with a random key if there is none.
///
/// The file holds the key as one line of base64url text. It is made readable by its owner only, appears whole or not at
/// all, and is on the disk when this returns: what is sealed with the key can be opened after a crash. Of several processes
/// that make it at once, all read the same key.
///
/// It blocks; call it at start.
///
/// # Errors
///
/// Fails when the file can be read or written by others than its owner (on Unix), holds anything but a key, or cannot be
/// read or made.
///
/// # Security
///
/// Whoever has this file and the database has every sealed secret: keep backups of the two apart.
pub fn load_or_create(path: impl AsRef<Path>, entropy: &dyn Entropy) -> Result<SecretBytes, KeyFileError> {
    let path = path.as_ref();
    match load(path) {
        Err(KeyFileError::Missing) => {
            create(path, entropy)?;
            load(path)
        }
        other => other,
    }
}

/// Reads the 256-bit key of a file.
///
/// # Errors
///
/// Fails as [`load_or_create`] does, and when there is no such file.
pub fn load(path: impl AsRef<Path>) -> Result<SecretBytes, KeyFileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyFileError::Missing),
        Err(error) => return Err(KeyFileError::Io(error)),
    };
    // The open file is asked, not its path, so that what is checked is what is read.
    check_permissions(&file)?;
    let mut text = String::new();
    let read = file.take(MAX_FILE).read_to_string(&mut text);
    let text = Secret::from(text);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => KeyFileError::Malformed,
        _ => KeyFileError::Io(error),
    })?;
    let line = text.expose();
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let key = base64url::decode(line).map(SecretBytes::new).map_err(|_| KeyFileError::Malformed)?;
    if key.expose().len() == KEY_LENGTH { Ok(key) } else { Err(KeyFileError::Malformed) }
}

/// More than a key with its line end needs.
const MAX_FILE: u64 = 64;

fn create(path: &Path, entropy: &dyn Entropy) -> Result<(), KeyFileError> {
    let key = SecretBytes::random(entropy, KEY_LENGTH).map_err(KeyFileError::Entropy)?;
    let line = Secret::from(format!("{}\n", base64url::encode(key.expose())));
    let draft = Draft::write(path, line.expose(), entropy)?;
    // A link, unlike a rename, never replaces: when another process was faster, its key is the key.
    match std::fs::hard_link(&draft.0, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(KeyFileError::Io(error)),
        _ => {}
    }
    drop(draft);
    sync_directory(path)
}

/// A file under another name, removed at the end.
struct Draft(PathBuf);

impl Draft {
    fn write(path: &Path, line: &str, entropy: &dyn Entropy) -> Result<Self, KeyFileError> {
        let tag = SecretBytes::random(entropy, 6).map_err(KeyFileError::Entropy)?;
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.new", base64url::encode(tag.expose())));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let draft = Self(PathBuf::from(name));
        let mut file = options.open(&draft.0).map_err(KeyFileError::Io)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(KeyFileError::Io)?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What stays behind when this fails is a key that nothing was sealed with, readable by its owner only.
        let _stays = std::fs::remove_file(&self.0);
    }
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), KeyFileError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(KeyFileError::Io)
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> Result<(), KeyFileError> {
    Ok(())
}

#[cfg(unix)]
fn check_permissions(file: &File) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file.metadata().map_err(KeyFileError::Io)?;
    if !metadata.is_file() {
        return Err(KeyFileError::Malformed);
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::Exposed { mode }) }
}

#[cfg(not(unix))]
fn check_permissions(_file: &File) -> Result<(), KeyFileError> {
    Ok(())
}

/// A key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is no such file.
    #[error("there is no such key file")]
    Missing,
    /// Others than the owner can read or write it.
    #[error("the key file has mode {mode:03o}; nobody but its owner may have access (chmod 600)")]
    Exposed {
        /// The permission bits.
        mode: u32,
    },
    /// It does not hold a key: 43 base64url characters.
    #[error("the file does not hold a 256-bit key")]
    Malformed,
    /// It could not be read or made.
    #[error("the key file cannot be used")]
    Io(#[source] io::Error),
    /// There is no randomness for a key.
    #[error("a key cannot be made")]
    Entropy(#[source] PortError),
}

#[cfg(test)]
mod tests {
    use ciam_core::entropy::SystemEntropy;

    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Self {
            let tag = Secret::random(&SystemEntropy::new()).unwrap();
            let path = std::env::temp_dir().join(format!("ciam-key-file-{}", tag.expose()));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn file(&self, content: &[u8], mode: u32) -> PathBuf {
            use std::os::unix::fs::PermissionsExt as _;

            let path = self.0.join("given");
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    const KEY: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n";

    #[test]
    fn a_missing_file_is_made_private_and_read_again() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = Directory::new();
        let path = directory.0.join("kek");
        assert!(matches!(load(&path), Err(KeyFileError::Missing)));
        let made = load_or_create(&path, &SystemEntropy::new()).unwrap();
        assert_eq!(made.expose().len(), KEY_LENGTH);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path, &SystemEntropy::new()).unwrap().expose(), made.expose());
        assert_eq!(std::fs::read_dir(&directory.0).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn everybody_who_makes_it_at_once_reads_the_same_key() {
        let directory = Directory::new();
        let path = directory.0.join("kek");
        let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let make = || load_or_create(&path, &SystemEntropy::new()).unwrap().expose().to_vec();
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key == keys.first().unwrap()));
    }

    #[test]
    fn a_file_that_others_can_touch_is_refused() {
        let directory = Directory::new();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o666] {
            let path = directory.file(KEY, mode);
            let refused = load_or_create(&path, &SystemEntropy::new());
            assert!(
                matches!(refused, Err(KeyFileError::Exposed { mode: found }) if found == mode),
                "{mode:o}"
            );
        }
        assert_eq!(load(directory.file(KEY, 0o400)).unwrap().expose().get(..3), Some(&[0, 1, 2][..]));
    }

    #[test]
    fn anything_but_a_key_is_refused_and_left_alone() {
        let directory = Directory::new();
        for content in [
            &b""[..],
            b"\n",
            b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\n",
            b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ\n",
            b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
            b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9\n",
            b" AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n",
            b"\xff\xfe\xfd",
            &[b'A'; 10_000],
        ] {
            let path = directory.file(content, 0o600);
            let refused = load_or_create(&path, &SystemEntropy::new());
            assert!(matches!(refused, Err(KeyFileError::Malformed)), "{content:?}");
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        assert!(load_or_create(&directory.0, &SystemEntropy::new()).is_err(), "a directory");
    }

    #[test]
    fn the_key_is_in_no_error_and_no_debug_output() {
        let directory = Directory::new();
        let key = load(directory.file(KEY, 0o600)).unwrap();
        assert_eq!(format!("{key:?}"), "SecretBytes(32 bytes)");
        let error = load(directory.file(b"AAECAwQFBgcICQoLDA0ODxAREh", 0o600)).unwrap_err();
        assert!(!format!("{error:?}").contains("AAEC"));
    }
}
