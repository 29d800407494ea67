//! The exchange seam: one HTTP request and its response.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use crate::source::http::error::ExchangeError;

/// A request, without the headers of the connection.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<String>,
    /// The largest body of the response, in bytes, compressed and decompressed.
    pub(crate) max_response_bytes: usize,
}

/// A response.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty for every status but success: other bodies are not read.
    pub(crate) body: Vec<u8>,
}

/// Sends a request and reads the response, without redirects and without retries.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub(crate) trait Exchange {
    /// One exchange, bounded in time and size.
    ///
    /// # Errors
    /// When no complete response was received.
    async fn exchange(&mut self, request: &Request) -> Result<Response, ExchangeError>;
}
