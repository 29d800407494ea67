//! Resolves host names to the addresses that may be dialled.
//!
//! The client connects to exactly the addresses that this resolver returns and never resolves a name a second time,
//! which defeats DNS rebinding.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressPolicy, ForbiddenAddress};

/// Filters the addresses of another resolver by a policy.
pub(crate) struct FilteringResolver {
    inner: Arc<dyn Resolve>,
    policy: Arc<AddressPolicy>,
}

/// Why a name has no address to dial. The transport reads it from the source chain of the client's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResolveError {
    /// The name does not resolve now.
    #[error("the host name does not resolve")]
    NotFound,
    /// The name resolves to forbidden addresses only.
    #[error("the host name resolves to forbidden addresses only: {0}")]
    Forbidden(#[from] ForbiddenAddress),
}

impl FilteringResolver {
    /// Filters the addresses of `inner`.
    pub(crate) fn new(inner: Arc<dyn Resolve>, policy: Arc<AddressPolicy>) -> Self {
        Self { inner, policy }
    }
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let lookup = self.inner.resolve(name);
        Box::pin(async move {
            let addresses = lookup.await.map_err(|_| ResolveError::NotFound)?;
            let allowed = allowed(&policy, addresses)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The addresses that may be dialled; an error when there is none.
fn allowed(
    policy: &AddressPolicy,
    addresses: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let mut refused = None;
    let mut allowed = Vec::new();
    for address in addresses {
        match policy.check(address.ip()) {
            Ok(()) => allowed.push(address),
            Err(reason) => refused = refused.or(Some(reason)),
        }
    }
    match refused {
        Some(reason) if allowed.is_empty() => Err(reason.into()),
        None if allowed.is_empty() => Err(ResolveError::NotFound),
        _ => Ok(allowed),
    }
}

/// The system's resolver, which applies `/etc/hosts` and the cluster's search domains.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client replaces the port 0 by the one of the URL.
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?.collect::<Vec<_>>();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    fn allow(texts: &[&str]) -> Result<Vec<SocketAddr>, ResolveError> {
        allowed(&AddressPolicy::default(), addresses(texts).into_iter())
    }

    #[test]
    fn only_allowed_addresses_of_a_mixed_answer_are_dialled() {
        assert_eq!(allow(&["127.0.0.1", "8.8.8.8", "fd00::1"]), Ok(addresses(&["8.8.8.8"])));
    }

    #[test]
    fn forbidden_answer_is_an_error_that_names_its_first_address() {
        let forbidden = allow(&["10.0.0.1", "169.254.169.254"]);
        assert_eq!(forbidden, Err(ForbiddenAddress::Private("10.0.0.1".parse().unwrap()).into()));
    }

    #[test]
    fn empty_answer_is_a_name_that_does_not_resolve() {
        assert_eq!(allow(&[]), Err(ResolveError::NotFound));
    }

    #[tokio::test]
    async fn system_resolver_resolves_localhost() {
        let found = SystemResolver.resolve("localhost".parse().unwrap()).await.ok().unwrap();
        assert!(found.map(|address| address.ip()).all(|address| address.is_loopback()));
    }
}
