//! What the operator misses to do its work, for `/readyz`.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use kube::runtime::watcher::{Error, Event};
use tokio::time::Instant;

use super::sync::lock;
use crate::model::kind::PIPELINES;
use crate::model::text::with_causes;

/// How long an interrupted watch counts as missing when it reports nothing more. A watch that has recovered only
/// reports with its next event, which may take hours; one that has not fails again after at most a minute.
const INTERRUPTION: Duration = Duration::from_secs(75);

/// The parts that are missing. Empty when the operator is ready.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<String, Missing>>);

/// Why a part is missing.
#[derive(Debug)]
struct Missing {
    why: String,
    /// Since when the part is only interrupted: what was read of it is still in the store.
    interrupted: Option<Instant>,
}

impl Missing {
    fn is_current(&self) -> bool {
        self.interrupted.is_none_or(|since| since.elapsed() < INTERRUPTION)
    }
}

impl Health {
    /// Records that a part is missing.
    pub fn set_missing(&self, part: &str, why: impl Into<String>) {
        lock(&self.0).insert(part.to_owned(), Missing { why: why.into(), interrupted: None });
    }

    /// Records that a part is present.
    pub fn set_present(&self, part: &str) {
        lock(&self.0).remove(part);
    }

    /// Records an event of a watch. A watch that is interrupted after its list continues without another list.
    pub(crate) fn observe_watch<K>(&self, part: &str, event: &Result<Event<K>, Error>) {
        match event {
            Ok(Event::InitDone) => self.set_present(part),
            // The watcher emits it before it sends the request.
            Ok(Event::Init) => {}
            Ok(_) => self.set_continued(part),
            Err(error) => self.set_interrupted(part, explained_watch_error(part, error)),
        }
    }

    fn set_interrupted(&self, part: &str, why: String) {
        let mut missing = lock(&self.0);
        let is_unsynced = missing.get(part).is_some_and(|missing| missing.interrupted.is_none());
        let interrupted = (!is_unsynced).then(Instant::now);
        missing.insert(part.to_owned(), Missing { why, interrupted });
    }

    fn set_continued(&self, part: &str) {
        let mut missing = lock(&self.0);
        if missing.get(part).is_some_and(|missing| missing.interrupted.is_some()) {
            missing.remove(part);
        }
    }

    /// Whether all parts with this prefix have synced once. Some may be interrupted.
    pub(crate) fn have_synced(&self, prefix: &str) -> bool {
        !lock(&self.0).iter().any(|(part, missing)| part.starts_with(prefix) && missing.interrupted.is_none())
    }

    /// Everything that is missing, one line each.
    #[must_use]
    pub fn report(&self) -> Vec<String> {
        let mut missing = lock(&self.0);
        missing.retain(|_, missing| missing.is_current());
        missing.iter().map(|(part, missing)| format!("{part}: {}", missing.why)).collect()
    }
}

/// What is wrong with a watch, and the way out where there is one.
fn explained_watch_error(part: &str, error: &Error) -> String {
    match error {
        Error::InitialListFailed(kube::Error::Api(status))
            if status.code == 404 && part.contains(PIPELINES) =>
        {
            "the cluster does not have the kind UserStreamPipeline: apply its CustomResourceDefinition"
                .to_owned()
        }
        Error::InitialListFailed(source) | Error::WatchStartFailed(source) | Error::WatchFailed(source)
            if is_unanswered(source) =>
        {
            explained(source)
        }
        error => error.to_string(),
    }
}

/// What is wrong with a call of the API server.
pub(crate) fn explained(error: &kube::Error) -> String {
    if is_unanswered(error) {
        format!("the API server does not answer: {}", with_causes(error))
    } else {
        error.to_string()
    }
}

/// Whether the API server was unreachable, or the connection broke.
const fn is_unanswered(error: &kube::Error) -> bool {
    matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    const JOBS: &str = "watch of jobs";

    fn observe(health: &Health, event: &Result<Event<ConfigMap>, Error>) {
        health.observe_watch(JOBS, event);
    }

    #[tokio::test(start_paused = true)]
    async fn next_event_of_any_kind_ends_an_interruption() {
        let health = Health::default();
        for event in
            [Event::Apply(ConfigMap::default()), Event::Delete(ConfigMap::default()), Event::InitDone]
        {
            observe(&health, &Err(Error::NoResourceVersion));
            assert_eq!(health.report().len(), 1);
            observe(&health, &Ok(Event::Init));
            assert_eq!(health.report().len(), 1, "the API server has not answered yet");
            observe(&health, &Ok(event));
            assert_eq!(health.report(), Vec::<String>::new());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn interruption_that_is_not_repeated_expires() {
        let health = Health::default();
        for _ in 0..3 {
            observe(&health, &Err(Error::NoResourceVersion));
            tokio::time::advance(INTERRUPTION - Duration::from_secs(1)).await;
            assert_eq!(health.report().len(), 1);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(health.report(), Vec::<String>::new());
    }

    #[test]
    fn unreachable_api_server_is_reported_with_its_cause() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = Error::WatchStartFailed(kube::Error::Service(refused.into()));
        let text = explained_watch_error(JOBS, &error);
        assert!(
            text.starts_with("the API server does not answer: ") && text.ends_with("connection refused"),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn interrupted_watch_stays_synced_and_unsynced_stays_missing() {
        let health = Health::default();
        health.set_missing(JOBS, "not synced yet");
        observe(&health, &Err(Error::NoResourceVersion));
        observe(&health, &Ok(Event::InitApply(ConfigMap::default())));
        tokio::time::advance(INTERRUPTION * 2).await;
        assert!(!health.have_synced("watch of "));
        assert_eq!(health.report(), [format!("{JOBS}: {}", Error::NoResourceVersion)]);
        observe(&health, &Ok(Event::InitDone));
        observe(&health, &Err(Error::NoResourceVersion));
        assert!(health.have_synced("watch of "));
    }
}
