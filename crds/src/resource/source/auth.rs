//! `spec.source.http.auth`: credentials.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::secret::SecretRef;
use crate::rules;

/// How requests authenticate. A changed Secret takes effect with the next request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rules::cel(&rules::AUTH_NEEDS_SECRET, "self.type == 'None' || has(self.secretRef)"),
    rules::cel(
        &rules::API_KEY_PLACEMENT,
        "self.type != 'ApiKey' || !has(self.secretRef) || has(self.header) != has(self.queryParameter)",
    ),
    rules::cel(
        &rules::OAUTH2_NEEDS_TOKEN_URL,
        "self.type != 'OAuth2' || !has(self.secretRef) || has(self.tokenUrl)",
    ),
]))]
pub struct AuthSpec {
    /// `None`; `Basic` (Secret keys `username` and `password`); `Bearer` (key `token`); `ApiKey` (key `apiKey`, sent in
    /// `header` or `queryParameter`); `OAuth2`, the client credentials grant (keys `clientId` and `clientSecret`).
    /// Default: None.
    #[serde(rename = "type")]
    pub kind: AuthType,
    /// The Secret with the credentials. Needed by every type but None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// The request header of the key, for ApiKey. Exactly one of `header` and `queryParameter` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub header: Option<String>,
    /// The query parameter of the key, for ApiKey. Exactly one of `header` and `queryParameter` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub query_parameter: Option<String>,
    /// The address of the token endpoint, for OAuth2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub token_url: Option<String>,
    /// The requested OAuth scopes, for OAuth2. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)))]
    pub scopes: Vec<String>,
}

/// The kinds of authentication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthType {
    /// Requests carry no credentials.
    #[default]
    None,
    /// RFC 7617: a user name and a password.
    Basic,
    /// RFC 6750: a token.
    Bearer,
    /// A key in a header or a query parameter.
    ApiKey,
    /// RFC 6749, client credentials grant: the worker fetches and renews tokens.
    OAuth2,
}
