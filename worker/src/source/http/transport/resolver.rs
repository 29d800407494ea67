//! Host names to addresses that may be dialled.
//!
//! The client connects to exactly the addresses this resolver returns and resolves nothing a second time, so a name
//! that answers differently when it is asked again gains nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressPolicy, ForbiddenAddress};

/// Resolves with another resolver and keeps the addresses that may be dialled.
pub(crate) struct GuardedResolver {
    inner: Arc<dyn Resolve>,
    policy: Arc<AddressPolicy>,
}

/// Why a name has no address to dial. Found by the transport in the chain of the client's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResolveError {
    /// The name does not resolve at present.
    #[error("the host name does not resolve")]
    NotFound,
    /// It resolves, but to nothing that may be dialled.
    #[error("the host name resolves to forbidden addresses alone: {0}")]
    Forbidden(#[from] ForbiddenAddress),
}

impl GuardedResolver {
    /// Guards a resolver by a policy.
    pub(crate) fn new(inner: Arc<dyn Resolve>, policy: Arc<AddressPolicy>) -> Self {
        Self { inner, policy }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let resolving = self.inner.resolve(name);
        Box::pin(async move {
            let addresses = resolving.await.map_err(|_| ResolveError::NotFound)?;
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

/// The machine's own resolver, which knows `/etc/hosts` and the cluster's search domains.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the client's to set; 0 says that none is known here.
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
    fn of_a_mixed_answer_only_the_allowed_addresses_are_dialled() {
        assert_eq!(allow(&["127.0.0.1", "8.8.8.8", "fd00::1"]), Ok(addresses(&["8.8.8.8"])));
    }

    #[test]
    fn an_answer_of_forbidden_addresses_alone_is_an_error_that_names_the_first() {
        let forbidden = allow(&["10.0.0.1", "169.254.169.254"]);
        assert_eq!(forbidden, Err(ForbiddenAddress::Private("10.0.0.1".parse().unwrap()).into()));
    }

    #[test]
    fn an_empty_answer_is_a_name_that_does_not_resolve() {
        assert_eq!(allow(&[]), Err(ResolveError::NotFound));
    }

    #[tokio::test]
    async fn the_machines_resolver_knows_localhost() {
        let found = SystemResolver.resolve("localhost".parse().unwrap()).await.ok().unwrap();
        assert!(found.map(|address| address.ip()).all(|address| address.is_loopback()));
    }
}
