//! The settings of librdkafka that all clients of a pipeline share: addresses, encryption, authentication, timeouts.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use userstream_crds::model::Kafka;

use crate::log::LogError;
use crate::security::credentials::{CredentialError, Credentials, Sensitive};

/// Why a client was not created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The credentials are missing or unusable.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The client refuses its settings.
    #[error(transparent)]
    Client(#[from] LogError),
}

/// The settings of a client of this cluster with these credentials.
///
/// Certificates and keys are passed as text, never as paths: librdkafka would read the files later than the caller,
/// possibly in the middle of a rotation.
pub fn connection(kafka: &Kafka, credentials: &Credentials) -> ClientConfig {
    let servers: Vec<String> = kafka.bootstrap_servers.iter().map(ToString::to_string).collect();
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers.join(","))
        .set("client.id", "userstream")
        .set("security.protocol", security_protocol(kafka))
        // Topics are provisioned: a misspelled one is an error and not a new topic.
        .set("allow.auto.create.topics", "false")
        // Reconnects within two seconds after a broker is back.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "2000")
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true")
        .set("socket.connection.setup.timeout.ms", "10000")
        // Discovers new partitions and recreated topics within a minute. Consumers set a shorter interval.
        .set("topic.metadata.refresh.interval.ms", "60000")
        // No client telemetry.
        .set("enable.metrics.push", "false");
    if let Some(tls) = &kafka.tls {
        match &credentials.authorities {
            Some(authorities) => config.set("ssl.ca.pem", text(authorities)),
            // OpenSSL is linked statically. `probe` finds the distribution's bundle.
            None => config.set("ssl.ca.location", "probe"),
        };
        if let (Some(_), Some(certificate)) = (&tls.client, &credentials.certificate) {
            config
                .set("ssl.certificate.pem", text(&certificate.chain))
                .set("ssl.key.pem", text(&certificate.key));
        }
    }
    if let (Some(sasl), Some(login)) = (&kafka.sasl, &credentials.login) {
        config
            .set("sasl.mechanism", sasl.mechanism.name())
            .set("sasl.username", &login.username)
            .set("sasl.password", login.password());
    }
    config.set_log_level(RDKafkaLogLevel::Info);
    config
}

fn security_protocol(kafka: &Kafka) -> &'static str {
    match (&kafka.tls, &kafka.sasl) {
        (None, None) => "plaintext",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), None) => "ssl",
        (Some(_), Some(_)) => "sasl_ssl",
    }
}

/// PEM is ASCII. librdkafka refuses a certificate with other bytes.
fn text(pem: &Sensitive) -> String {
    String::from_utf8_lossy(pem.expose()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use userstream_crds::identifier::HostPort;
    use userstream_crds::model::{Compression, KafkaTls, Sasl, SaslMechanism};

    use super::*;
    use crate::security::credentials::{ClientCertificate, Login};

    fn plain() -> Kafka {
        Kafka {
            bootstrap_servers: vec![
                HostPort::parse("one:9092", None).unwrap(),
                HostPort::parse("[::1]:9093", None).unwrap(),
            ],
            tls: None,
            sasl: None,
            compression: Compression::Zstd,
            linger: Duration::from_millis(20),
        }
    }

    fn secured() -> (Kafka, Credentials) {
        let tls = KafkaTls { ca: Some("ca".parse().unwrap()), client: Some("client".parse().unwrap()) };
        let sasl = Sasl { mechanism: SaslMechanism::ScramSha512, secret: "user".parse().unwrap() };
        let credentials = Credentials {
            authorities: Some(Sensitive::new(*b"authorities")),
            certificate: Some(ClientCertificate {
                chain: Sensitive::new(*b"chain"),
                key: Sensitive::new(*b"key"),
            }),
            login: Some(Login { username: "ada".into(), password: Sensitive::new(*b"lovelace") }),
        };
        (Kafka { tls: Some(tls), sasl: Some(sasl), ..plain() }, credentials)
    }

    #[test]
    fn every_bootstrap_server_is_set() {
        let config = connection(&plain(), &Credentials::default());
        assert_eq!(config.get("bootstrap.servers"), Some("one:9092,[::1]:9093"));
        assert_eq!(config.get("security.protocol"), Some("plaintext"));
    }

    #[test]
    fn certificates_and_passwords_reach_the_client_unchanged() {
        let (kafka, credentials) = secured();
        let config = connection(&kafka, &credentials);
        for (setting, value) in [
            ("security.protocol", "sasl_ssl"),
            ("ssl.ca.pem", "authorities"),
            ("ssl.certificate.pem", "chain"),
            ("ssl.key.pem", "key"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "ada"),
            ("sasl.password", "lovelace"),
        ] {
            assert_eq!(config.get(setting), Some(value), "{setting}");
        }
    }

    #[test]
    fn public_authorities_are_trusted_by_default() {
        let (mut kafka, mut credentials) = secured();
        kafka.tls = Some(KafkaTls { ca: None, client: None });
        credentials.authorities = None;
        let config = connection(&kafka, &credentials);
        assert_eq!(config.get("ssl.ca.location"), Some("probe"));
        assert_eq!(config.get("ssl.certificate.pem"), None);
    }

    #[test]
    fn host_names_of_brokers_are_verified() {
        let (kafka, credentials) = secured();
        let config = connection(&kafka, &credentials);
        for setting in ["ssl.endpoint.identification.algorithm", "enable.ssl.certificate.verification"] {
            assert_eq!(config.get(setting), None, "{setting} must stay at its safe default");
        }
    }

    #[test]
    fn librdkafka_accepts_every_setting() {
        let config = connection(&plain(), &Credentials::default());
        let client: Result<rdkafka::producer::BaseProducer, _> = config.create();
        assert!(client.is_ok(), "{:?}", client.err());
    }
}
