//! The TLS implementation of the worker: rustls with ring.

/// Installs ring as the process-wide crypto provider. Further calls have no effect.
///
/// Clients that build their own TLS configuration panic without a process-wide provider.
pub fn install_crypto_provider() {
    // The only error is that a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
