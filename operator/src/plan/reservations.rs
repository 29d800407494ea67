//! Who claims what, of all pipelines, and who gets it when several claim the same.
//!
//! Whoever works with something keeps it: no edit of another, and no other that is only seen later, starts a second writer.
//! Of those that could begin the oldest does; a UID decides between two of the same second. One that has to wait for one
//! thing keeps nobody from another. One that is deleted has what it worked with until its workers have ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use userstream_crds::claims::{Claim, Subject};

use crate::model::pipeline_key::PipelineKey;

/// When a pipeline was created; a UID decides between two of the same second.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CreationOrder {
    created: Option<Timestamp>,
    uid: String,
}

impl CreationOrder {
    fn of(metadata: &ObjectMeta) -> Self {
        Self {
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            uid: metadata.uid.clone().unwrap_or_default(),
        }
    }
}

/// A claim that another pipeline has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What both claim.
    pub subject: Subject,
    /// The other pipeline.
    pub holder: PipelineKey,
    /// Why it is that one's.
    pub precedence: Precedence,
}

/// Why something is another pipeline's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// It is the older one.
    Older,
    /// It is the younger one, and worked with it first.
    First,
    /// It is deleted, and its workers have not ended yet.
    Ending,
}

/// What came of a pipeline's wish to begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// What keeps it from beginning; nothing: it may.
    pub conflict: Option<Conflict>,
    /// Who may have waited for what it was admitted to before, and has to give back.
    pub concerned: BTreeSet<PipelineKey>,
}

#[derive(Clone, Debug)]
struct Entry {
    seniority: CreationOrder,
    holder: PipelineKey,
    /// What it claims, by its spec.
    claims: Vec<Arc<Claim>>,
    /// Those of them that it may begin with, or has begun with.
    admitted: Vec<Arc<Claim>>,
    /// What it was admitted to and claims no more: whether it has begun with it is seen at the next look.
    given_up: Vec<Arc<Claim>>,
    /// What it works with, or works with still: mostly what it claims, and then the same in memory.
    used: Vec<Arc<Claim>>,
    /// When it was deleted.
    left: Option<Timestamp>,
}

impl Entry {
    fn new(seniority: CreationOrder, holder: PipelineKey) -> Self {
        let (claims, admitted, given_up, used) = Default::default();
        Self { seniority, holder, claims, admitted, given_up, used, left: None }
    }

    /// What nobody else begins with.
    fn held(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.admitted.iter().chain(&self.given_up).chain(&self.used)
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.claims.iter().chain(self.held())
    }

    fn holds(&self, claim: &Claim) -> bool {
        self.held().any(|held| held.conflicts_with(claim))
    }

    fn wants(&self, claim: &Claim) -> bool {
        self.claims.iter().any(|wanted| wanted.conflicts_with(claim))
    }

    /// These claims, and where there are such already, those.
    fn shared(&self, claims: Vec<Claim>) -> Vec<Arc<Claim>> {
        let shared = |claim: Claim| {
            let known = self.all().find(|known| ***known == claim).cloned();
            known.unwrap_or_else(|| Arc::new(claim))
        };
        claims.into_iter().map(shared).collect()
    }

    fn subjects(&self) -> BTreeSet<Subject> {
        self.all().map(|claim| claim.subject.clone()).collect()
    }
}

/// Who claims what, kept up to date as pipelines come and go.
#[derive(Clone, Debug, Default)]
pub struct Reservations {
    entries: BTreeMap<String, Entry>,
    claimants: BTreeMap<Subject, BTreeSet<CreationOrder>>,
}

impl Reservations {
    /// Notes what the pipeline with these metadata claims. One whose spec is not valid (`None`) goes on claiming what it did:
    /// it goes on working with its last good configuration. Tells which others what it gave up, or claims from now on, may
    /// concern.
    pub fn insert(&mut self, metadata: &ObjectMeta, claims: Option<Vec<Claim>>) -> BTreeSet<PipelineKey> {
        let seniority = CreationOrder::of(metadata);
        let uid = seniority.uid.clone();
        let before = self.entries.remove(&uid);
        if before.is_none() && claims.is_none() {
            return BTreeSet::new();
        }
        let holder = PipelineKey {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        };
        let known = before.clone().unwrap_or_else(|| Entry::new(seniority, holder));
        let claims = claims.map_or_else(|| known.claims.clone(), |claims| known.shared(claims));
        let mut concerned = self.concerned(&uid, known.claims.iter().filter(|claim| !claims.contains(claim)));
        for claim in claims.iter().filter(|claim| !known.claims.contains(claim)) {
            let younger = self.others(&uid, claim).filter(|other| other.seniority > known.seniority);
            concerned.extend(younger.map(|other| other.holder.clone()));
        }
        // What is given up and claimed again has to be admitted again.
        let (admitted, mut given_up): (Vec<_>, Vec<_>) =
            known.admitted.iter().cloned().partition(|claim| claims.contains(claim));
        given_up.extend(known.given_up.iter().cloned());
        self.replace(before.as_ref(), Entry { claims, admitted, given_up, ..known });
        concerned
    }

    /// Notes which claims the pipeline with this UID works with, by its configurations; nothing: those that it did, and what it gave
    /// up was not begun with. Tells who may have waited for what it works with no more. To be told when all that was written for
    /// the pipeline has been seen.
    pub fn works_with(&mut self, uid: &str, used: Option<Vec<Claim>>) -> BTreeSet<PipelineKey> {
        let is_new = |entry: &&Entry| used.is_some() || !entry.given_up.is_empty();
        let Some(before) = self.entries.get(uid).filter(is_new).cloned() else { return BTreeSet::new() };
        let used = used.map_or_else(|| before.used.clone(), |used| before.shared(used));
        let entry = Entry { used, given_up: Vec::new(), ..before.clone() };
        let is_free = |claim: &&Arc<Claim>| !entry.held().any(|held| held == *claim);
        let concerned = self.concerned(uid, before.held().filter(is_free));
        self.replace(Some(&before), entry);
        concerned
    }

    /// What keeps the pipeline with this UID from beginning with what it claims. If nothing does, that is its own from then on,
    /// whoever comes after it; if something does, so is only what it works with. To be asked when what it works with has been
    /// noted.
    pub fn admit(&mut self, uid: &str) -> Reservation {
        let conflict = self.conflict(uid);
        let Some(entry) = self.entries.get_mut(uid) else { return Reservation::default() };
        if conflict.is_none() {
            entry.admitted.clone_from(&entry.claims);
            return Reservation::default();
        }
        let returned = std::mem::take(&mut entry.admitted);
        let unused: Vec<_> = returned.into_iter().filter(|claim| !entry.used.contains(claim)).collect();
        let concerned = self.concerned(uid, &unused);
        Reservation { conflict, concerned }
    }

    fn replace(&mut self, before: Option<&Entry>, entry: Entry) {
        if let Some(before) = before {
            self.unlist(before);
        }
        for subject in entry.subjects() {
            self.claimants.entry(subject).or_default().insert(entry.seniority.clone());
        }
        self.entries.insert(entry.seniority.uid.clone(), entry);
    }

    /// The others that claim this or work with it, the oldest first.
    fn others<'a>(&'a self, uid: &str, claim: &Claim) -> impl Iterator<Item = &'a Entry> {
        let claimants = self.claimants.get(&claim.subject).into_iter().flatten();
        let others = claimants.filter(move |claimant| claimant.uid != uid);
        let others = others.filter_map(|claimant| self.entries.get(&claimant.uid));
        others.filter(move |other| other.wants(claim) || other.holds(claim))
    }

    /// Whether anything is known of the pipeline with this UID.
    #[must_use]
    pub fn knows(&self, uid: &str) -> bool {
        self.entries.contains_key(uid)
    }

    /// Notes that the pipeline with this UID is deleted, and that what works for it has not ended yet. Tells who has waited for
    /// anything of it: what it did not have is free, and the rest will be.
    pub fn leave(&mut self, uid: &str, now: Timestamp) -> BTreeSet<PipelineKey> {
        let Some(before) = self.entries.remove(uid) else { return BTreeSet::new() };
        let used = before.held().cloned().collect();
        let waiting = self.concerned(uid, before.all());
        let Entry { seniority, holder, .. } = before.clone();
        self.replace(Some(&before), Entry { used, left: Some(now), ..Entry::new(seniority, holder) });
        waiting
    }

    /// The pipelines that have left and are not forgotten: their UIDs, who they were, and when they left.
    pub fn leaving(&self) -> impl Iterator<Item = (&str, &PipelineKey, Timestamp)> {
        self.entries.iter().filter_map(|(uid, entry)| Some((uid.as_str(), &entry.holder, entry.left?)))
    }

    /// The pipeline with this UID.
    #[must_use]
    pub fn holder(&self, uid: &str) -> Option<&PipelineKey> {
        self.entries.get(uid).map(|entry| &entry.holder)
    }

    /// Forgets the pipeline with this UID, and tells who may have waited for what it had.
    pub fn remove(&mut self, uid: &str) -> BTreeSet<PipelineKey> {
        let Some(entry) = self.entries.remove(uid) else { return BTreeSet::new() };
        self.unlist(&entry);
        self.concerned(uid, entry.all())
    }

    /// Takes an entry from the claimants of its subjects.
    fn unlist(&mut self, entry: &Entry) {
        for subject in entry.subjects() {
            if let Some(claimants) = self.claimants.get_mut(&subject) {
                claimants.remove(&entry.seniority);
                if claimants.is_empty() {
                    self.claimants.remove(&subject);
                }
            }
        }
    }

    /// The others that claim any of these or work with it.
    fn concerned<'a>(
        &self,
        uid: &str,
        claims: impl IntoIterator<Item = &'a Arc<Claim>>,
    ) -> BTreeSet<PipelineKey> {
        let others = claims.into_iter().flat_map(|claim| self.others(uid, claim));
        others.map(|other| other.holder.clone()).collect()
    }

    /// The first claim of the pipeline with this UID that another keeps it from.
    #[must_use]
    pub fn conflict(&self, uid: &str) -> Option<Conflict> {
        self.kept_from(self.entries.get(uid)?, &mut BTreeMap::new())
    }

    /// `known` has who is free of those that were asked for already: a chain of them is walked once.
    fn kept_from<'a>(&'a self, own: &Entry, known: &mut BTreeMap<&'a str, bool>) -> Option<Conflict> {
        own.claims.iter().find_map(|claim| {
            let keeper = self.keeper(own, claim, known)?;
            let precedence = match keeper.left {
                Some(_) => Precedence::Ending,
                None if keeper.seniority < own.seniority => Precedence::Older,
                None => Precedence::First,
            };
            Some(Conflict { subject: claim.subject.clone(), holder: keeper.holder.clone(), precedence })
        })
    }

    /// Who keeps a pipeline from something that it claims: whoever works with it; of two that do, which only an edit of both
    /// or an earlier version of this operator can have let happen, the older one. Else the oldest one that could begin.
    fn keeper<'a>(
        &'a self,
        own: &Entry,
        claim: &Claim,
        known: &mut BTreeMap<&'a str, bool>,
    ) -> Option<&'a Entry> {
        let is_held = own.holds(claim);
        let mut first_older = Vec::new();
        for other in self.others(&own.seniority.uid, claim) {
            let is_older = other.seniority < own.seniority;
            if other.holds(claim) && (is_older || !is_held) {
                return Some(other);
            }
            if is_older && !is_held {
                first_older.push(other);
            }
        }
        // Those before it only ever ask for those before themselves.
        first_older.into_iter().find(|other| {
            let uid = other.seniority.uid.as_str();
            known.get(uid).copied().unwrap_or_else(|| {
                let is_free = self.kept_from(other, known).is_none();
                known.insert(uid, is_free);
                is_free
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use proptest::prelude::*;
    use userstream_crds::claims::claims;
    use userstream_crds::{UserStreamPipeline, validate};

    use super::*;

    const PIPELINES: usize = 5;
    const TOPICS: usize = 3;

    /// The claims on each of a few topics: of the one that a pipeline of the example would produce to.
    fn topics() -> Vec<Claim> {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/users.yaml"));
        let mut resource: UserStreamPipeline = serde_saphyr::from_str(&text.unwrap()).unwrap();
        let mut of = |name: String| {
            resource.spec.kafka.topic.name = name;
            claims(&validate(&resource).unwrap()).swap_remove(0)
        };
        (0..TOPICS).map(|number| of(format!("topic_{number}"))).collect()
    }

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn metadata(pipeline: usize) -> ObjectMeta {
        // Pairs of the same second, so that UIDs decide too.
        let created = NOW + jiff::SignedDuration::from_secs(i64::try_from(pipeline / 2).unwrap());
        ObjectMeta {
            name: Some(pipeline.to_string()),
            uid: Some(pipeline.to_string()),
            creation_timestamp: Some(Time(created)),
            ..ObjectMeta::default()
        }
    }

    /// What happens to one of a few pipelines.
    #[derive(Clone, Debug)]
    enum Happening {
        /// It is created, or edited to claim these topics.
        Claims(usize, Vec<bool>),
        /// The operator looks at it: if it may, it makes its configuration and begins.
        Looks(usize),
        /// The same, but the API server does not take the configuration.
        LooksInVain(usize),
        /// Its workloads all have the newest configuration, and the ones before it are gone.
        TakesOver(usize),
        Goes(usize),
        /// The workers of those that are gone have ended.
        Ends(usize),
        /// The operator starts again.
        Restarts,
    }

    fn happening() -> impl Strategy<Value = Happening> {
        let who = 0..PIPELINES;
        prop_oneof![
            4 => (who.clone(), proptest::collection::vec(any::<bool>(), TOPICS)).prop_map(|(who, topics)| Happening::Claims(who, topics)),
            8 => who.clone().prop_map(Happening::Looks),
            2 => who.clone().prop_map(Happening::LooksInVain),
            3 => who.clone().prop_map(Happening::TakesOver),
            1 => who.clone().prop_map(Happening::Goes),
            2 => who.prop_map(Happening::Ends),
            1 => Just(Happening::Restarts),
        ]
    }

    #[derive(Clone, Default)]
    struct Pipeline {
        claims: Vec<Claim>,
        /// Its configurations, the newest last, by what they claim.
        configurations: Vec<Vec<Claim>>,
    }

    impl Pipeline {
        fn used(&self) -> Vec<Claim> {
            self.configurations.concat()
        }

        fn is_current(&self) -> bool {
            self.configurations.last() == Some(&self.claims)
        }
    }

    #[derive(Default)]
    struct World {
        index: Reservations,
        pipelines: BTreeMap<usize, Pipeline>,
        /// How many of a name were there before: one that is created again is another.
        lives: BTreeMap<usize, usize>,
        /// Those that are deleted and whose workers have not ended, by their UID.
        gone: BTreeMap<String, (usize, Pipeline)>,
        /// What the operator has noted that they work with: it does so when that has changed.
        noted: BTreeMap<String, Vec<Claim>>,
    }

    impl World {
        fn metadata(&self, who: usize) -> ObjectMeta {
            ObjectMeta { uid: Some(self.uid(who)), ..metadata(who) }
        }

        fn uid(&self, who: usize) -> String {
            format!("{who} {}", self.lives.get(&who).copied().unwrap_or_default())
        }

        fn looks(&mut self, who: usize, is_written: bool) {
            let uid = self.uid(who);
            let Some(pipeline) = self.pipelines.get_mut(&who) else { return };
            let used = pipeline.used();
            let before = self.noted.insert(uid.clone(), used.clone());
            self.index.works_with(&uid, (before.as_ref() != Some(&used)).then_some(used));
            if self.index.admit(&uid).conflict.is_none() && is_written && !pipeline.is_current() {
                pipeline.configurations.push(pipeline.claims.clone());
            }
        }

        fn ends(&mut self, who: usize) {
            self.gone.retain(|uid, (of, _)| {
                if *of == who {
                    self.index.remove(uid);
                }
                *of != who
            });
        }

        fn happen(&mut self, happening: &Happening, topics: &[Claim]) {
            match happening {
                Happening::Claims(who, wanted) => {
                    let wanted = topics.iter().zip(wanted).filter(|(_, wants)| **wants);
                    let claims: Vec<Claim> = wanted.map(|(claim, _)| claim.clone()).collect();
                    self.pipelines.entry(*who).or_default().claims.clone_from(&claims);
                    self.index.insert(&self.metadata(*who), Some(claims));
                }
                Happening::Looks(who) => self.looks(*who, true),
                Happening::LooksInVain(who) => self.looks(*who, false),
                Happening::TakesOver(who) => {
                    if let Some(pipeline) = self.pipelines.get_mut(who)
                        && pipeline.is_current()
                    {
                        pipeline.configurations =
                            pipeline.configurations.split_off(pipeline.configurations.len() - 1);
                    }
                }
                Happening::Goes(who) => {
                    let uid = self.uid(*who);
                    if let Some(pipeline) = self.pipelines.remove(who) {
                        self.index.leave(&uid, NOW);
                        self.gone.insert(uid, (*who, pipeline));
                        *self.lives.entry(*who).or_default() += 1;
                    }
                }
                Happening::Ends(who) => self.ends(*who),
                Happening::Restarts => {
                    // Of those that are gone it knows nothing, which is why this takes longer than a worker's end.
                    (0..PIPELINES).for_each(|who| self.ends(who));
                    self.index = Reservations::default();
                    self.noted.clear();
                    for (who, pipeline) in &self.pipelines {
                        let metadata = self.metadata(*who);
                        self.index.insert(&metadata, Some(pipeline.claims.clone()));
                        self.index.works_with(&self.uid(*who), Some(pipeline.used()));
                    }
                }
            }
        }

        /// Who works with a topic, also of those that are gone.
        fn workers(&self, topic: &Claim) -> Vec<usize> {
            let there = self.pipelines.iter().map(|(who, pipeline)| (*who, pipeline));
            let gone = self.gone.values().map(|(who, pipeline)| (*who, pipeline));
            let works = |pipeline: &Pipeline| pipeline.used().iter().any(|used| used.conflicts_with(topic));
            there.chain(gone).filter(|(_, pipeline)| works(pipeline)).map(|(who, _)| who).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

        #[test]
        fn whatever_was_claimed_when_nothing_is_ever_worked_with_by_two_and_what_anybody_could_have_one_has(
            happenings in proptest::collection::vec(happening(), 1..60)
        ) {
            let topics = topics();
            let mut world = World::default();
            for happening in &happenings {
                world.happen(happening, &topics);
                for topic in &topics {
                    let workers = world.workers(topic);
                    prop_assert!(workers.len() <= 1, "after {happening:?} {workers:?} work with {topic:?}");
                }
            }
            (0..PIPELINES).for_each(|who| world.ends(who));
            // Everybody is looked at until nothing changes any more. Of those that wait for each other in a row each takes two
            // rounds: what one has given up is free once it has been looked at again.
            for _ in 0..=2 * PIPELINES {
                for who in 0..PIPELINES {
                    world.looks(who, true);
                    world.happen(&Happening::TakesOver(who), &topics);
                }
            }
            for (who, pipeline) in &world.pipelines {
                if pipeline.is_current() || pipeline.claims.is_empty() {
                    continue;
                }
                let kept = |claim: &&Claim| world.workers(claim).iter().any(|other| other != who);
                let kept = pipeline.claims.iter().find(kept);
                prop_assert!(kept.is_some(), "{who} stands still, and nobody works with what it claims");
                let conflict = world.index.conflict(&world.uid(*who));
                prop_assert!(conflict.is_some_and(|conflict| world.workers(kept.unwrap()).len() == 1 && conflict.holder.name != who.to_string()));
            }
        }
    }

    #[test]
    fn a_pipeline_that_was_begun_first_is_not_stopped_by_one_of_the_same_second_that_is_seen_later() {
        let topics = topics();
        let mut index = Reservations::default();
        index.insert(&metadata(1), Some(topics.clone()));
        assert_eq!(index.admit("1").conflict, None);
        index.insert(&metadata(0), Some(topics));
        assert_eq!(index.conflict("1"), None);
        let conflict = index.conflict("0").unwrap();
        assert_eq!((conflict.holder.name.as_str(), conflict.precedence), ("1", Precedence::First));
    }

    #[test]
    fn one_that_stands_still_keeps_nobody_from_what_it_claims_and_does_not_have() {
        let topics = topics();
        let mut index = Reservations::default();
        index.insert(&metadata(0), Some(vec![topics[0].clone()]));
        index.insert(&metadata(2), Some(topics[..2].to_vec()));
        index.insert(&metadata(4), Some(vec![topics[1].clone()]));
        assert_eq!(["0", "2", "4"].map(|uid| index.conflict(uid).is_some()), [false, true, false]);
    }

    #[test]
    fn what_a_pipeline_gave_up_is_its_own_until_nothing_of_it_works_with_it_any_more() {
        let topics = topics();
        let mut index = Reservations::default();
        index.insert(&metadata(0), Some(vec![topics[0].clone()]));
        index.admit("0");
        index.insert(&metadata(2), Some(vec![topics[0].clone()]));
        index.insert(&metadata(0), Some(vec![topics[1].clone()]));
        index.works_with("0", Some(topics[..2].to_vec()));
        assert!(index.conflict("2").is_some());
        let concerned = index.works_with("0", Some(topics[1..2].to_vec()));
        assert_eq!(concerned.into_iter().map(|it| it.name).collect::<Vec<_>>(), ["2"]);
        assert_eq!(index.conflict("2"), None);
    }

    #[test]
    fn one_that_claims_again_what_it_gave_up_and_stands_still_keeps_nobody_from_it() {
        let topics = topics();
        let mut index = Reservations::default();
        index.insert(&metadata(1), Some(vec![topics[1].clone()]));
        index.admit("1");
        index.insert(&metadata(3), Some(vec![topics[0].clone()]));
        index.admit("3");
        index.works_with("3", Some(vec![topics[0].clone()]));
        index.insert(&metadata(3), Some(Vec::new()));
        index.admit("3");
        index.insert(&metadata(0), Some(vec![topics[0].clone()]));
        index.insert(&metadata(3), Some(topics[..2].to_vec()));
        index.works_with("3", Some(Vec::new()));
        assert!(index.conflict("3").is_some());
        assert_eq!(index.conflict("0"), None);
    }

    #[test]
    fn what_a_pipeline_was_admitted_to_and_has_not_begun_with_is_free_once_it_stands_still() {
        let topics = topics();
        let mut index = Reservations::default();
        index.insert(&metadata(0), Some(vec![topics[1].clone()]));
        index.admit("0");
        index.insert(&metadata(2), Some(vec![topics[0].clone()]));
        index.admit("2");
        index.insert(&metadata(4), Some(vec![topics[0].clone()]));
        index.insert(&metadata(2), Some(topics[..2].to_vec()));
        assert!(index.admit("4").conflict.is_some());
        let Reservation { conflict, concerned } = index.admit("2");
        assert_eq!(conflict.map(|it| it.holder.name).as_deref(), Some("0"));
        assert_eq!(concerned.into_iter().map(|it| it.name).collect::<Vec<_>>(), ["4"]);
        assert_eq!(index.admit("4").conflict, None);
    }

    #[test]
    fn what_a_deleted_pipeline_worked_with_is_free_when_its_workers_have_ended_and_the_rest_at_once() {
        let topics = topics();
        let mut index = Reservations::default();
        index.insert(&metadata(0), Some(vec![topics[0].clone()]));
        index.admit("0");
        index.insert(&metadata(2), Some(vec![topics[0].clone()]));
        // A wish that it was never admitted to.
        index.insert(&metadata(0), Some(topics[..2].to_vec()));
        index.insert(&metadata(4), Some(vec![topics[1].clone()]));
        let names =
            |holders: BTreeSet<PipelineKey>| holders.into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(names(index.leave("0", NOW)), ["2", "4"]);
        assert_eq!(index.conflict("4"), None);
        assert_eq!(index.conflict("2").map(|it| it.precedence), Some(Precedence::Ending));
        assert_eq!(index.leaving().map(|(uid, _, at)| (uid, at)).collect::<Vec<_>>(), [("0", NOW)]);
        assert_eq!(names(index.remove("0")), ["2"]);
        assert_eq!((index.conflict("2"), index.leaving().count()), (None, 0));
    }

    #[test]
    fn a_long_chain_of_claimants_is_walked_once() {
        let topics = topics();
        let mut index = Reservations::default();
        for pipeline in 0..60 {
            // All but the first stand still for the one before it, and nobody has begun.
            let claims = if pipeline == 0 { topics[..1].to_vec() } else { topics.clone() };
            index.insert(&metadata(pipeline), Some(claims));
        }
        assert!(index.conflict("59").is_some());
    }
}
