//! The OAuth 2 client credentials grant (RFC 6749, section 4.4): fetches, caches and renews tokens.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::credential::{Credential, SecretFile};
use crate::source::http::error::HttpError;
use crate::source::http::retry::{StatusClass, classify_status, retry_after};
use crate::source::http::transport::exchange::{Exchange, Request, Response};

/// The largest response of a token endpoint, in bytes.
const MAX_TOKEN_RESPONSE: usize = 256 << 10;
/// The lifetime of a token whose response has no `expires_in`.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);
/// The longest lifetime, regardless of `expires_in`.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// A token is renewed this long before it expires, or a tenth of its lifetime if that is shorter.
const MAX_RENEWAL_MARGIN: Duration = Duration::from_secs(30);

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// The server refused the client's credentials or the grant.
    #[error("the token endpoint refused the client with status {}", .0.as_u16())]
    Refused(StatusCode),
    /// The server cannot answer now.
    #[error("the token endpoint responded with status {}", .status.as_u16())]
    Unavailable {
        /// The status.
        status: StatusCode,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// A redirect, to which the client's secret must not be sent.
    #[error("the token endpoint redirects, which is not followed")]
    Redirect,
    /// Not a token response.
    #[error("the response of the token endpoint is not a token response")]
    Malformed,
    /// A token type that the client does not understand, and that RFC 6749 therefore forbids to use.
    #[error("the token endpoint issued a token that is not a bearer token")]
    NotBearer,
}

/// Fetches tokens and caches the last one.
pub(crate) struct TokenSource {
    token_url: Url,
    scope: String,
    client_id: SecretFile,
    client_secret: SecretFile,
    placement: Placement,
    cached: Option<Token>,
}

/// Where the client's credentials are sent. RFC 6749 requires servers to accept the header; some accept only the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placement {
    Header,
    Body,
}

struct Token {
    header: HeaderValue,
    /// The credentials it was issued for. Other credentials need another token.
    credentials: (Credential, Credential),
    renew_at: Instant,
}

impl TokenSource {
    /// The tokens of an endpoint, for the client whose id and secret are in these files.
    pub(crate) fn new(
        token_url: Url,
        scope: String,
        client_id: SecretFile,
        client_secret: SecretFile,
    ) -> Self {
        Self { token_url, scope, client_id, client_secret, placement: Placement::Header, cached: None }
    }

    /// Drops the cached token.
    pub(crate) fn invalidate(&mut self) {
        self.cached = None;
    }

    /// The value of the authorization header. `now` is in milliseconds since the Unix epoch.
    pub(crate) async fn token<E: Exchange>(
        &mut self,
        exchange: &mut E,
        now: i64,
    ) -> Result<HeaderValue, HttpError> {
        let credentials = (self.client_id.read()?, self.client_secret.read()?);
        let usable = |token: &&Token| token.credentials == credentials && Instant::now() < token.renew_at;
        if let Some(token) = self.cached.as_ref().filter(usable) {
            return Ok(token.header.clone());
        }
        self.cached = None;
        let requested_at = Instant::now();
        let mut response = exchange.exchange(&self.request(&credentials, self.placement)?).await?;
        if is_client_refused(response.status) {
            let other = match self.placement {
                Placement::Header => Placement::Body,
                Placement::Body => Placement::Header,
            };
            let second = exchange.exchange(&self.request(&credentials, other)?).await?;
            if !is_client_refused(second.status) {
                self.placement = other;
                response = second;
            }
        }
        let (header, lifetime) = self.parse(&response, now)?;
        let renew_at = requested_at + lifetime - (lifetime / 10).min(MAX_RENEWAL_MARGIN);
        self.cached = Some(Token { header: header.clone(), credentials, renew_at });
        Ok(header)
    }

    fn request(
        &self,
        (id, secret): &(Credential, Credential),
        placement: Placement,
    ) -> Result<Request, HttpError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.scope.is_empty() {
            form.append_pair("scope", &self.scope);
        }
        match placement {
            Placement::Header => {
                // RFC 6749, section 2.3.1, form-encodes both before the base64.
                let encoded = |credential: &Credential| -> String {
                    form_urlencoded::byte_serialize(credential.expose().as_bytes()).collect()
                };
                let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
                headers.insert(AUTHORIZATION, self.client_secret.header(&format!("Basic {pair}"))?);
            }
            Placement::Body => {
                form.append_pair("client_id", id.expose()).append_pair("client_secret", secret.expose());
            }
        }
        Ok(Request {
            method: Method::POST,
            url: self.token_url.clone(),
            headers,
            body: Some(form.finish()),
            max_response_bytes: MAX_TOKEN_RESPONSE,
        })
    }

    fn parse(&self, response: &Response, now: i64) -> Result<(HeaderValue, Duration), HttpError> {
        match classify_status(response.status) {
            StatusClass::Success => {}
            StatusClass::Redirect => return Err(TokenError::Redirect.into()),
            StatusClass::Retryable => {
                let retry_after = retry_after(&response.headers, now);
                return Err(TokenError::Unavailable { status: response.status, retry_after }.into());
            }
            StatusClass::Unauthorized | StatusClass::Final => {
                return Err(TokenError::Refused(response.status).into());
            }
        }
        let token: TokenResponse =
            serde_json::from_slice(&response.body).map_err(|_| TokenError::Malformed)?;
        if token.token_type.is_some_and(|token_type| !token_type.eq_ignore_ascii_case("bearer")) {
            return Err(TokenError::NotBearer.into());
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.access_token))
            .map_err(|_| TokenError::Malformed)?;
        header.set_sensitive(true);
        let lifetime = token.expires_in.map_or(DEFAULT_LIFETIME, Seconds::duration);
        Ok((header, lifetime.min(MAX_LIFETIME)))
    }
}

/// Whether the server may accept the credentials in the other placement.
fn is_client_refused(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED)
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
}

/// RFC 6749 requires a number; some servers send text or a fraction.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    fn duration(self) -> Duration {
        let seconds = match self {
            Self::Number(number) => number,
            Self::Text(text) => text.trim().parse().unwrap_or_default(),
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(if seconds > 0.0 {
            Duration::MAX
        } else {
            Duration::ZERO
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::http::testing::{ScriptedExchange, SecretsDirectory};

    fn token_source(secrets: &SecretsDirectory) -> TokenSource {
        secrets.write("idp", "clientId", "the client\n");
        secrets.write("idp", "clientSecret", "s:cret&");
        let url = Url::parse("https://idp.example/token").unwrap();
        let scope = "users.read offline".to_owned();
        TokenSource::new(url, scope, secrets.file("idp", "clientId"), secrets.file("idp", "clientSecret"))
    }

    fn granted(token: &str, expires_in: &str) -> Response {
        ScriptedExchange::response(
            200,
            &format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{expires_in},"x":1}}"#),
        )
    }

    async fn fetch_token(
        source: &mut TokenSource,
        exchange: &mut ScriptedExchange,
    ) -> Result<String, String> {
        let header = source.token(exchange, 0).await.map_err(|error| error.to_string())?;
        assert!(header.is_sensitive());
        Ok(header.to_str().unwrap().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn request_follows_rfc_6749() {
        let secrets = SecretsDirectory::new();
        let mut exchange = ScriptedExchange::new([granted("t", "60")]);
        assert_eq!(fetch_token(&mut token_source(&secrets), &mut exchange).await.unwrap(), "Bearer t");
        let request = &exchange.requests[0];
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://idp.example/token"));
        assert_eq!(
            request.body.as_deref().unwrap(),
            "grant_type=client_credentials&scope=users.read+offline"
        );
        let expected = BASE64_STANDARD.encode("the+client:s%3Acret%26");
        assert_eq!(request.headers[AUTHORIZATION], format!("Basic {expected}"));
        assert!(request.headers[AUTHORIZATION].is_sensitive());
    }

    #[tokio::test(start_paused = true)]
    async fn token_is_renewed_shortly_before_it_expires() {
        let secrets = SecretsDirectory::new();
        let mut source = token_source(&secrets);
        let mut exchange =
            ScriptedExchange::new([granted("one", "3600"), granted("two", "\"100\""), granted("three", "1")]);
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer one");
        tokio::time::advance(Duration::from_secs(3_569)).await;
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer one");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer two");
        tokio::time::advance(Duration::from_secs(89)).await;
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer two");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer three");
    }

    #[tokio::test(start_paused = true)]
    async fn absurd_lifetimes_are_bounded() {
        let secrets = SecretsDirectory::new();
        for (expires_in, seconds) in [
            ("1e300", 86_400),
            ("-5", 0),
            ("\"soon\"", 0),
            ("0", 0),
            ("null", 300),
            ("59.5", 59),
            ("\"1e999\"", 86_400),
        ] {
            let source = token_source(&secrets);
            let (_, lifetime) = source.parse(&granted("t", expires_in), 0).ok().unwrap();
            assert_eq!(lifetime.as_secs(), seconds, "{expires_in}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rotated_client_credentials_fetch_another_token() {
        let secrets = SecretsDirectory::new();
        let mut source = token_source(&secrets);
        let mut exchange = ScriptedExchange::new([granted("one", "3600"), granted("two", "3600")]);
        fetch_token(&mut source, &mut exchange).await.unwrap();
        secrets.write("idp", "clientSecret", "rotated");
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer two");
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer two");
    }

    #[tokio::test(start_paused = true)]
    async fn invalidated_token_is_fetched_again() {
        let secrets = SecretsDirectory::new();
        let mut source = token_source(&secrets);
        let mut exchange = ScriptedExchange::new([granted("one", "3600"), granted("two", "3600")]);
        fetch_token(&mut source, &mut exchange).await.unwrap();
        source.invalidate();
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer two");
    }

    #[tokio::test(start_paused = true)]
    async fn placement_accepted_by_the_server_is_kept() {
        let secrets = SecretsDirectory::new();
        let mut source = token_source(&secrets);
        let refused = ScriptedExchange::response(401, "");
        let mut exchange = ScriptedExchange::new([refused, granted("one", "1"), granted("two", "1")]);
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer one");
        source.invalidate();
        assert_eq!(fetch_token(&mut source, &mut exchange).await.unwrap(), "Bearer two");
        for request in &exchange.requests[1..] {
            assert!(!request.headers.contains_key(AUTHORIZATION));
            let body = request.body.as_deref().unwrap();
            assert!(body.ends_with("&client_id=the+client&client_secret=s%3Acret%26"), "{body}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn error_of_the_token_endpoint_quotes_no_body() {
        let secrets = SecretsDirectory::new();
        for (status, body, expected) in [
            (403, "canary", "the token endpoint refused the client with status 403"),
            (503, "canary", "the token endpoint responded with status 503"),
            (307, "canary", "the token endpoint redirects, which is not followed"),
            (200, "canary", "the response of the token endpoint is not a token response"),
            (200, r#"{"access_token":7}"#, "the response of the token endpoint is not a token response"),
            (200, r#"{"access_token":"a\nb"}"#, "the response of the token endpoint is not a token response"),
            (
                200,
                r#"{"access_token":"canary","token_type":"mac"}"#,
                "the token endpoint issued a token that is not a bearer token",
            ),
        ] {
            let mut exchange = ScriptedExchange::new([ScriptedExchange::response(status, body)]);
            assert_eq!(
                fetch_token(&mut token_source(&secrets), &mut exchange).await,
                Err(expected.to_owned())
            );
        }
        let refused = || ScriptedExchange::response(400, r#"{"error":"invalid_client"}"#);
        let mut exchange = ScriptedExchange::new([refused(), refused()]);
        let error = fetch_token(&mut token_source(&secrets), &mut exchange).await;
        assert_eq!(error, Err("the token endpoint refused the client with status 400".to_owned()));
    }
}
