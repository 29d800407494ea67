//! One request and its response: the seam between what the source does and how bytes travel.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use crate::source::http::error::ExchangeError;

/// A request, complete but for what belongs to the connection.
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
    /// Empty for every status but success: what else servers send is of no use and read no further.
    pub(crate) body: Vec<u8>,
}

/// Sends a request and takes in the response. No redirects, no second attempts.
#[allow(async_fn_in_trait, reason = "the worker runs on one thread; futures need not be Send")]
pub(crate) trait Exchange {
    /// One exchange, bounded in time and size.
    ///
    /// # Errors
    /// When no complete response came.
    async fn exchange(&mut self, request: &Request) -> Result<Response, ExchangeError>;
}
