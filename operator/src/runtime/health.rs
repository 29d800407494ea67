//! What the operator misses to do its work, for `/readyz`.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use kube::runtime::watcher::{Error, Event};
use tokio::time::Instant;

use crate::model::text::with_causes;
use crate::runtime::reconcile_state::lock;
use crate::runtime::watch::watches::PIPELINES;

/// How long an interrupted watch counts as interrupted when no more is heard of it. A watch that goes on says so only with its
/// next event, which may be far off; one that does not go on fails again, after a pause of half a minute, or twice that.
const INTERRUPTION: Duration = Duration::from_secs(75);

/// What is missing, by part. Empty when nothing is.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<String, Missing>>);

/// Why something is missing, and since when it is only interrupted: what has been read of it is still known.
#[derive(Debug)]
struct Missing {
    why: String,
    interrupted: Option<Instant>,
}

impl Missing {
    fn holds(&self) -> bool {
        self.interrupted.is_none_or(|since| since.elapsed() < INTERRUPTION)
    }
}

impl Health {
    /// Something is missing.
    pub fn missing(&self, part: &str, why: impl Into<String>) {
        lock(&self.0).insert(part.to_owned(), Missing { why: why.into(), interrupted: None });
    }

    /// It is there (again).
    pub fn present(&self, part: &str) {
        lock(&self.0).remove(part);
    }

    /// What a watch said last. One that was interrupted after its list goes on where it was, and does not list again.
    pub(crate) fn heard<K>(&self, part: &str, event: &Result<Event<K>, Error>) {
        match event {
            Ok(Event::InitDone) => self.present(part),
            // Said before the API server is asked.
            Ok(Event::Init) => {}
            Ok(_) => self.continued(part),
            Err(error) => self.interrupted(part, of_watch(part, error)),
        }
    }

    fn interrupted(&self, part: &str, why: String) {
        let mut lacks = lock(&self.0);
        let unread = lacks.get(part).is_some_and(|lack| lack.interrupted.is_none());
        let interrupted = (!unread).then(Instant::now);
        lacks.insert(part.to_owned(), Missing { why, interrupted });
    }

    fn continued(&self, part: &str) {
        let mut lacks = lock(&self.0);
        if lacks.get(part).is_some_and(|lack| lack.interrupted.is_some()) {
            lacks.remove(part);
        }
    }

    /// Whether all parts with this beginning have been there. Some may be interrupted.
    pub(crate) fn has_had_all(&self, beginning: &str) -> bool {
        !lock(&self.0).iter().any(|(part, lack)| part.starts_with(beginning) && lack.interrupted.is_none())
    }

    /// Everything that is missing, a line each.
    #[must_use]
    pub fn report(&self) -> Vec<String> {
        let mut lacks = lock(&self.0);
        lacks.retain(|_, lack| lack.holds());
        lacks.iter().map(|(part, lack)| format!("{part}: {}", lack.why)).collect()
    }
}

/// What is wrong with a watch, and the way out where there is one.
fn of_watch(part: &str, error: &Error) -> String {
    match error {
        Error::InitialListFailed(kube::Error::Api(status))
            if status.code == 404 && part.contains(PIPELINES) =>
        {
            "the cluster does not have the kind UserStreamPipeline: apply its CustomResourceDefinition"
                .to_owned()
        }
        Error::InitialListFailed(source) | Error::WatchStartFailed(source) | Error::WatchFailed(source)
            if is_silence(source) =>
        {
            explained(source)
        }
        error => error.to_string(),
    }
}

/// What is wrong with a call of the API server.
pub(crate) fn explained(error: &kube::Error) -> String {
    if is_silence(error) {
        format!("the API server does not answer: {}", with_causes(error))
    } else {
        error.to_string()
    }
}

/// Whether the API server could not be reached or broke off.
const fn is_silence(error: &kube::Error) -> bool {
    matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    const JOBS: &str = "watch of jobs";

    fn hears(health: &Health, event: &Result<Event<ConfigMap>, Error>) {
        health.heard(JOBS, event);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interruption_ends_with_the_next_event_of_any_kind() {
        let health = Health::default();
        for event in
            [Event::Apply(ConfigMap::default()), Event::Delete(ConfigMap::default()), Event::InitDone]
        {
            hears(&health, &Err(Error::NoResourceVersion));
            assert_eq!(health.report().len(), 1);
            hears(&health, &Ok(Event::Init));
            assert_eq!(health.report().len(), 1, "the API server has not answered yet");
            hears(&health, &Ok(event));
            assert_eq!(health.report(), Vec::<String>::new());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_interruption_that_is_not_repeated_is_over() {
        let health = Health::default();
        for _ in 0..3 {
            hears(&health, &Err(Error::NoResourceVersion));
            tokio::time::advance(INTERRUPTION - Duration::from_secs(1)).await;
            assert_eq!(health.report().len(), 1);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(health.report(), Vec::<String>::new());
    }

    #[test]
    fn an_api_server_that_does_not_answer_is_named_with_the_innermost_cause() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = Error::WatchStartFailed(kube::Error::Service(refused.into()));
        let said = of_watch(JOBS, &error);
        assert!(
            said.starts_with("the API server does not answer: ") && said.ends_with("connection refused"),
            "{said}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_read_stays_missing_and_what_was_read_counts_as_read_while_interrupted() {
        let health = Health::default();
        health.missing(JOBS, "not read yet");
        hears(&health, &Err(Error::NoResourceVersion));
        hears(&health, &Ok(Event::InitApply(ConfigMap::default())));
        tokio::time::advance(INTERRUPTION * 2).await;
        assert!(!health.has_had_all("watch of "));
        assert_eq!(health.report(), [format!("{JOBS}: {}", Error::NoResourceVersion)]);
        hears(&health, &Ok(Event::InitDone));
        hears(&health, &Err(Error::NoResourceVersion));
        assert!(health.has_had_all("watch of "));
    }
}
