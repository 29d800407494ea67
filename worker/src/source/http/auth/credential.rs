//! Credentials from mounted files.
//!
//! Files are read on every use, so that a rotated Secret takes effect at once: they are small, and Kubernetes mounts
//! them on a memory file system.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use reqwest::header::HeaderValue;
use userstream_crds::identifier::SecretName;

/// The largest file that is read. A Secret holds at most 1 MiB, a credential far less.
const MAX_BYTES: u64 = 256 << 10;

/// A credential cannot be used. Names the file, never its contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {key} of the Secret {secret} {problem}")]
pub(crate) struct SecretFileError {
    /// The Secret.
    pub(crate) secret: SecretName,
    /// The key in it.
    pub(crate) key: &'static str,
    /// The problem.
    pub(crate) problem: SecretFileProblem,
}

/// The problem with a mounted credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretFileProblem {
    /// There is no such file.
    #[error("is missing")]
    Missing,
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// The file is empty.
    #[error("is empty")]
    Empty,
    /// The file is larger than any credential.
    #[error("is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not text.
    #[error("is not UTF-8 text")]
    NotText,
    /// Text that its place in the request cannot carry, for example because of a line break.
    #[error("has characters that cannot be sent")]
    Unsendable,
    /// The file holds no certificate.
    #[error("holds no PEM certificate")]
    NotCertificates,
}

/// A credential, which is neither printed nor logged.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential(String);

impl Credential {
    /// The text, for the request alone.
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

    /// The current contents of the file.
    pub(crate) fn read_bytes(&self) -> Result<Vec<u8>, SecretFileError> {
        let path = self.directory.join(self.secret.as_str()).join(self.key);
        let mut bytes = Vec::new();
        let read =
            std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
        match read {
            Ok(0) => Err(self.error(SecretFileProblem::Empty)),
            Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(self.error(SecretFileProblem::TooLarge)),
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.error(SecretFileProblem::Missing))
            }
            Err(error) => Err(self.error(SecretFileProblem::Unreadable(error.kind()))),
        }
    }

    /// The current text of the file, without the trailing line break that editors and `echo` add.
    pub(crate) fn read(&self) -> Result<Credential, SecretFileError> {
        let mut text =
            String::from_utf8(self.read_bytes()?).map_err(|_| self.error(SecretFileProblem::NotText))?;
        let line = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).map(str::len);
        text.truncate(line.unwrap_or(text.len()));
        if text.is_empty() {
            return Err(self.error(SecretFileProblem::Empty));
        }
        Ok(Credential(text))
    }

    /// A header value with the credential, marked as sensitive to keep it out of logs.
    pub(crate) fn header(&self, text: &str) -> Result<HeaderValue, SecretFileError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| self.error(SecretFileProblem::Unsendable))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// An error about this file.
    pub(crate) fn error(&self, problem: SecretFileProblem) -> SecretFileError {
        SecretFileError { secret: self.secret.clone(), key: self.key, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::http::testing::SecretsDirectory;

    #[test]
    fn credential_is_the_current_text_without_its_line_break() {
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
    fn unusable_credential_is_reported_by_its_file() {
        let secrets = SecretsDirectory::new();
        let file = secrets.file("api", "token");
        assert_eq!(file.read().unwrap_err().problem, SecretFileProblem::Missing);
        let cases: [(&[u8], SecretFileProblem); 4] = [
            (b"", SecretFileProblem::Empty),
            (b"\r\n", SecretFileProblem::Empty),
            (b"\xff", SecretFileProblem::NotText),
            (&vec![b'x'; MAX_BYTES as usize + 1], SecretFileProblem::TooLarge),
        ];
        for (content, expected) in cases {
            secrets.write("api", "token", content);
            let error = file.read().unwrap_err();
            assert_eq!(error.problem, expected);
            assert!(error.to_string().starts_with("the key token of the Secret api "), "{error}");
        }
    }

    #[test]
    fn credential_is_never_printed() {
        let secrets = SecretsDirectory::new();
        secrets.write("api", "token", "canary\nsecond line");
        let credential = secrets.file("api", "token").read().unwrap();
        assert!(!format!("{credential:?}").contains("canary"));
        let error = secrets.file("api", "token").header(credential.expose()).unwrap_err();
        assert_eq!(error.problem, SecretFileProblem::Unsendable);
        assert!(!format!("{error:?} {error}").contains("canary"));
        let header = secrets.file("api", "token").header("canary").unwrap();
        assert!(!format!("{header:?}").contains("canary"));
    }
}
