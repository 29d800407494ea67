//! The one TLS implementation of the worker: rustls with ring.

/// Makes ring the cryptography of this process, once; further calls change nothing.
///
/// Clients that build their own TLS configuration look for a process-wide provider and would otherwise panic.
pub fn install_crypto_provider() {
    // The only error is that a provider is installed already, which is what was asked for.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
