//! Secrets as mounted files, replaced atomically as a kubelet does.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A folder of Secrets: each is a folder with one file per key.
#[derive(Debug)]
pub struct Secrets {
    /// The folder.
    pub directory: PathBuf,
}

impl Secrets {
    /// An empty folder of Secrets.
    ///
    /// # Panics
    /// When it cannot be created.
    pub fn new(directory: PathBuf) -> Self {
        fs::create_dir_all(&directory).expect("the folder can be created");
        Self { directory }
    }

    /// Replaces all keys of a Secret atomically. The files are links through `..data`, which a rename swaps, so that a
    /// reader never combines the user name of one version with the password of another.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn put(&self, name: &str, keys: &[(&str, &[u8])]) {
        let secret = self.directory.join(name);
        let version = format!("..version-{}", uuid::Uuid::new_v4().simple());
        fs::create_dir_all(secret.join(&version)).expect("the version's folder can be created");
        for (key, value) in keys {
            fs::write(secret.join(&version).join(key), value).expect("the key can be written");
        }
        let former = fs::read_link(secret.join("..data")).ok();
        symlink(&version, secret.join("..data_tmp")).expect("the link can be created");
        fs::rename(secret.join("..data_tmp"), secret.join("..data")).expect("the link can be swapped");
        for (key, _) in keys {
            if !secret.join(key).is_symlink() {
                symlink(Path::new("..data").join(key), secret.join(key)).expect("the link can be created");
            }
        }
        if let Some(former) = former {
            fs::remove_dir_all(secret.join(former)).expect("the former version can be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_secret_keeps_its_paths() {
        let secrets = Secrets::new(std::env::temp_dir().join(crate::names::unique("secrets")));
        let password = secrets.directory.join("user/password");
        secrets.put("user", &[("password", b"first")]);
        assert_eq!(fs::read_to_string(&password).unwrap(), "first");
        secrets.put("user", &[("password", b"second")]);
        assert_eq!(fs::read_to_string(&password).unwrap(), "second");
        fs::remove_dir_all(&secrets.directory).unwrap();
    }
}
