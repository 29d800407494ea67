//! What the operator remembers of a pipeline between two looks at it. Nothing that matters is lost with it: after a restart
//! it is found out again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Resource, ResourceExt};
use userstream_crds::claims::{Claim, claims};
use userstream_crds::{Pipeline, UserStreamPipeline, Violation, validate};

use crate::diff::expectations::Expectations;
use crate::model::configuration::Configuration;
use crate::runtime::queue::pace::Pace;
use crate::runtime::queue::workqueue::Trigger;
use crate::status::{LASTING, LASTING_LONG, UNHURRIED, Urgency};

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);

/// What a person can change of a resource: the generation of its spec, its annotations by their hash, and whether it is being
/// deleted. A change is looked at at once, however long the pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version(Option<i64>, String, bool);

impl Version {
    pub(crate) fn of(resource: &impl Resource) -> Self {
        let metadata = resource.meta();
        let annotations = format!("{:?}", metadata.annotations);
        Self(
            metadata.generation,
            crate::model::hash::short(annotations.as_bytes()),
            metadata.deletion_timestamp.is_some(),
        )
    }
}

/// The model of a spec, or what is wrong with it.
pub(crate) type Validated = Result<Pipeline, Vec<Violation>>;

/// A look came to its end: it is waited for news, and for a time if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Requeue {
    /// When the pipeline is looked at again, whatever happens until then.
    pub(crate) until: Option<Timestamp>,
}

/// What a pipeline does whose turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextAction {
    /// It is looked at.
    Reconcile,
    /// The last look came to its end, and nothing has happened since but what it foresaw.
    Skip(Requeue),
    /// What was written last is still on its way.
    AwaitCaches,
}

/// What is remembered of one pipeline.
#[derive(Debug, Default)]
pub(crate) struct ReconcileState {
    /// The last spec that was validated: its generation, and what came of it.
    validated: Option<(Option<i64>, Arc<Validated>)>,
    /// The names of the configurations whose claims were noted last. What has a name never changes.
    configurations: Option<Vec<String>>,
    /// Writes that the caches have not seen yet.
    pub(crate) expectations: Expectations,
    /// What the last look left to wait for; `None` when it did not come to its end.
    rest: Option<Requeue>,
    /// Since when fewer processors would do.
    pub(crate) low_since: Option<Timestamp>,
    /// When its status was last written.
    told: Option<Timestamp>,
    /// Since when it is another than is written.
    untold: Option<Timestamp>,
    /// When its numbers are written, of which there are new ones.
    turn: Option<Timestamp>,
    /// How many times in a row it went wrong.
    failures: u32,
    /// Until when it is not tried again, and for which version of the resource that holds.
    pause: Option<(Timestamp, Version)>,
    /// What was last told of a resource that cannot be read.
    pub(crate) told_undecodable: Option<String>,
    /// The pauses are spread by this, so that pipelines that fail together do not come back together.
    spread: u64,
}

impl ReconcileState {
    /// The model of the spec. A spec is validated once.
    pub(crate) fn validate(&mut self, resource: &UserStreamPipeline) -> Arc<Validated> {
        let generation = resource.metadata.generation;
        if let Some(known) = self.validated(generation) {
            return known;
        }
        let fresh = Arc::new(validate(resource));
        self.validated = Some((generation, fresh.clone()));
        fresh
    }

    /// What came of the spec of this generation, if it was validated.
    pub(crate) fn validated(&self, generation: Option<i64>) -> Option<Arc<Validated>> {
        let (of, known) = self.validated.as_ref()?;
        (*of == generation && generation.is_some()).then(|| known.clone())
    }

    /// What a pipeline works with that has these configurations, unless that was noted already. There is one as long as anything
    /// uses it.
    pub(crate) fn used(&mut self, config_maps: &[Arc<ConfigMap>]) -> Option<Vec<Claim>> {
        let names: Vec<String> = config_maps.iter().map(|it| it.name_any()).collect();
        if self.configurations.as_ref() == Some(&names) {
            return None;
        }
        self.configurations = Some(names);
        let read = config_maps.iter().filter_map(|it| Configuration::read(it));
        Some(read.flat_map(|configuration| claims(&configuration.pipeline)).collect())
    }

    /// A pipeline's turn has come, for these causes. None for its time.
    pub(crate) fn wake(&mut self, causes: &[Trigger], now: Timestamp) -> NextAction {
        let shown = || {
            causes.iter().filter_map(|cause| match cause {
                Trigger::Changed => None,
                Trigger::Observed(what, version) => Some((what, version)),
            })
        };
        let foreseen = shown().filter(|(what, version)| self.expectations.foresaw(what, version)).count();
        let is_time = |rest: &Requeue| causes.is_empty() || rest.until.is_some_and(|until| until <= now);
        self.rest = self.rest.take().filter(|rest| foreseen == causes.len() && !is_time(rest));
        shown().for_each(|(what, version)| self.expectations.show(what, version));
        match self.rest {
            Some(rest) => NextAction::Skip(rest),
            // The watch that shows it has it looked at again. For its time alone it is looked what the caches have.
            None if !causes.is_empty() && self.expectations.are_open(now) => NextAction::AwaitCaches,
            None => NextAction::Reconcile,
        }
    }

    /// The status is as it is written.
    pub(crate) fn told_it_is_now(&mut self) {
        (self.untold, self.turn) = (None, None);
    }

    /// The status is written.
    pub(crate) fn tells(&mut self, now: Timestamp) {
        (self.told, self.untold, self.turn) = (Some(now), None, None);
    }

    /// When a status that is another than is written is to be, while more pipelines wait for their turn or not; `None`: now.
    pub(crate) fn tells_at(
        &mut self,
        urgency: Urgency,
        others_wait: bool,
        pace: &Pace,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let since = *self.untold.get_or_insert(now);
        let unhurried = self.told.map(|told| told + UNHURRIED);
        let at = match urgency {
            Urgency::Now => None,
            Urgency::WhenItLasts if others_wait => Some(since + LASTING_LONG),
            Urgency::WhenItLasts => Some(since + LASTING),
            Urgency::Unhurried => unhurried,
            Urgency::Numbers => {
                let turn = || pace.turn(unhurried.map_or(now, |at| at.max(now)));
                Some(*self.turn.get_or_insert_with(turn))
            }
        };
        at.filter(|at| *at > now)
    }

    /// A look has come to its end.
    pub(crate) fn rests(&mut self, rest: Requeue) {
        self.rest = Some(rest);
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.pause = None;
    }

    /// How long the pause after a failure still is. What happens meanwhile does not shorten it, but for an edit: a write that
    /// is refused would otherwise be tried again with everything that moves.
    pub(crate) fn pause(&self, version: &Version, now: Timestamp) -> Option<Duration> {
        let (until, _) = self.pause.as_ref().filter(|(_, of)| of == version)?;
        Duration::try_from(until.duration_since(now)).ok().filter(|left| !left.is_zero())
    }

    /// Notes a failure.
    pub(crate) fn failed(&mut self, version: Version, now: Timestamp) {
        let pause = self.next_pause();
        let until = SignedDuration::try_from(pause).ok().and_then(|pause| now.checked_add(pause).ok());
        self.pause = until.map(|until| (until, version));
    }

    /// The pause before the next attempt: it doubles, and is shortened by up to a quarter.
    fn next_pause(&mut self) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        // A step of a linear congruential generator: evenly spread is all that it has to be.
        self.spread =
            self.spread.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let percent = u32::try_from(self.spread >> 33).unwrap_or_default() % 26;
        doubled.min(LAST_RETRY) * (100 - percent) / 100
    }
}

/// What is remembered of all pipelines, by their UID.
#[derive(Debug, Default)]
pub(crate) struct ReconcileStates(Mutex<HashMap<String, Arc<Mutex<ReconcileState>>>>);

impl ReconcileStates {
    pub(crate) fn of(&self, uid: &str) -> Arc<Mutex<ReconcileState>> {
        let fresh = || {
            let spread = uid.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
            Arc::new(Mutex::new(ReconcileState { spread, ..ReconcileState::default() }))
        };
        lock(&self.0).entry(uid.to_owned()).or_insert_with(fresh).clone()
    }

    /// Forgets the pipelines that are no more.
    pub(crate) fn forget(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }
}

/// The value behind a lock, whatever became of whoever held it before: none of these is ever half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::expectations::ObjectKey;

    #[test]
    fn pauses_grow_to_five_minutes_and_start_again_after_a_success() {
        let mut memory = ReconcileState::default();
        let pauses: Vec<Duration> = (0..40).map(|_| memory.next_pause()).collect();
        for (index, pause) in pauses.iter().enumerate() {
            let full = FIRST_RETRY
                .saturating_mul(1u32.checked_shl(index.try_into().unwrap()).unwrap_or(u32::MAX))
                .min(LAST_RETRY);
            assert!(*pause <= full && *pause >= full * 3 / 4, "{index}: {pause:?} of {full:?}");
        }
        memory.succeeded();
        assert!(memory.next_pause() <= FIRST_RETRY);
    }

    #[test]
    fn a_look_that_ended_foresees_what_it_wrote_and_nothing_else() {
        let now = Timestamp::constant(1_800_000_000, 0);
        let shown = |version: &str| Trigger::Observed(ObjectKey::Pipeline, version.to_owned());
        let rest = Requeue { until: Some(now + SignedDuration::from_secs(5)) };
        let after_a_look = || {
            let mut memory = ReconcileState::default();
            memory.expectations.foresee(ObjectKey::Pipeline, Some("7".to_owned()), now);
            memory.rests(rest);
            memory
        };
        assert_eq!(after_a_look().wake(&[shown("7")], now), NextAction::Skip(rest));
        for causes in
            [vec![], vec![shown("8")], vec![shown("7"), shown("8")], vec![shown("7"), Trigger::Changed]]
        {
            assert_eq!(after_a_look().wake(&causes, now), NextAction::Reconcile, "{causes:?}");
        }
        assert_eq!(
            after_a_look().wake(&[shown("7")], rest.until.unwrap()),
            NextAction::Reconcile,
            "its time has come"
        );
        let mut memory = after_a_look();
        assert_eq!(memory.wake(&[Trigger::Changed], now), NextAction::AwaitCaches);
        assert_eq!(memory.wake(&[shown("6")], now), NextAction::AwaitCaches);
        assert_eq!(memory.wake(&[shown("7")], now), NextAction::Reconcile, "for the news before");
        assert_eq!(
            memory.wake(&[shown("7")], now),
            NextAction::Reconcile,
            "that one has not come to its end"
        );
    }

    #[test]
    fn a_step_that_is_over_before_it_has_lasted_is_not_told() {
        let start = Timestamp::constant(1_800_000_000, 0);
        let at = |milliseconds| start + SignedDuration::from_millis(milliseconds);
        let (mut memory, pace) = (ReconcileState::default(), Pace::default());
        memory.tells(start);
        assert_eq!(memory.tells_at(Urgency::WhenItLasts, false, &pace, at(7_000)), Some(at(8_000)));
        assert_eq!(
            memory.tells_at(Urgency::WhenItLasts, false, &pace, at(7_600)),
            Some(at(8_000)),
            "since it was first another"
        );
        assert_eq!(memory.tells_at(Urgency::Now, false, &pace, at(7_700)), None);
        memory.tells(at(7_700));
        assert_eq!(memory.tells_at(Urgency::WhenItLasts, false, &pace, at(7_800)), Some(at(8_800)));
        assert_eq!(
            memory.tells_at(Urgency::WhenItLasts, true, &pace, at(7_900)),
            Some(at(17_800)),
            "while others wait it has to last longer"
        );
        memory.told_it_is_now();
        assert_eq!(
            memory.tells_at(Urgency::WhenItLasts, false, &pace, at(8_700)),
            Some(at(9_700)),
            "it was as written meanwhile"
        );
        assert_eq!(memory.tells_at(Urgency::WhenItLasts, false, &pace, at(9_700)), None);
        assert_eq!(
            memory.tells_at(Urgency::Unhurried, false, &pace, at(9_800)),
            Some(at(12_700)),
            "five seconds after the last write"
        );
        assert_eq!(memory.tells_at(Urgency::Unhurried, false, &pace, at(12_700)), None);
    }

    #[test]
    fn numbers_alone_wait_for_the_turn_of_their_pipeline_and_keep_it() {
        let now = Timestamp::constant(1_800_000_000, 0);
        let at = |milliseconds| now + SignedDuration::from_millis(milliseconds);
        let (mut first, mut second, pace) =
            (ReconcileState::default(), ReconcileState::default(), Pace::default());
        first.tells(now - SignedDuration::from_secs(60));
        assert_eq!(first.tells_at(Urgency::Numbers, false, &pace, now), None);
        first.tells(now);
        let turn = second.tells_at(Urgency::Numbers, false, &pace, now);
        assert!(turn.is_some_and(|turn| turn > now), "another has just had its turn: {turn:?}");
        assert_eq!(second.tells_at(Urgency::Numbers, false, &pace, at(1)), turn, "it keeps its turn");
        assert_eq!(second.tells_at(Urgency::Unhurried, false, &pace, at(1)), None, "there is more to tell");
        assert_eq!(second.tells_at(Urgency::Numbers, false, &pace, at(1_000)), None);
        assert!(first.tells_at(Urgency::Numbers, false, &pace, at(1_000)) >= Some(at(5_000)));
    }

    #[test]
    fn only_an_edit_cuts_a_pause_short() {
        let now = Timestamp::constant(1_800_000_000, 0);
        let mut resource = k8s_openapi::api::core::v1::ConfigMap::default();
        resource.metadata.generation = Some(1);
        let mut memory = ReconcileState::default();
        assert_eq!(memory.pause(&Version::of(&resource), now), None);
        memory.failed(Version::of(&resource), now);
        resource.metadata.resource_version = Some("2".to_owned());
        let left = memory.pause(&Version::of(&resource), now).unwrap();
        assert!(left <= FIRST_RETRY && !left.is_zero());
        assert_eq!(memory.pause(&Version::of(&resource), now + SignedDuration::from_secs(2)), None);
        let mut edited = resource.clone();
        edited.metadata.generation = Some(2);
        assert_eq!(memory.pause(&Version::of(&edited), now), None);
        edited = resource.clone();
        edited.metadata.annotations =
            Some([("userstream.dev/requested-at".to_owned(), "now".to_owned())].into());
        assert_eq!(memory.pause(&Version::of(&edited), now), None);
        memory.succeeded();
        assert_eq!(memory.pause(&Version::of(&resource), now), None);
    }

    #[test]
    fn pipelines_that_fail_together_do_not_come_back_together() {
        let memories = ReconcileStates::default();
        let pauses: std::collections::BTreeSet<Duration> = (0..20)
            .map(|index| {
                let memory = memories.of(&format!("pipeline {index}"));
                let mut memory = lock(&memory);
                (0..5).map(|_| memory.next_pause()).sum()
            })
            .collect();
        assert!(pauses.len() > 10, "{pauses:?}");
    }
}
