//! The hops of a request: the first URL, then the target of each redirect.
//!
//! Redirects are followed here and not by the client: every hop is checked like the first URL, and credentials must not
//! be sent to another origin.

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};
use url::Url;

use super::url_guard::same_origin;

/// How many redirects one request follows.
const MAX_REDIRECTS: u32 = 5;

/// Why a redirect, or the address of a next page, is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectError {
    /// A longer chain than a request follows.
    #[error("there are more than {MAX_REDIRECTS} redirects")]
    TooMany,
    /// No `Location`, or one that is not a URL.
    #[error("a redirect has no valid Location")]
    Location,
    /// From https to http, where the network can read and modify the request.
    #[error("a redirect or link leads from https to http")]
    Downgrade,
}

/// One hop of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hop {
    /// The URL to request.
    pub(crate) url: Url,
    /// The method; a redirect may turn POST into GET.
    pub(crate) method: Method,
    /// Whether every hop so far has the configured origin, so that credentials and configured headers may be sent.
    pub(crate) trusted: bool,
    redirects: u32,
}

impl Hop {
    /// The first hop of a request to a URL, for a source configured with the address `origin`.
    pub(crate) fn first(origin: &Url, url: Url, method: Method) -> Result<Self, RedirectError> {
        refuse_downgrade(origin, &url)?;
        Ok(Self { trusted: same_origin(origin, &url), url, method, redirects: 0 })
    }

    /// The hop that a redirect leads to.
    pub(crate) fn follow(self, status: StatusCode, headers: &HeaderMap) -> Result<Self, RedirectError> {
        if self.redirects == MAX_REDIRECTS {
            return Err(RedirectError::TooMany);
        }
        let location = headers.get(LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let mut url =
            location.and_then(|location| self.url.join(location).ok()).ok_or(RedirectError::Location)?;
        url.set_fragment(None);
        refuse_downgrade(&self.url, &url)?;
        // RFC 9110: clients change POST to GET on 301 and 302; 307 and 308 keep the method.
        let keeps_method = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        Ok(Self {
            trusted: self.trusted && same_origin(&self.url, &url),
            method: if keeps_method { self.method } else { Method::GET },
            url,
            redirects: self.redirects + 1,
        })
    }
}

fn refuse_downgrade(from: &Url, to: &Url) -> Result<(), RedirectError> {
    if from.scheme() == "https" && to.scheme() == "http" { Err(RedirectError::Downgrade) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn first(method: Method) -> Hop {
        let origin = url("https://api.example.com/users");
        Hop::first(&origin, url("https://api.example.com/users?page=1"), method).unwrap()
    }

    fn follow(hop: Hop, status: u16, location: &[u8]) -> Result<Hop, RedirectError> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_bytes(location).unwrap());
        hop.follow(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn location_is_resolved_against_the_redirecting_hop() {
        for (location, expected) in [
            ("/v2/users", "https://api.example.com/v2/users"),
            ("?page=2#part", "https://api.example.com/users?page=2"),
            ("//cdn.example.com/u", "https://cdn.example.com/u"),
            ("https://other.example/ü", "https://other.example/%C3%BC"),
        ] {
            let hop = follow(first(Method::GET), 302, location.as_bytes()).unwrap();
            assert_eq!(hop.url.as_str(), expected);
        }
    }

    #[test]
    fn trust_ends_at_another_origin_and_is_not_regained() {
        let same = follow(first(Method::GET), 302, b"/v2").unwrap();
        assert!(same.trusted);
        for location in
            ["https://example.com/", "https://api.example.com:8443/", "https://api.example.com.evil.example"]
        {
            let away = follow(same.clone(), 302, location.as_bytes()).unwrap();
            assert!(!away.trusted, "{location}");
            let back = follow(away, 302, b"https://api.example.com/users").unwrap();
            assert!(!back.trusted, "{location} and back");
        }
    }

    #[test]
    fn link_to_another_origin_is_not_trusted() {
        let origin = url("https://api.example.com/users");
        assert!(!Hop::first(&origin, url("https://evil.example/users"), Method::GET).unwrap().trusted);
        let downgraded = Hop::first(&origin, url("http://api.example.com/users"), Method::GET);
        assert_eq!(downgraded, Err(RedirectError::Downgrade));
    }

    #[test]
    fn only_307_and_308_keep_the_method() {
        for (status, expected) in [
            (301, Method::GET),
            (302, Method::GET),
            (303, Method::GET),
            (307, Method::POST),
            (308, Method::POST),
        ] {
            assert_eq!(follow(first(Method::POST), status, b"/v2").unwrap().method, expected, "{status}");
        }
    }

    #[test]
    fn downgrades_and_invalid_locations_are_refused() {
        assert_eq!(
            follow(first(Method::GET), 302, b"http://api.example.com/users"),
            Err(RedirectError::Downgrade)
        );
        for location in [&b"http://"[..], b"https://[::1/", b"https://a b/", b"\xff"] {
            assert_eq!(
                follow(first(Method::GET), 302, location),
                Err(RedirectError::Location),
                "{location:?}"
            );
        }
        let nowhere = first(Method::GET).follow(StatusCode::FOUND, &HeaderMap::new());
        assert_eq!(nowhere, Err(RedirectError::Location));
    }

    #[test]
    fn at_most_five_redirects_are_followed() {
        let mut hop = first(Method::GET);
        for _ in 0..5 {
            hop = follow(hop, 302, b"/again").unwrap();
        }
        assert_eq!(follow(hop, 302, b"/again"), Err(RedirectError::TooMany));
    }
}
