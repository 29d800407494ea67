//! Authentication of requests.

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

use self::credential::{SecretFile, SecretFileError, SecretFileProblem};
use self::oauth2::TokenSource;
use super::error::HttpError;
use super::pagination::{with_parameter, without_parameter};
use super::transport::exchange::Exchange;

/// The credential that a request carries.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// None.
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

/// Authorizes requests with the credentials that are mounted at the time.
pub(crate) struct Authenticator {
    method: Method,
}

/// The configured method, with the files it reads.
enum Method {
    None,
    Basic { username: SecretFile, password: SecretFile },
    Bearer { token: SecretFile },
    ApiKey { key: SecretFile, placement: ApiKeyPlacement },
    OAuth2(Box<TokenSource>),
}

impl Authenticator {
    /// The authenticator of a configuration, with the Secrets mounted below a directory.
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

    /// The authorization of the next request. Fetches a token when the cached one is no longer usable.
    ///
    /// `now` is in milliseconds since the Unix epoch.
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

    /// Drops a cached token after the server refused it, and returns whether a retry can carry other credentials. Files
    /// are read again by every request.
    pub(crate) fn refresh(&mut self) -> bool {
        if let Method::OAuth2(source) = &mut self.method {
            source.invalidate();
        }
        !matches!(self.method, Method::None)
    }

    /// A URL of the server without a credential copied from the request, so that it can be saved.
    pub(crate) fn without_credential(&self, url: &Url) -> Url {
        match &self.method {
            Method::ApiKey { placement: ApiKeyPlacement::Query(parameter), .. } => {
                without_parameter(url, parameter)
            }
            _ => url.clone(),
        }
    }
}

impl Authorization {
    /// The URL to request.
    pub(crate) fn apply_to(&self, url: &Url) -> Url {
        match self {
            Self::Query { parameter, value } => with_parameter(url, parameter, value),
            Self::None | Self::Header(..) => url.clone(),
        }
    }
}

/// RFC 7617.
fn basic(username: &SecretFile, password: &SecretFile) -> Result<HeaderValue, SecretFileError> {
    let user = username.read()?;
    if user.expose().contains(':') {
        // The server would parse what follows the colon as a part of the password.
        return Err(username.error(SecretFileProblem::Unsendable));
    }
    let pair = format!("{}:{}", user.expose(), password.read()?.expose());
    password.header(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

/// RFC 6750.
fn bearer(token: &SecretFile) -> Result<HeaderValue, SecretFileError> {
    token.header(&format!("Bearer {}", token.read()?.expose()))
}

fn api_key(key: &SecretFile, placement: &ApiKeyPlacement) -> Result<Authorization, SecretFileError> {
    let value = key.read()?;
    match placement {
        ApiKeyPlacement::Query(parameter) => {
            Ok(Authorization::Query { parameter: parameter.clone(), value: value.expose().to_owned() })
        }
        ApiKeyPlacement::Header(name) => {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| key.error(SecretFileProblem::Unsendable))?;
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
    async fn each_method_follows_its_standard() {
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
        let stripped = Authenticator::new(&query, secrets.path()).without_credential(&applied);
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
    async fn rotated_credential_is_used_by_the_next_request() {
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
    async fn unsendable_credentials_are_refused() {
        let secrets = SecretsDirectory::new();
        let error = async |auth| match authorize(auth, &secrets).await {
            Err(HttpError::Credential(error)) => (error.key, error.problem),
            Ok(_) => panic!("accepted"),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(error(HttpAuth::Basic(secret())).await, ("username", SecretFileProblem::Missing));
        secrets.write("api", "username", "a:b");
        secrets.write("api", "password", "c");
        assert_eq!(error(HttpAuth::Basic(secret())).await, ("username", SecretFileProblem::Unsendable));
        secrets.write("api", "token", "a\r\nX-Injected: b");
        assert_eq!(error(HttpAuth::Bearer(secret())).await, ("token", SecretFileProblem::Unsendable));
    }

    #[test]
    fn refresh_is_useless_without_credentials() {
        let secrets = SecretsDirectory::new();
        assert!(!Authenticator::new(&HttpAuth::None, secrets.path()).refresh());
        assert!(Authenticator::new(&HttpAuth::Bearer(secret()), secrets.path()).refresh());
    }
}
