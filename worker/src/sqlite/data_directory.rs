//! The data directory of local mode, and the lock that excludes a second process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use userstream_crds::identifier::Identifier;

/// A directory of SQLite files, locked by this process until it is dropped.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    // Holds the lock, which the operating system releases however the process ends.
    _lock: File,
}

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DataDirectoryError {
    /// Another process has the lock.
    #[error(
        "{} is in use by another `usp local`{}; stop that one, or choose another directory with --data",
        path.display(),
        holder.map(|process| format!(" (process {process})")).unwrap_or_default()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The id of that process, if known.
        holder: Option<u32>,
    },
    /// It cannot be created, read or written.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The directory or the file in it.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl DataDirectory {
    /// Creates the directory if it is missing, and acquires its lock.
    ///
    /// # Errors
    /// When another process has the lock, or the directory cannot be created or written.
    pub fn open(path: &Path) -> Result<Self, DataDirectoryError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| DataDirectoryError::Io { path, source }
        };
        std::fs::create_dir_all(path).map_err(failed(path))?;
        let lock_path = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut lock);
                return Err(DataDirectoryError::InUse { path: path.to_path_buf(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(&lock_path)(source)),
        }
        record_holder(&mut lock).map_err(failed(&lock_path))?;
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The file of the log in a data directory.
pub fn log_path(directory: &Path) -> PathBuf {
    directory.join("log.db")
}

/// The file of a keyspace in a data directory: `<keyspace>.db`.
///
/// A keyspace named `log` is stored in `log-keyspace.db`, because `log.db` is the log. No other keyspace collides with
/// it, because the name of a keyspace has no hyphen.
pub fn keyspace_path(directory: &Path, keyspace: &Identifier) -> PathBuf {
    let stem = if keyspace.as_str() == "log" { "log-keyspace" } else { keyspace.as_str() };
    directory.join(format!("{stem}.db"))
}

fn record_holder(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_in_use_is_refused_until_it_is_released() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDirectory::open(&path).unwrap();
        let refusal = DataDirectory::open(&path).unwrap_err();
        let process = std::process::id();
        assert_eq!(
            refusal.to_string(),
            format!(
                "{} is in use by another `usp local` (process {process}); stop that one, or choose another directory \
                 with --data",
                path.display()
            )
        );
        drop(first);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn path_of_a_file_is_refused_with_its_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refusal = DataDirectory::open(file.path()).unwrap_err();
        assert!(matches!(&refusal, DataDirectoryError::Io { path, .. } if path == file.path()), "{refusal}");
    }

    #[test]
    fn keyspace_named_log_does_not_share_the_file_of_the_log() {
        let directory = Path::new("data");
        let log: Identifier = "log".parse().unwrap();
        let users: Identifier = "spark_streams".parse().unwrap();
        assert_eq!(keyspace_path(directory, &users), Path::new("data/spark_streams.db"));
        assert_ne!(keyspace_path(directory, &log), log_path(directory));
    }
}
