//! Records from an HTTP API.
//!
//! ```text
//! paginator ▶ rate limit ▶ authorize ▶ exchange ▶ redirects ▶ retries ▶ split ▶ changed? ▶ page
//! ```
//!
//! Nothing about the API is trusted: the addresses its name resolves to, the size and duration of its responses, the
//! next page it names.

mod auth;
mod error;
mod pagination;
mod position;
mod rate_limit;
mod request;
mod response;
mod retry;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transport;

use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tracing::{info, warn};
use url::Url;
use userstream_crds::model::{self, Emit, Pagination};
use userstream_crds::record_path::RecordPath;
use userstream_crds::secret::CA_KEYS;

use self::auth::credential::SecretFile;
use self::auth::{Authenticator, Authorization};
use self::error::{HttpError, PositionError};
use self::pagination::next_page::{NextPageError, is_of_source, next_page};
use self::pagination::{Advance, NextPage, PageCursor, Paginator};
pub(super) use self::position::HttpPosition;
use self::position::{Fingerprint, identity, update_fingerprint};
use self::rate_limit::RateLimiter;
use self::request::RequestTemplate;
use self::response::split::Document;
use self::retry::{Attempts, StatusClass, classify_status, retry_after};
use self::transport::Transport;
use self::transport::address::AddressPolicy;
use self::transport::exchange::Exchange;
use self::transport::resolver::SystemResolver;
use super::position::SavedPosition;
use super::{Page, Source, SourceError};
use crate::delivery::retry::Retry;
use crate::log::SourcePosition;
use crate::runtime::backoff::Jitter;
use crate::runtime::clock::Clock;

/// An HTTP API as a source.
///
/// `fetch` is cancel safe: the next call fetches the same page again.
pub struct HttpSource(PageFetcher<Transport>);

impl HttpSource {
    /// The source that a pipeline declares.
    ///
    /// `secrets` is the directory of the mounted Secrets. `allowed` are the ranges that may be dialled in addition to
    /// public addresses. Nothing is read or dialled before the first fetch.
    pub fn new(source: &model::HttpSource, secrets: &Path, allowed: &[IpNet], clock: Clock) -> Self {
        let trust = source.ca.as_ref().zip(CA_KEYS.first());
        let trust = trust.map(|(secret, key)| SecretFile::new(secrets, secret, key));
        let policy = AddressPolicy::new(allowed.iter().copied());
        let transport = Transport::new(policy, Arc::new(SystemResolver), trust, source.timeout);
        Self(PageFetcher::new(source, secrets, transport, clock, Jitter::from_process()))
    }
}

impl Source for HttpSource {
    fn begin(&mut self, position: Option<&SourcePosition>) -> Result<(), SourceError> {
        Ok(self.0.begin(position)?)
    }

    async fn fetch(&mut self) -> Result<Option<Page>, SourceError> {
        Ok(self.0.fetch().await?)
    }
}

/// Fetches the pages of a source over any exchange.
struct PageFetcher<E> {
    exchange: E,
    requests: RequestTemplate,
    authenticator: Authenticator,
    limiter: RateLimiter,
    retry: model::Retry,
    jitter: Jitter,
    pagination: Pagination,
    records_path: Option<RecordPath>,
    paginator: Paginator,
    /// The URL of the source, with its query parameters.
    address: Url,
    /// The next page is that of a saved position.
    is_resuming: bool,
    identity: Fingerprint,
    /// The last fingerprint of each page. `None`: every response is emitted.
    fingerprints: Option<Vec<Option<Fingerprint>>>,
    clock: Clock,
}

/// A successful response, and the URL it came from after redirects.
struct PageResponse {
    url: Url,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl<E: Exchange> PageFetcher<E> {
    fn new(source: &model::HttpSource, secrets: &Path, exchange: E, clock: Clock, jitter: Jitter) -> Self {
        let mut address = source.url.clone();
        if !source.query.is_empty() {
            address.query_pairs_mut().extend_pairs(&source.query);
        }
        Self {
            exchange,
            requests: RequestTemplate::new(source),
            authenticator: Authenticator::new(&source.auth, secrets),
            limiter: RateLimiter::new(source.rate_limit),
            retry: source.retry,
            jitter,
            pagination: source.pagination.clone(),
            records_path: source.records_path.clone(),
            paginator: Paginator::new(source.pagination.clone(), address.clone()),
            address,
            is_resuming: false,
            identity: identity(source),
            fingerprints: match source.emit {
                Emit::All => None,
                Emit::Changed => Some(Vec::new()),
            },
            clock,
        }
    }

    fn begin(&mut self, saved: Option<&SourcePosition>) -> Result<(), HttpError> {
        let saved = saved.map(SavedPosition::parse).transpose().map_err(PositionError::from)?;
        let (cursor, fingerprints) = match saved {
            Some(SavedPosition::Http(position)) if position.source == self.identity => {
                (Some(position.cursor), position.fingerprints)
            }
            Some(_) => {
                info!("the saved position belongs to another source; starting from the first page");
                (None, Vec::new())
            }
            None => (None, Vec::new()),
        };
        // An earlier version has saved links to other servers too.
        let cursor = cursor.filter(|cursor| match cursor {
            PageCursor::Link { url: Some(url), .. } => is_of_source(&self.address, url),
            _ => true,
        });
        self.paginator.begin(cursor).map_err(PositionError::from)?;
        self.is_resuming = !self.paginator.is_at_first_page();
        if let Some(current) = &mut self.fingerprints {
            *current = fingerprints;
        }
        Ok(())
    }

    async fn fetch(&mut self) -> Result<Option<Page>, HttpError> {
        let mut page = self.fetch_page().await;
        if self.is_resuming
            && let Err(error) = &page
            && error.refuses_page()
        {
            // What a response has once said is not to stop the source for ever. If the first page fails as well, the
            // saved position stays.
            let cause = error.classify().1;
            warn!(cause, %error, "the source refuses the saved position; starting from the first page");
            self.is_resuming = false;
            self.paginator.begin(None).map_err(PositionError::from)?;
            page = self.fetch_page().await.map(|page| page.map(|page| Page { restarted: true, ..page }));
        }
        self.is_resuming = false;
        if page.is_err() {
            self.paginator.stop();
        }
        page
    }

    async fn fetch_page(&mut self) -> Result<Option<Page>, HttpError> {
        let Some(url) = self.paginator.next_url() else { return Ok(None) };
        match self.request_with_retries(&url).await {
            Ok(response) => self.parse_page(response).map(Some),
            // Many servers answer 404 past the last page, instead of an empty page.
            Err(HttpError::Status { status: StatusCode::NOT_FOUND, .. })
                if self.paginator.may_be_past_the_end() =>
            {
                Ok(Some(self.finish_page(Vec::new(), Vec::new(), NextPage::Implicit)))
            }
            Err(error) => Err(error),
        }
    }

    fn parse_page(&mut self, response: PageResponse) -> Result<Page, HttpError> {
        let PageResponse { url, status, headers, body } = response;
        let has_no_body = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
        let document = if has_no_body { None } else { Some(Document::parse(&body)?) };
        let records = match &document {
            Some(document) => document.records(self.records_path.as_ref())?,
            None => Vec::new(),
        };
        let next = match next_page(&self.pagination, &self.address, &url, &headers, document.as_ref()) {
            Ok(NextPage::Link(Some(url))) => {
                NextPage::Link(Some(self.authenticator.without_credential(&url)))
            }
            Ok(next) => next,
            Err(NextPageError::Body(error)) => return Err(error.into()),
            Err(NextPageError::Pagination(error)) => return Err(error.into()),
        };
        Ok(self.finish_page(body, records, next))
    }

    /// Advances the paginator past a page and returns the page.
    fn finish_page(&mut self, body: Vec<u8>, records: Vec<std::ops::Range<usize>>, next: NextPage) -> Page {
        let index = self.paginator.index();
        // Without fingerprints: those change although the page is the same.
        let start = self.saved(Vec::new());
        let fingerprints = self.fingerprints.as_mut();
        let changed = fingerprints.is_none_or(|fingerprints| update_fingerprint(fingerprints, index, &body));
        match self.paginator.advance(records.is_empty(), next) {
            Advance::Continues => {}
            Advance::Finished => {
                if let Some(fingerprints) = &mut self.fingerprints {
                    fingerprints.truncate(index.saturating_add(1));
                }
            }
            Advance::Loop => warn!("the pages of the source form a loop; the run ends here"),
        }
        Page {
            body,
            records: if changed { records } else { Vec::new() },
            start,
            fetched_at: self.clock.now(),
            position: self.position(),
            restarted: false,
        }
    }

    /// The position after the pages returned so far. `None` where every run starts from the same request.
    fn position(&self) -> Option<SourcePosition> {
        if matches!(self.pagination, Pagination::None) && self.fingerprints.is_none() {
            return None;
        }
        Some(self.saved(self.fingerprints.clone().unwrap_or_default()))
    }

    /// The current cursor as it is saved.
    fn saved(&self, fingerprints: Vec<Option<Fingerprint>>) -> SourcePosition {
        let cursor = self.paginator.cursor().clone();
        SavedPosition::Http(HttpPosition { source: self.identity, cursor, fingerprints }).to_saved()
    }

    /// Sends a request until it succeeds, fails permanently, or is out of attempts.
    async fn request_with_retries(&mut self, url: &Url) -> Result<PageResponse, HttpError> {
        let mut attempts = Attempts::new(self.retry, self.jitter.split());
        let mut refreshed = false;
        loop {
            let error = match self.attempt(url).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if matches!(error, HttpError::Status { status: StatusCode::UNAUTHORIZED, .. }) && !refreshed {
                // The credentials may have been rotated since they were read.
                refreshed = true;
                if self.authenticator.refresh() {
                    continue;
                }
            }
            let (Retry::Transient, cause) = error.classify() else { return Err(error) };
            let Some(backoff) = attempts.record_failure(error.retry_after()) else { return Err(error) };
            warn!(cause, attempt = attempts.failures(), ?backoff, %error, "a request failed and will be retried");
            tokio::time::sleep(backoff).await;
        }
    }

    /// One attempt, following redirects.
    async fn attempt(&mut self, url: &Url) -> Result<PageResponse, HttpError> {
        let mut hop = self.requests.first_hop(url)?;
        loop {
            let authorization = if hop.trusted {
                self.authenticator.authorization(&mut self.exchange, self.clock.now()).await?
            } else {
                Authorization::None
            };
            let request = self.requests.request(&hop, &authorization);
            self.limiter.acquire().await;
            let response = self.exchange.exchange(&request).await.map_err(HttpError::from)?;
            match classify_status(response.status) {
                StatusClass::Success => {
                    let transport::exchange::Response { status, headers, body } = response;
                    return Ok(PageResponse { url: hop.url, status, headers, body });
                }
                StatusClass::Redirect => hop = hop.follow(response.status, &response.headers)?,
                StatusClass::Retryable | StatusClass::Unauthorized | StatusClass::Final => {
                    let retry_after = retry_after(&response.headers, self.clock.now());
                    return Err(HttpError::Status { status: response.status, retry_after });
                }
            }
        }
    }
}
