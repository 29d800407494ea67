//! Credentials from mounted files.
//!
//! Read on every use: the files are small, lie in memory where Kubernetes mounts them, and a rotated Secret then takes
//! effect by itself.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use reqwest::header::HeaderValue;
use userstream_crds::identifier::SecretName;

/// The largest file that is read: a Secret holds at most 1 MiB, a credential far less.
const MAX_BYTES: u64 = 256 << 10;

/// Why a credential cannot be used. Names the file, never its contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {key} of the Secret {secret} {fault}")]
pub(crate) struct CredentialError {
    /// The Secret.
    pub(crate) secret: SecretName,
    /// The key in it.
    pub(crate) key: &'static str,
    /// What is wrong.
    pub(crate) fault: CredentialFault,
}

/// What is wrong with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialFault {
    /// There is no such file.
    #[error("is missing")]
    Missing,
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// There is more in it than a credential has.
    #[error("is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not text.
    #[error("is not UTF-8 text")]
    NotText,
    /// Text that cannot be sent where it is to be sent, for example for a line break in it.
    #[error("has characters that cannot be sent")]
    Unsendable,
    /// No certificate in it.
    #[error("holds no PEM certificate")]
    NotCertificates,
}

/// A credential. Neither printed nor logged.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential(String);

impl Credential {
    /// The text itself, to be sent and nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(…)")
    }
}

/// A key of a mounted Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretFile {
    directory: PathBuf,
    secret: SecretName,
    key: &'static str,
}

impl SecretFile {
    /// The file `<directory>/<secret>/<key>`.
    pub(crate) fn new(directory: impl Into<PathBuf>, secret: &SecretName, key: &'static str) -> Self {
        Self { directory: directory.into(), secret: secret.clone(), key }
    }

    /// What the file holds now.
    pub(crate) fn read_bytes(&self) -> Result<Vec<u8>, CredentialError> {
        let path = self.directory.join(self.secret.as_str()).join(self.key);
        let mut bytes = Vec::new();
        let read =
            std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
        match read {
            Ok(0) => Err(self.error(CredentialFault::Empty)),
            Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(self.error(CredentialFault::TooLarge)),
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.error(CredentialFault::Missing))
            }
            Err(error) => Err(self.error(CredentialFault::Unreadable(error.kind()))),
        }
    }

    /// The text that the file holds now, without the line break that editors and `echo` leave at its end.
    pub(crate) fn read(&self) -> Result<Credential, CredentialError> {
        let mut text =
            String::from_utf8(self.read_bytes()?).map_err(|_| self.error(CredentialFault::NotText))?;
        let line = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).map(str::len);
        text.truncate(line.unwrap_or(text.len()));
        if text.is_empty() {
            return Err(self.error(CredentialFault::Empty));
        }
        Ok(Credential(text))
    }

    /// A header value made of the credential, kept out of all logs.
    pub(crate) fn header(&self, text: &str) -> Result<HeaderValue, CredentialError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| self.error(CredentialFault::Unsendable))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// An error about this file.
    pub(crate) fn error(&self, fault: CredentialFault) -> CredentialError {
        CredentialError { secret: self.secret.clone(), key: self.key, fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::http::testing::SecretsDirectory;

    #[test]
    fn a_credential_is_what_the_file_holds_now_without_its_last_line_break() {
        let secrets = SecretsDirectory::new();
        let file = secrets.file("api", "token");
        for (content, expected) in [
            ("one", "one"),
            ("two\n", "two"),
            ("three\r\n", "three"),
            (" four \n", " four "),
            ("five\n\n", "five\n"),
            ("sechs-ü", "sechs-ü"),
        ] {
            secrets.write("api", "token", content);
            assert_eq!(file.read().unwrap().expose(), expected);
        }
    }

    #[test]
    fn what_is_no_credential_is_told_by_its_place() {
        let secrets = SecretsDirectory::new();
        let file = secrets.file("api", "token");
        assert_eq!(file.read().unwrap_err().fault, CredentialFault::Missing);
        let cases: [(&[u8], CredentialFault); 4] = [
            (b"", CredentialFault::Empty),
            (b"\r\n", CredentialFault::Empty),
            (b"\xff", CredentialFault::NotText),
            (&vec![b'x'; MAX_BYTES as usize + 1], CredentialFault::TooLarge),
        ];
        for (content, expected) in cases {
            secrets.write("api", "token", content);
            let error = file.read().unwrap_err();
            assert_eq!(error.fault, expected);
            assert!(error.to_string().starts_with("the key token of the Secret api "), "{error}");
        }
    }

    #[test]
    fn nothing_of_a_credential_is_printed() {
        let secrets = SecretsDirectory::new();
        secrets.write("api", "token", "canary\nsecond line");
        let credential = secrets.file("api", "token").read().unwrap();
        assert!(!format!("{credential:?}").contains("canary"));
        let error = secrets.file("api", "token").header(credential.expose()).unwrap_err();
        assert_eq!(error.fault, CredentialFault::Unsendable);
        assert!(!format!("{error:?} {error}").contains("canary"));
        let header = secrets.file("api", "token").header("canary").unwrap();
        assert!(!format!("{header:?}").contains("canary"));
    }
}
