//! Records from an HTTP API.
//!
//! ```text
//! walk ▶ rate limit ▶ authorize ▶ exchange ▶ redirects ▶ retries ▶ split ▶ changed? ▶ page
//! ```
//!
//! Everything about the API is untrusted: where its name leads, how much it sends, how long it takes, what it says the
//! next page is.

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
use userstream_crds::path::RecordPath;
use userstream_crds::secret::CA_KEYS;

use self::auth::credential::SecretFile;
use self::auth::{Authenticator, Authorization};
use self::error::{Fault, HttpError, PositionError};
use self::pagination::next_page::{Unknown, next_page};
use self::pagination::{Advance, Next, Walk};
pub(super) use self::position::HttpPosition;
use self::position::{Fingerprint, identity, note};
use self::rate_limit::RateLimiter;
use self::request::RequestTemplate;
use self::response::split::Document;
use self::retry::{Attempts, Verdict, retry_after, verdict};
use self::transport::Transport;
use self::transport::address::AddressPolicy;
use self::transport::exchange::Exchange;
use self::transport::resolver::SystemResolver;
use super::position::Position;
use super::{Page, Source, SourceError};
use crate::log::SourcePosition;
use crate::runtime::backoff::Jitter;
use crate::runtime::clock::Clock;

/// An HTTP API as a source.
///
/// `fetch` is cancel safe: what is dropped before it returns is fetched again by the next call.
pub struct HttpSource(Client<Transport>);

impl HttpSource {
    /// A source as a pipeline describes it.
    ///
    /// `secrets` is the folder with the mounted Secrets; `allowed` are the ranges beside the public addresses that may
    /// be dialled. Nothing is read or dialled before the first fetch.
    pub fn new(source: &model::HttpSource, secrets: &Path, allowed: &[IpNet], clock: Clock) -> Self {
        let trust = source.ca.as_ref().zip(CA_KEYS.first());
        let trust = trust.map(|(secret, key)| SecretFile::new(secrets, secret, key));
        let policy = AddressPolicy::new(allowed.iter().copied());
        let transport = Transport::new(policy, Arc::new(SystemResolver), trust, source.timeout);
        Self(Client::new(source, secrets, transport, clock, Jitter::from_process()))
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

/// The source over any exchange.
struct Client<E> {
    exchange: E,
    requests: RequestTemplate,
    authenticator: Authenticator,
    limiter: RateLimiter,
    retry: model::Retry,
    jitter: Jitter,
    pagination: Pagination,
    records_path: Option<RecordPath>,
    walk: Walk,
    identity: Fingerprint,
    /// The last look of each page; none: every response is emitted.
    changes: Option<Vec<Option<Fingerprint>>>,
    clock: Clock,
}

/// A successful response, and the URL it came from in the end.
struct Answer {
    url: Url,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl<E: Exchange> Client<E> {
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
            walk: Walk::new(source.pagination.clone(), address),
            identity: identity(source),
            changes: match source.emit {
                Emit::All => None,
                Emit::Changed => Some(Vec::new()),
            },
            clock,
        }
    }

    fn begin(&mut self, saved: Option<&SourcePosition>) -> Result<(), HttpError> {
        let saved = saved.map(Position::parse).transpose().map_err(PositionError::from)?;
        let (at, fingerprints) = match saved {
            Some(Position::Http(position)) if position.source == self.identity => {
                (Some(position.at), position.fingerprints)
            }
            Some(_) => {
                info!("the saved position is that of another source: starting at the beginning");
                (None, Vec::new())
            }
            None => (None, Vec::new()),
        };
        self.walk.begin(at).map_err(PositionError::from)?;
        if let Some(changes) = &mut self.changes {
            *changes = fingerprints;
        }
        Ok(())
    }

    async fn fetch(&mut self) -> Result<Option<Page>, HttpError> {
        let Some(url) = self.walk.next_url() else { return Ok(None) };
        let page = match self.request(&url).await {
            Ok(answer) => self.take(answer),
            // Many servers know no page behind the last one, not even an empty one.
            Err(HttpError::Status { status: StatusCode::NOT_FOUND, .. })
                if self.walk.may_be_past_the_end() =>
            {
                Ok(self.page(Vec::new(), Vec::new(), Next::Unsaid))
            }
            Err(error) => Err(error),
        };
        if page.is_err() {
            self.walk.stop();
        }
        page.map(Some)
    }

    /// The page that an answer is.
    fn take(&mut self, answer: Answer) -> Result<Page, HttpError> {
        let Answer { url, status, headers, body } = answer;
        let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
        let document = if bodiless { None } else { Some(Document::parse(&body)?) };
        let records = match &document {
            Some(document) => document.records(self.records_path.as_ref())?,
            None => Vec::new(),
        };
        let next = match next_page(&self.pagination, &url, &headers, document.as_ref()) {
            Ok(Next::Link(Some(url))) => Next::Link(Some(self.authenticator.strip(&url))),
            Ok(next) => next,
            Err(Unknown::Split(error)) => return Err(error.into()),
            Err(Unknown::Next(error)) => return Err(error.into()),
        };
        Ok(self.page(body, records, next))
    }

    /// Moves the walk behind a page and hands the page out.
    fn page(&mut self, body: Vec<u8>, records: Vec<std::ops::Range<usize>>, next: Next) -> Page {
        let index = self.walk.index();
        let changed = self.changes.as_mut().is_none_or(|fingerprints| note(fingerprints, index, &body));
        match self.walk.advance(records.is_empty(), next) {
            Advance::Continues => {}
            Advance::Finished => {
                if let Some(fingerprints) = &mut self.changes {
                    fingerprints.truncate(index.saturating_add(1));
                }
            }
            Advance::Circles => warn!("the pages of the source lead in circles: the run ends here"),
        }
        Page {
            body,
            records: if changed { records } else { Vec::new() },
            fetched_at: self.clock.now(),
            position: self.position(),
        }
    }

    /// What is saved behind the pages handed out so far; none when there is nothing to go on from.
    fn position(&self) -> Option<SourcePosition> {
        if matches!(self.pagination, Pagination::None) && self.changes.is_none() {
            return None;
        }
        let position = HttpPosition {
            source: self.identity,
            at: self.walk.at().clone(),
            fingerprints: self.changes.clone().unwrap_or_default(),
        };
        Some(Position::Http(position).to_saved())
    }

    /// Asks until there is an answer, or no hope of one.
    async fn request(&mut self, url: &Url) -> Result<Answer, HttpError> {
        let mut attempts = Attempts::new(self.retry, self.jitter.split());
        let mut renewed = false;
        loop {
            let error = match self.attempt(url).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if matches!(error, HttpError::Status { status: StatusCode::UNAUTHORIZED, .. }) && !renewed {
                // The credentials may have been rotated a moment ago.
                renewed = true;
                if self.authenticator.renew() {
                    continue;
                }
            }
            let Fault::Passing(cause) = error.fault() else { return Err(error) };
            let Some(pause) = attempts.fail(error.retry_after()) else { return Err(error) };
            warn!(cause, attempt = attempts.failed(), ?pause, %error, "a request failed and is tried again");
            tokio::time::sleep(pause).await;
        }
    }

    /// One attempt, with the redirects it meets.
    async fn attempt(&mut self, url: &Url) -> Result<Answer, HttpError> {
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
            match verdict(response.status) {
                Verdict::Success => {
                    let transport::exchange::Response { status, headers, body } = response;
                    return Ok(Answer { url: hop.url, status, headers, body });
                }
                Verdict::Redirect => hop = hop.follow(response.status, &response.headers)?,
                Verdict::Retry | Verdict::Unauthorized | Verdict::Final => {
                    let retry_after = retry_after(&response.headers, self.clock.now());
                    return Err(HttpError::Status { status: response.status, retry_after });
                }
            }
        }
    }
}
