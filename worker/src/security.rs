//! Mounted credentials and the process-wide TLS provider.

#[cfg(any(feature = "kafka", feature = "cassandra"))]
pub mod credentials;
pub mod tls;
