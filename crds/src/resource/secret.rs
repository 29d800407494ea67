//! References to Secrets, and the keys that the worker reads in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Keys of a PEM bundle of certificate authorities, the preferred one first.
pub const CA_KEYS: &[&str] = &["ca.crt"];
/// Keys of a PEM client certificate chain: that of `kubernetes.io/tls`, then that of Strimzi's KafkaUser.
pub const CERTIFICATE_KEYS: &[&str] = &["tls.crt", "user.crt"];
/// Keys of the PEM private key of the client certificate, in the order of [`CERTIFICATE_KEYS`].
pub const PRIVATE_KEY_KEYS: &[&str] = &["tls.key", "user.key"];
/// The key of a user's name.
pub const USERNAME_KEY: &str = "username";
/// The key of a password.
pub const PASSWORD_KEY: &str = "password";
/// The key of a bearer token.
pub const TOKEN_KEY: &str = "token";
/// The key of an API key.
pub const API_KEY_KEY: &str = "apiKey";
/// The key of the client id of OAuth 2 client credentials.
pub const CLIENT_ID_KEY: &str = "clientId";
/// The key of the client secret of OAuth 2 client credentials.
pub const CLIENT_SECRET_KEY: &str = "clientSecret";

/// A Secret in the pipeline's namespace. It is mounted as files into the pipeline's pods; nothing else reads it, and a
/// changed Secret takes effect without a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// The name of the Secret, in the namespace of the pipeline.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
