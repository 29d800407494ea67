//! Builds requests: the parts that all requests of a source share, and which of them each hop may carry.

use reqwest::Method;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use url::Url;
use userstream_crds::model::{HttpMethod, HttpSource};

use super::auth::Authorization;
use super::transport::exchange::Request;
use super::transport::redirect::{Hop, RedirectError};

/// The parts that all requests of a source share.
pub(crate) struct RequestTemplate {
    origin: Url,
    method: Method,
    headers: HeaderMap,
    body: Option<String>,
    max_response_bytes: usize,
}

impl RequestTemplate {
    /// The template of a source's requests.
    pub(crate) fn new(source: &HttpSource) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers
            .insert(USER_AGENT, HeaderValue::from_static(concat!("userstream/", env!("CARGO_PKG_VERSION"))));
        if source.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &source.headers {
            // Validation accepts valid names and values alone.
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        }
        Self {
            origin: source.url.clone(),
            method: match source.method {
                HttpMethod::Get => Method::GET,
                HttpMethod::Post => Method::POST,
            },
            headers,
            body: source.body.clone(),
            max_response_bytes: usize::try_from(source.max_response_bytes).unwrap_or(usize::MAX),
        }
    }

    /// The first hop of a request to a page.
    pub(crate) fn first_hop(&self, page: &Url) -> Result<Hop, RedirectError> {
        Hop::first(&self.origin, page.clone(), self.method.clone())
    }

    /// The request of a hop. A hop to another origin carries no configured header that may be confidential.
    pub(crate) fn request(&self, hop: &Hop, authorization: &Authorization) -> Request {
        let mut headers = self.headers.clone();
        if !hop.trusted {
            headers = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT]
                .into_iter()
                .filter_map(|name| self.headers.get(&name).map(|value| (name, value.clone())))
                .collect();
        }
        let body = self.body.clone().filter(|_| hop.method == Method::POST);
        if body.is_none() {
            headers.remove(CONTENT_TYPE);
        }
        if let Authorization::Header(name, value) = authorization {
            headers.insert(name.clone(), value.clone());
        }
        Request {
            method: hop.method.clone(),
            url: authorization.apply_to(&hop.url),
            headers,
            body,
            max_response_bytes: self.max_response_bytes,
        }
    }
}
