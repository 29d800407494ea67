//! How requests authenticate.

pub(crate) mod credential;
pub(crate) mod oauth2;

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;
use userstream_crds::model::{ApiKeyPlacement, HttpAuth};
use userstream_crds::secret::{
    API_KEY_KEY, CLIENT_ID_KEY, CLIENT_SECRET_KEY, PASSWORD_KEY, TOKEN_KEY, USERNAME_KEY,
};

use self::credential::{CredentialError, CredentialFault, SecretFile};
use self::oauth2::TokenSource;
use super::error::HttpError;
use super::pagination::{with_parameter, without_parameter};
use super::transport::exchange::Exchange;

/// What a request carries to say who sends it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// Nothing.
    None,
    /// A header.
    Header(HeaderName, HeaderValue),
    /// A query parameter.
    Query {
        /// Its name.
        parameter: String,
        /// The credential.
        value: String,
    },
}

/// Produces what requests carry, from the credentials that are mounted at the time.
pub(crate) struct Authenticator {
    method: Method,
}

/// The configured method over the files it needs.
enum Method {
    None,
    Basic { username: SecretFile, password: SecretFile },
    Bearer { token: SecretFile },
    ApiKey { key: SecretFile, placement: ApiKeyPlacement },
    OAuth2(Box<TokenSource>),
}

impl Authenticator {
    /// Authenticates as configured, with the Secrets mounted below a directory.
    pub(crate) fn new(auth: &HttpAuth, secrets: &Path) -> Self {
        let method = match auth {
            HttpAuth::None => Method::None,
            HttpAuth::Basic(secret) => Method::Basic {
                username: SecretFile::new(secrets, secret, USERNAME_KEY),
                password: SecretFile::new(secrets, secret, PASSWORD_KEY),
            },
            HttpAuth::Bearer(secret) => Method::Bearer { token: SecretFile::new(secrets, secret, TOKEN_KEY) },
            HttpAuth::ApiKey { secret, placement } => Method::ApiKey {
                key: SecretFile::new(secrets, secret, API_KEY_KEY),
                placement: placement.clone(),
            },
            HttpAuth::OAuth2 { secret, token_url, scopes } => Method::OAuth2(Box::new(TokenSource::new(
                token_url.clone(),
                scopes.join(" "),
                SecretFile::new(secrets, secret, CLIENT_ID_KEY),
                SecretFile::new(secrets, secret, CLIENT_SECRET_KEY),
            ))),
        };
        Self { method }
    }

    /// What the next request carries. Fetches a token when one is needed. `now` is in milliseconds since the Unix epoch.
    pub(crate) async fn authorization<E: Exchange>(
        &mut self,
        exchange: &mut E,
        now: i64,
    ) -> Result<Authorization, HttpError> {
        match &mut self.method {
            Method::None => Ok(Authorization::None),
            Method::Basic { username, password } => {
                Ok(Authorization::Header(AUTHORIZATION, basic(username, password)?))
            }
            Method::Bearer { token } => Ok(Authorization::Header(AUTHORIZATION, bearer(token)?)),
            Method::ApiKey { key, placement } => Ok(api_key(key, placement)?),
            Method::OAuth2(source) => {
                Ok(Authorization::Header(AUTHORIZATION, source.token(exchange, now).await?))
            }
        }
    }

    /// Whether there is anything to try again with after the server has refused the credentials. A cached token is
    /// dropped; files are read anew by the next request anyway.
    pub(crate) fn renew(&mut self) -> bool {
        if let Method::OAuth2(source) = &mut self.method {
            source.forget();
        }
        !matches!(self.method, Method::None)
    }

    /// The URL without a credential that the server may have copied from the request, so that it can be saved.
    pub(crate) fn strip(&self, url: &Url) -> Url {
        match &self.method {
            Method::ApiKey { placement: ApiKeyPlacement::Query(parameter), .. } => {
                without_parameter(url, parameter)
            }
            _ => url.clone(),
        }
    }
}

impl Authorization {
    /// The URL that is really asked for.
    pub(crate) fn apply_to(&self, url: &Url) -> Url {
        match self {
            Self::Query { parameter, value } => with_parameter(url, parameter, value),
            Self::None | Self::Header(..) => url.clone(),
        }
    }
}

/// RFC 7617.
fn basic(username: &SecretFile, password: &SecretFile) -> Result<HeaderValue, CredentialError> {
    let user = username.read()?;
    if user.expose().contains(':') {
        // The server would take what follows the colon for a part of the password.
        return Err(username.error(CredentialFault::Unsendable));
    }
    let pair = format!("{}:{}", user.expose(), password.read()?.expose());
    password.header(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

/// RFC 6750.
fn bearer(token: &SecretFile) -> Result<HeaderValue, CredentialError> {
    token.header(&format!("Bearer {}", token.read()?.expose()))
}

fn api_key(key: &SecretFile, placement: &ApiKeyPlacement) -> Result<Authorization, CredentialError> {
    let value = key.read()?;
    match placement {
        ApiKeyPlacement::Query(parameter) => {
            Ok(Authorization::Query { parameter: parameter.clone(), value: value.expose().to_owned() })
        }
        ApiKeyPlacement::Header(name) => {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| key.error(CredentialFault::Unsendable))?;
            Ok(Authorization::Header(name, key.header(value.expose())?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::http::testing::{ScriptedExchange, SecretsDirectory};

    fn secret() -> userstream_crds::identifier::SecretName {
        "api".parse().unwrap()
    }

    async fn authorize(auth: HttpAuth, secrets: &SecretsDirectory) -> Result<Authorization, HttpError> {
        Authenticator::new(&auth, secrets.path()).authorization(&mut ScriptedExchange::default(), 0).await
    }

    fn header(authorization: Authorization) -> (String, String) {
        match authorization {
            Authorization::Header(name, value) => {
                assert!(value.is_sensitive());
                (name.to_string(), value.to_str().unwrap().to_owned())
            }
            Authorization::None | Authorization::Query { .. } => panic!("not a header"),
        }
    }

    #[tokio::test]
    async fn each_method_sends_what_its_standard_says() {
        let secrets = SecretsDirectory::new();
        secrets.write("api", "username", "Aladdin\n");
        secrets.write("api", "password", "open sesame");
        secrets.write("api", "token", "abc.def\n");
        secrets.write("api", "apiKey", "k&y=1 ü");
        let authorization = |text: &str| ("authorization".to_owned(), text.to_owned());
        assert_eq!(
            header(authorize(HttpAuth::Basic(secret()), &secrets).await.unwrap()),
            authorization("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(
            header(authorize(HttpAuth::Bearer(secret()), &secrets).await.unwrap()),
            authorization("Bearer abc.def")
        );
        let url = Url::parse("https://a.example/?key=old&x=1").unwrap();
        let query =
            HttpAuth::ApiKey { secret: secret(), placement: ApiKeyPlacement::Query("key".to_owned()) };
        let applied = authorize(query.clone(), &secrets).await.unwrap().apply_to(&url);
        assert_eq!(applied.as_str(), "https://a.example/?x=1&key=k%26y%3D1+%C3%BC");
        let stripped = Authenticator::new(&query, secrets.path()).strip(&applied);
        assert_eq!(stripped.as_str(), "https://a.example/?x=1");
        secrets.write("api", "apiKey", "plain");
        let in_header =
            HttpAuth::ApiKey { secret: secret(), placement: ApiKeyPlacement::Header("x-api-key".to_owned()) };
        assert_eq!(
            header(authorize(in_header, &secrets).await.unwrap()),
            ("x-api-key".to_owned(), "plain".to_owned())
        );
        assert!(matches!(authorize(HttpAuth::None, &secrets).await, Ok(Authorization::None)));
    }

    #[tokio::test]
    async fn a_rotated_credential_is_used_by_the_next_request() {
        let secrets = SecretsDirectory::new();
        let mut authenticator = Authenticator::new(&HttpAuth::Bearer(secret()), secrets.path());
        let mut exchange = ScriptedExchange::default();
        for token in ["first", "second"] {
            secrets.write("api", "token", token);
            let sent = header(authenticator.authorization(&mut exchange, 0).await.unwrap());
            assert_eq!(sent.1, format!("Bearer {token}"));
        }
    }

    #[tokio::test]
    async fn credentials_that_cannot_be_sent_are_refused() {
        let secrets = SecretsDirectory::new();
        let error = async |auth| match authorize(auth, &secrets).await {
            Err(HttpError::Credential(error)) => (error.key, error.fault),
            Ok(_) => panic!("accepted"),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(error(HttpAuth::Basic(secret())).await, ("username", CredentialFault::Missing));
        secrets.write("api", "username", "a:b");
        secrets.write("api", "password", "c");
        assert_eq!(error(HttpAuth::Basic(secret())).await, ("username", CredentialFault::Unsendable));
        secrets.write("api", "token", "a\r\nX-Injected: b");
        assert_eq!(error(HttpAuth::Bearer(secret())).await, ("token", CredentialFault::Unsendable));
    }

    #[test]
    fn there_is_nothing_to_renew_without_credentials() {
        let secrets = SecretsDirectory::new();
        assert!(!Authenticator::new(&HttpAuth::None, secrets.path()).renew());
        assert!(Authenticator::new(&HttpAuth::Bearer(secret()), secrets.path()).renew());
    }
}
