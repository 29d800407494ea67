//! Credentials from mounted Secrets, and the detection of their rotation.
//!
//! A Secret is mounted as a directory with one file per key. Kubernetes replaces all files at once by swapping the
//! symlink `..data`. A read resolves that symlink once, so that a certificate and its key are from the same version.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;
use userstream_crds::identifier::SecretName;
use userstream_crds::model::{Cassandra, Kafka};
use userstream_crds::secret::{CA_KEYS, CERTIFICATE_KEYS, PASSWORD_KEY, PRIVATE_KEY_KEYS, USERNAME_KEY};

/// How often mounted files are read again. They are small and on a memory file system, and Kubernetes takes about a
/// minute to update a mounted Secret.
pub const ROTATION_INTERVAL: Duration = Duration::from_secs(5);

/// Bytes that must not appear in logs: their `Debug` form is their length.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(Vec<u8>);

impl Sensitive {
    /// Wraps bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the client alone.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{} bytes>", self.0.len())
    }
}

/// A user name and password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password, UTF-8.
    pub password: Sensitive,
}

impl Login {
    /// The password as text, which is validated as UTF-8 when it is read.
    pub fn password(&self) -> &str {
        std::str::from_utf8(self.password.expose()).unwrap_or_default()
    }
}

/// A client certificate for mutual TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    /// The certificate and its intermediates, PEM.
    pub chain: Sensitive,
    /// Its private key, PEM.
    pub key: Sensitive,
}

/// The credentials of a connection, read at one time.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// The trusted certificate authorities, PEM. `None`: the system's.
    pub authorities: Option<Sensitive>,
    /// The client certificate.
    pub certificate: Option<ClientCertificate>,
    /// The user name and password.
    pub login: Option<Login>,
}

/// Where the credentials of a connection are mounted.
#[derive(Clone, Debug)]
pub struct CredentialSource {
    directory: PathBuf,
    authorities: Option<SecretName>,
    certificate: Option<SecretName>,
    login: Option<SecretName>,
}

/// Why credentials could not be read. Names files, never their contents.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The Secret is not mounted, or lacks the key.
    #[error("the Secret {secret} has no {}", .keys.join(" or "))]
    Missing {
        /// The Secret.
        secret: SecretName,
        /// The keys, of which one is required.
        keys: &'static [&'static str],
    },
    /// The file exists and cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A name or password is not text.
    #[error("the key {key} of the Secret {secret} is not UTF-8")]
    NotText {
        /// The Secret.
        secret: SecretName,
        /// The key.
        key: &'static str,
    },
}

impl CredentialSource {
    /// The credentials of the brokers.
    pub fn kafka(kafka: &Kafka, directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            authorities: kafka.tls.as_ref().and_then(|tls| tls.ca.clone()),
            certificate: kafka.tls.as_ref().and_then(|tls| tls.client.clone()),
            login: kafka.sasl.as_ref().map(|sasl| sasl.secret.clone()),
        }
    }

    /// The credentials of the Cassandra nodes.
    pub fn cassandra(cassandra: &Cassandra, directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            authorities: cassandra.tls.as_ref().and_then(|tls| tls.ca.clone()),
            certificate: None,
            login: cassandra.credentials.clone(),
        }
    }

    /// Reads all credentials.
    ///
    /// # Errors
    /// When a referenced Secret is not mounted, or lacks a key.
    pub fn read(&self) -> Result<Credentials, CredentialError> {
        let authorities = match &self.authorities {
            Some(secret) => Some(Sensitive(MountedSecret::open(&self.directory, secret).read(CA_KEYS)?)),
            None => None,
        };
        let certificate = match &self.certificate {
            Some(secret) => {
                let mounted = MountedSecret::open(&self.directory, secret);
                let chain = Sensitive(mounted.read(CERTIFICATE_KEYS)?);
                Some(ClientCertificate { chain, key: Sensitive(mounted.read(PRIVATE_KEY_KEYS)?) })
            }
            None => None,
        };
        let login = match &self.login {
            Some(secret) => {
                let mounted = MountedSecret::open(&self.directory, secret);
                let username = mounted.read_line(&[USERNAME_KEY], USERNAME_KEY)?;
                let password = mounted.read_line(&[PASSWORD_KEY], PASSWORD_KEY)?;
                Some(Login { username, password: Sensitive(password.into_bytes()) })
            }
            None => None,
        };
        Ok(Credentials { authorities, certificate, login })
    }

    fn is_empty(&self) -> bool {
        self.authorities.is_none() && self.certificate.is_none() && self.login.is_none()
    }
}

/// One version of a mounted Secret.
struct MountedSecret<'a> {
    secret: &'a SecretName,
    directory: PathBuf,
}

impl<'a> MountedSecret<'a> {
    fn open(directory: &Path, secret: &'a SecretName) -> Self {
        let directory = directory.join(secret.as_str());
        let directory = fs::canonicalize(directory.join("..data")).unwrap_or(directory);
        Self { secret, directory }
    }

    /// The bytes of the first of these keys that exists.
    fn read(&self, keys: &'static [&'static str]) -> Result<Vec<u8>, CredentialError> {
        for key in keys {
            let path = self.directory.join(key);
            match fs::read(&path) {
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(CredentialError::Unreadable { path, source }),
            }
        }
        Err(CredentialError::Missing { secret: self.secret.clone(), keys })
    }

    /// A line of text without its trailing line break, which `echo secret > password` adds.
    fn read_line(&self, keys: &'static [&'static str], key: &'static str) -> Result<String, CredentialError> {
        let mut text = String::from_utf8(self.read(keys)?)
            .map_err(|_| CredentialError::NotText { secret: self.secret.clone(), key })?;
        let length =
            text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
        text.truncate(length);
        Ok(text)
    }
}

/// The credentials in use, compared with the mounted files at an interval.
#[derive(Debug)]
pub struct CredentialWatch {
    source: CredentialSource,
    current: Credentials,
    next_read: Instant,
}

impl CredentialWatch {
    /// Reads the credentials for the first time.
    ///
    /// # Errors
    /// As [`CredentialSource::read`].
    pub fn start(source: CredentialSource) -> Result<Self, CredentialError> {
        let current = source.read()?;
        Ok(Self { source, current, next_read: Instant::now() + ROTATION_INTERVAL })
    }

    /// The credentials that were read last.
    pub fn current(&self) -> &Credentials {
        &self.current
    }

    /// Whether the credentials have changed since the last call. [`current`](Self::current) returns the new ones then.
    ///
    /// Reads the files at most every [`ROTATION_INTERVAL`]. Unreadable files leave the credentials in use, because a
    /// rotation may be in progress.
    pub fn has_changed(&mut self) -> bool {
        let now = Instant::now();
        if self.source.is_empty() || now < self.next_read {
            return false;
        }
        self.next_read = now + ROTATION_INTERVAL;
        match self.source.read() {
            Ok(credentials) if credentials == self.current => false,
            Ok(credentials) => {
                self.current = credentials;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the mounted credentials cannot be read; the last ones remain in use");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn name(text: &str) -> SecretName {
        text.parse().unwrap()
    }

    fn login_of(directory: &Path, secret: &str) -> CredentialSource {
        CredentialSource {
            directory: directory.to_owned(),
            authorities: None,
            certificate: None,
            login: Some(name(secret)),
        }
    }

    /// Mounts or updates a Secret as Kubernetes does.
    fn mount(directory: &Path, secret: &str, version: &str, files: &[(&str, &str)]) {
        let folder = directory.join(secret);
        let data = folder.join(format!("..{version}"));
        fs::create_dir_all(&data).unwrap();
        for (key, text) in files {
            fs::write(data.join(key), text).unwrap();
            let _ = symlink(Path::new("..data").join(key), folder.join(key));
        }
        let new_link = folder.join("..data_tmp");
        symlink(format!("..{version}"), &new_link).unwrap();
        fs::rename(new_link, folder.join("..data")).unwrap();
    }

    #[test]
    fn login_is_read_without_its_trailing_line_break() {
        let directory = tempfile::tempdir().unwrap();
        mount(directory.path(), "users", "1", &[("username", "ada\n"), ("password", " pass word \r\n")]);
        let login = login_of(directory.path(), "users").read().unwrap().login.unwrap();
        assert_eq!((login.username.as_str(), login.password()), ("ada", " pass word "));
    }

    #[test]
    fn secret_without_the_data_symlink_is_read() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("users")).unwrap();
        fs::write(directory.path().join("users/username"), "ada").unwrap();
        fs::write(directory.path().join("users/password"), "lovelace").unwrap();
        let login = login_of(directory.path(), "users").read().unwrap().login.unwrap();
        assert_eq!((login.username.as_str(), login.password()), ("ada", "lovelace"));
    }

    #[test]
    fn keys_of_strimzi_users_are_read() {
        let directory = tempfile::tempdir().unwrap();
        mount(directory.path(), "user", "1", &[("user.crt", "chain"), ("user.key", "key")]);
        let source = CredentialSource {
            certificate: Some(name("user")),
            login: None,
            ..login_of(directory.path(), "user")
        };
        let certificate = source.read().unwrap().certificate.unwrap();
        assert_eq!((certificate.chain.expose(), certificate.key.expose()), (&b"chain"[..], &b"key"[..]));
    }

    #[test]
    fn missing_key_is_named() {
        let directory = tempfile::tempdir().unwrap();
        mount(directory.path(), "users", "1", &[("username", "ada")]);
        let error = login_of(directory.path(), "users").read().unwrap_err();
        assert_eq!(error.to_string(), "the Secret users has no password");
    }

    #[test]
    fn debug_form_shows_no_secret() {
        let login = Login { username: "ada".into(), password: Sensitive::new(*b"hunter2") };
        let credentials = Credentials {
            authorities: Some(Sensitive::new(*b"hunter2")),
            certificate: Some(ClientCertificate {
                chain: Sensitive::new(*b"c"),
                key: Sensitive::new(*b"hunter2"),
            }),
            login: Some(login),
        };
        assert!(!format!("{credentials:?} {credentials:#?}").contains("hunter2"), "{credentials:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn rotation_is_reported_once_within_an_interval() {
        let directory = tempfile::tempdir().unwrap();
        mount(directory.path(), "users", "1", &[("username", "ada"), ("password", "one")]);
        let mut watch = CredentialWatch::start(login_of(directory.path(), "users")).unwrap();
        mount(directory.path(), "users", "2", &[("username", "ada"), ("password", "two")]);
        assert!(!watch.has_changed(), "files are read once per interval");
        tokio::time::advance(ROTATION_INTERVAL).await;
        assert!(watch.has_changed());
        assert_eq!(watch.current().login.as_ref().unwrap().password(), "two");
        tokio::time::advance(ROTATION_INTERVAL).await;
        assert!(!watch.has_changed());
    }

    #[tokio::test(start_paused = true)]
    async fn unreadable_files_leave_the_credentials_in_use() {
        let directory = tempfile::tempdir().unwrap();
        mount(directory.path(), "users", "1", &[("username", "ada"), ("password", "one")]);
        let mut watch = CredentialWatch::start(login_of(directory.path(), "users")).unwrap();
        fs::remove_file(directory.path().join("users/..data")).unwrap();
        tokio::time::advance(ROTATION_INTERVAL).await;
        assert!(!watch.has_changed());
        assert_eq!(watch.current().login.as_ref().unwrap().password(), "one");
    }

    #[tokio::test(start_paused = true)]
    async fn no_file_is_read_without_secrets() {
        let source = CredentialSource {
            directory: "/nonexistent".into(),
            authorities: None,
            certificate: None,
            login: None,
        };
        let mut watch = CredentialWatch::start(source).unwrap();
        tokio::time::advance(ROTATION_INTERVAL).await;
        assert!(!watch.has_changed());
        assert_eq!(watch.current(), &Credentials::default());
    }
}
