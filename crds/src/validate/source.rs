//! `spec.source`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use url::Url;

use crate::model::{
    ApiKeyPlacement, Cadence, Generator, HttpAuth, HttpSource, Pagination, RateLimit, Retry, Schedule,
    Source, SourceKind,
};
use crate::resource::source::{
    AuthSpec, AuthType, GeneratorSpec, HttpMethod, HttpSpec, PaginationSpec, PaginationType, RateLimitSpec,
    RetrySpec, ScheduleSpec, SourceMode, SourceSpec,
};
use crate::rules;
use crate::scalar::field_path::FieldPath;
use crate::scalar::record_path::RecordPath;

use super::violations::{Found, Violations};

const HTTP: &str = "spec.source.http";
const LARGEST_RESPONSE: u64 = 1 << 30;

pub(super) fn build(source: Option<&SourceSpec>, violations: &mut Violations) -> Option<Option<Source>> {
    let Some(source) = source else { return Some(None) };
    let (kind, interval) = match (&source.http, &source.generator) {
        (Some(http), None) => {
            let interval =
                http.interval.map(|interval| violations.positive(format!("{HTTP}.interval"), interval));
            (self::http(http, violations).map(|http| SourceKind::Http(Box::new(http))), interval)
        }
        (None, Some(generator)) => {
            let interval = violations.positive("spec.source.generator.interval", generator.interval);
            (self::generator(generator, violations).map(SourceKind::Generator), Some(interval))
        }
        (Some(_), Some(_)) | (None, None) => {
            violations.refuse("spec.source", &rules::ONE_SOURCE);
            (None, None)
        }
    };
    // Validated even where it is not used, as in the API server.
    let schedule = source.schedule.as_ref().map(|schedule| self::schedule(schedule, violations));
    let cadence = match (source.mode, schedule, interval) {
        (SourceMode::Continuous, _, Some(interval)) => {
            interval.map(|interval| Cadence::Continuous { interval })
        }
        (SourceMode::Continuous, _, None) => {
            // Without http and generator another rule is broken.
            if source.http.is_some() && source.generator.is_none() {
                violations.refuse(HTTP, &rules::CONTINUOUS_NEEDS_INTERVAL);
            }
            None
        }
        (SourceMode::Scheduled, Some(schedule), _) => schedule.map(Cadence::Scheduled),
        (SourceMode::Scheduled, None, _) => {
            violations.refuse("spec.source", &rules::SCHEDULED_NEEDS_CRON);
            None
        }
    };
    Some(Some(Source { cadence: cadence?, kind: kind?, trigger_nonce: source.trigger_nonce }))
}

fn schedule(schedule: &ScheduleSpec, violations: &mut Violations) -> Option<Schedule> {
    let at = |field: &str| format!("spec.source.schedule.{field}");
    let deadline =
        violations.number::<i64, u64>(&at("startingDeadlineSeconds"), schedule.starting_deadline_seconds);
    let successful =
        violations.number(at("successfulJobsHistoryLimit"), schedule.successful_jobs_history_limit);
    let failed = violations.number(at("failedJobsHistoryLimit"), schedule.failed_jobs_history_limit);
    let cron = violations.take(at("cron"), &rules::CRON, schedule.cron.parse());
    // Kubernetes accepts a name only in the spelling of the database.
    let time_zone =
        TimeZone::get(&schedule.time_zone).ok().filter(|zone| zone.iana_name() == Some(&schedule.time_zone));
    if time_zone.is_none() {
        violations.refuse_because(at("timeZone"), &rules::TIME_ZONE, Found(&schedule.time_zone));
    }
    Some(Schedule {
        cron: cron?,
        time_zone: time_zone?,
        concurrency_policy: schedule.concurrency_policy,
        starting_deadline: Duration::from_secs(deadline?),
        successful_jobs_history_limit: successful?,
        failed_jobs_history_limit: failed?,
    })
}

fn generator(generator: &GeneratorSpec, violations: &mut Violations) -> Option<Generator> {
    let records = violations
        .positive_number("spec.source.generator.recordsPerInterval", generator.records_per_interval)?;
    Some(Generator { seed: generator.seed, records_per_interval: records })
}

fn http(http: &HttpSpec, violations: &mut Violations) -> Option<HttpSource> {
    let at = |field: &str| format!("{HTTP}.{field}");
    let url = url(&at("url"), &http.url, violations);
    violations.require(
        http.body.is_none() || http.method == HttpMethod::Post,
        at("body"),
        &rules::BODY_NEEDS_POST,
    );
    let headers = headers(http, violations);
    let timeout = violations.positive(at("timeout"), http.timeout);
    violations.require(
        (1..=LARGEST_RESPONSE).contains(&http.max_response_bytes.get()),
        at("maxResponseBytes"),
        &rules::RESPONSE_BYTES,
    );
    let records_path =
        http.records_path.as_deref().map(|path| record_path(&at("recordsPath"), path, violations));
    let pagination = pagination(&http.pagination, &http.query, violations);
    let auth = auth(&http.auth, &http.query, violations);
    let ca = violations
        .secret(&at("tls.caSecretRef"), http.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref()));
    let rate_limit = rate_limit(&http.rate_limit, violations);
    let retry = retry(&http.retry, violations);
    Some(HttpSource {
        url: url?,
        method: http.method,
        body: http.body.clone(),
        query: http.query.clone(),
        headers,
        timeout: timeout?,
        max_response_bytes: http.max_response_bytes.get(),
        records_path: match records_path {
            None => None,
            Some(path) => Some(path?),
        },
        pagination: pagination?,
        emit: http.emit,
        auth: auth?,
        ca: ca?,
        rate_limit: rate_limit?,
        retry: retry?,
    })
}

/// An http or https URL without credentials and fragment.
fn url(path: &str, text: &str, violations: &mut Violations) -> Option<Url> {
    let url = violations.take(path, &rules::URL, text.parse::<Url>())?;
    let fits = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    // The message does not repeat the text, which may contain a password.
    violations.require(fits, path, &rules::URL).then_some(url)
}

fn record_path(path: &str, text: &str, violations: &mut Violations) -> Option<RecordPath> {
    violations.take(path, &rules::RECORD_PATH, text.parse())
}

/// The names of headers that frame a request or choose its connection. A value of the user's would contradict what is
/// sent, or address another host behind the same server.
const FRAMING_HEADERS: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a request may have a header of this name.
fn header_name(name: &str, path: &FieldPath, violations: &mut Violations) -> bool {
    let is_framing = FRAMING_HEADERS.contains(&name.to_ascii_lowercase().as_str());
    violations.require(is_header_name(name), path, &rules::HEADER)
        && violations.require(!is_framing, path, &rules::NO_FRAMING_HEADERS)
}

fn headers(http: &HttpSpec, violations: &mut Violations) -> BTreeMap<String, String> {
    for (name, value) in &http.headers {
        let path = FieldPath::from(HTTP).property("headers").key(name);
        let is_visible = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t');
        if header_name(name, &path, violations) && violations.require(is_visible, &path, &rules::HEADER) {
            let lower = name.to_ascii_lowercase();
            let secret = ["authorization", "proxy-authorization", "cookie"].contains(&lower.as_str());
            violations.require(!secret, path, &rules::NO_CREDENTIALS_IN_HEADERS);
        }
    }
    http.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn pagination(
    pagination: &PaginationSpec,
    query: &BTreeMap<String, String>,
    violations: &mut Violations,
) -> Option<Pagination> {
    let path = format!("{HTTP}.pagination");
    let max_pages = violations.positive_number(format!("{path}.maxPages"), pagination.max_pages);
    let first: Option<u64> = violations.number(format!("{path}.first"), pagination.first);
    let needs_parameter = matches!(pagination.kind, PaginationType::Page | PaginationType::Cursor);
    if let Some(parameter) = pagination.parameter.as_ref().filter(|_| needs_parameter) {
        violations.require(
            !query.contains_key(parameter),
            FieldPath::from(HTTP).property("query").key(parameter),
            &rules::PARAMETER_NOT_IN_QUERY,
        );
    }
    match (pagination.kind, &pagination.parameter, &pagination.path) {
        (PaginationType::None, ..) => Some(Pagination::None),
        (PaginationType::Link, ..) => Some(Pagination::Link { max_pages: max_pages? }),
        (PaginationType::Page, Some(parameter), _) => {
            Some(Pagination::Page { parameter: parameter.clone(), first: first?, max_pages: max_pages? })
        }
        (PaginationType::Page, None, _) => {
            violations.refuse(path, &rules::PAGE_NEEDS_PARAMETER);
            None
        }
        (PaginationType::Cursor, Some(parameter), Some(cursor)) => {
            let cursor = record_path(&format!("{path}.path"), cursor, violations)?;
            Some(Pagination::Cursor { parameter: parameter.clone(), path: cursor, max_pages: max_pages? })
        }
        (PaginationType::Cursor, ..) => {
            violations.refuse(path, &rules::CURSOR_NEEDS_PARAMETER_AND_PATH);
            None
        }
    }
}

fn auth(auth: &AuthSpec, query: &BTreeMap<String, String>, violations: &mut Violations) -> Option<HttpAuth> {
    let path = format!("{HTTP}.auth");
    if auth.kind == AuthType::None {
        return Some(HttpAuth::None);
    }
    let Some(reference) = &auth.secret_ref else {
        violations.refuse(path, &rules::AUTH_NEEDS_SECRET);
        return None;
    };
    let secret = violations.secret(&format!("{path}.secretRef"), Some(reference))??;
    match auth.kind {
        AuthType::None => Some(HttpAuth::None),
        AuthType::Basic => Some(HttpAuth::Basic(secret)),
        AuthType::Bearer => Some(HttpAuth::Bearer(secret)),
        AuthType::ApiKey => {
            let placement = placement(auth, query, &path, violations)?;
            Some(HttpAuth::ApiKey { secret, placement })
        }
        AuthType::OAuth2 => {
            let Some(token_url) = &auth.token_url else {
                violations.refuse(path, &rules::OAUTH2_NEEDS_TOKEN_URL);
                return None;
            };
            let token_url = url(&format!("{path}.tokenUrl"), token_url, violations)?;
            Some(HttpAuth::OAuth2 { secret, token_url, scopes: auth.scopes.clone() })
        }
    }
}

fn placement(
    auth: &AuthSpec,
    query: &BTreeMap<String, String>,
    path: &str,
    violations: &mut Violations,
) -> Option<ApiKeyPlacement> {
    match (&auth.header, &auth.query_parameter) {
        (Some(header), None) => header_name(header, &format!("{path}.header").into(), violations)
            .then(|| ApiKeyPlacement::Header(header.to_ascii_lowercase())),
        (None, Some(parameter)) => violations
            .require(
                !query.contains_key(parameter),
                FieldPath::from(HTTP).property("query").key(parameter),
                &rules::PARAMETER_NOT_IN_QUERY,
            )
            .then(|| ApiKeyPlacement::Query(parameter.clone())),
        (Some(_), Some(_)) | (None, None) => {
            violations.refuse(path, &rules::API_KEY_PLACEMENT);
            None
        }
    }
}

fn rate_limit(limit: &RateLimitSpec, violations: &mut Violations) -> Option<RateLimit> {
    let requests = violations.positive_number(format!("{HTTP}.rateLimit.requests"), limit.requests);
    let per = violations.positive(format!("{HTTP}.rateLimit.per"), limit.per);
    Some(RateLimit { requests: requests?, per: per? })
}

fn retry(retry: &RetrySpec, violations: &mut Violations) -> Option<Retry> {
    let path = format!("{HTTP}.retry");
    let max_attempts = violations.positive_number(format!("{path}.maxAttempts"), retry.max_attempts);
    let initial_backoff = violations.positive(format!("{path}.initialBackoff"), retry.initial_backoff);
    violations.require(
        retry.initial_backoff <= retry.max_backoff,
        format!("{path}.initialBackoff"),
        &rules::BACKOFF_ORDER,
    );
    Some(Retry {
        max_attempts: max_attempts?,
        initial_backoff: initial_backoff?,
        max_backoff: retry.max_backoff.get(),
    })
}
