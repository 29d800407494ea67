use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use userstream_crds::claims::claims;
use userstream_crds::{UserStreamPipeline, validate};

use super::*;
use crate::model::conflict::Precedence;

const PIPELINES: usize = 5;
const TOPICS: usize = 3;

/// The claims of a few topics.
fn topics() -> Vec<Claim> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/users.yaml"));
    let mut resource: UserStreamPipeline = serde_saphyr::from_str(&text.unwrap()).unwrap();
    let mut of = |name: String| {
        resource.spec.kafka.topic.name = name;
        claims(&validate(&resource).unwrap()).swap_remove(0)
    };
    (0..TOPICS).map(|number| of(format!("topic_{number}"))).collect()
}

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn metadata(pipeline: usize) -> ObjectMeta {
    // Pairs are of the same second, so that UIDs decide too.
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
enum Step {
    /// The user creates it, or edits it to declare these topics.
    Declare(usize, Vec<bool>),
    /// The operator reconciles it, and creates its configuration unless there is a conflict.
    Reconcile(usize),
    /// The same, but the API server refuses the configuration.
    ReconcileFails(usize),
    /// All its workloads run the newest configuration, and the older ones are deleted.
    RollsOut(usize),
    /// The user deletes it.
    Delete(usize),
    /// The workers of deleted pipelines of this number terminate.
    WorkersTerminate(usize),
    /// The operator restarts.
    OperatorRestarts,
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..PIPELINES;
    let topics = proptest::collection::vec(any::<bool>(), TOPICS);
    prop_oneof![
        4 => (number.clone(), topics).prop_map(|(number, topics)| Step::Declare(number, topics)),
        8 => number.clone().prop_map(Step::Reconcile),
        2 => number.clone().prop_map(Step::ReconcileFails),
        3 => number.clone().prop_map(Step::RollsOut),
        1 => number.clone().prop_map(Step::Delete),
        2 => number.prop_map(Step::WorkersTerminate),
        1 => Just(Step::OperatorRestarts),
    ]
}

#[derive(Clone, Default)]
struct Pipeline {
    claims: Vec<Claim>,
    /// The claims of each of its configurations, the newest last.
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
struct Model {
    reservations: Reservations,
    pipelines: BTreeMap<usize, Pipeline>,
    /// How many pipelines of a number were deleted: one that is created again has another UID.
    incarnations: BTreeMap<usize, usize>,
    /// Deleted pipelines whose workers still run, by UID.
    deleted: BTreeMap<String, (usize, Pipeline)>,
    /// The used claims that the operator has recorded, which it does when they change.
    recorded: BTreeMap<String, Vec<Claim>>,
}

impl Model {
    fn metadata(&self, number: usize) -> ObjectMeta {
        ObjectMeta { uid: Some(self.uid(number)), ..metadata(number) }
    }

    fn uid(&self, number: usize) -> String {
        format!("{number} {}", self.incarnations.get(&number).copied().unwrap_or_default())
    }

    fn reconcile(&mut self, number: usize, is_written: bool) {
        let uid = self.uid(number);
        let Some(pipeline) = self.pipelines.get_mut(&number) else { return };
        let used = pipeline.used();
        let before = self.recorded.insert(uid.clone(), used.clone());
        self.reservations.set_used(&uid, (before.as_ref() != Some(&used)).then_some(used));
        if self.reservations.reserve(&uid).conflict.is_none() && is_written && !pipeline.is_current() {
            pipeline.configurations.push(pipeline.claims.clone());
        }
    }

    fn terminate(&mut self, number: usize) {
        self.deleted.retain(|uid, (of, _)| {
            if *of == number {
                self.reservations.remove(uid);
            }
            *of != number
        });
    }

    fn apply(&mut self, step: &Step, topics: &[Claim]) {
        match step {
            Step::Declare(number, wanted) => {
                let wanted = topics.iter().zip(wanted).filter(|(_, wants)| **wants);
                let claims: Vec<Claim> = wanted.map(|(claim, _)| claim.clone()).collect();
                self.pipelines.entry(*number).or_default().claims.clone_from(&claims);
                self.reservations.declare(&self.metadata(*number), Some(claims));
            }
            Step::Reconcile(number) => self.reconcile(*number, true),
            Step::ReconcileFails(number) => self.reconcile(*number, false),
            Step::RollsOut(number) => {
                if let Some(pipeline) = self.pipelines.get_mut(number)
                    && pipeline.is_current()
                {
                    pipeline.configurations =
                        pipeline.configurations.split_off(pipeline.configurations.len() - 1);
                }
            }
            Step::Delete(number) => {
                let uid = self.uid(*number);
                if let Some(pipeline) = self.pipelines.remove(number) {
                    self.reservations.release(&uid, NOW);
                    self.deleted.insert(uid, (*number, pipeline));
                    *self.incarnations.entry(*number).or_default() += 1;
                }
            }
            Step::WorkersTerminate(number) => self.terminate(*number),
            Step::OperatorRestarts => {
                // A restarted operator does not know deleted pipelines, so their workers have to terminate before.
                (0..PIPELINES).for_each(|number| self.terminate(number));
                self.reservations = Reservations::default();
                self.recorded.clear();
                for (number, pipeline) in &self.pipelines {
                    let metadata = self.metadata(*number);
                    self.reservations.declare(&metadata, Some(pipeline.claims.clone()));
                    self.reservations.set_used(&self.uid(*number), Some(pipeline.used()));
                }
            }
        }
    }

    /// The pipelines that use a topic, including deleted ones.
    fn users(&self, topic: &Claim) -> Vec<usize> {
        let living = self.pipelines.iter().map(|(number, pipeline)| (*number, pipeline));
        let deleted = self.deleted.values().map(|(number, pipeline)| (*number, pipeline));
        let uses = |pipeline: &Pipeline| pipeline.used().iter().any(|used| used.conflicts_with(topic));
        living.chain(deleted).filter(|(_, pipeline)| uses(pipeline)).map(|(number, _)| number).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn subject_never_has_two_users_and_a_free_one_gets_a_user(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let topics = topics();
        let mut model = Model::default();
        for step in &steps {
            model.apply(step, &topics);
            for topic in &topics {
                let users = model.users(topic);
                prop_assert!(users.len() <= 1, "after {step:?} {users:?} use {topic:?}");
            }
        }
        (0..PIPELINES).for_each(|number| model.terminate(number));
        // Each pipeline of a chain takes two reconciles: what it abandons is free after the next one.
        for _ in 0..=2 * PIPELINES {
            for number in 0..PIPELINES {
                model.reconcile(number, true);
                model.apply(&Step::RollsOut(number), &topics);
            }
        }
        for (number, pipeline) in &model.pipelines {
            if pipeline.is_current() || pipeline.claims.is_empty() {
                continue;
            }
            let kept = |claim: &&Claim| model.users(claim).iter().any(|other| other != number);
            let kept = pipeline.claims.iter().find(kept);
            prop_assert!(kept.is_some(), "{number} waits, and no other pipeline uses what it declares");
            let conflict = model.reservations.conflict(&model.uid(*number));
            let has_one_user = model.users(kept.unwrap()).len() == 1;
            prop_assert!(has_one_user && conflict.is_some_and(|it| it.holder.name != number.to_string()));
        }
    }
}

#[test]
fn running_pipeline_keeps_its_claims_from_an_older_one() {
    let topics = topics();
    let mut reservations = Reservations::default();
    reservations.declare(&metadata(1), Some(topics.clone()));
    assert_eq!(reservations.reserve("1").conflict, None);
    reservations.declare(&metadata(0), Some(topics));
    assert_eq!(reservations.conflict("1"), None);
    let conflict = reservations.conflict("0").unwrap();
    assert_eq!((conflict.holder.name.as_str(), conflict.precedence), ("1", Precedence::First));
}

#[test]
fn waiting_pipeline_does_not_hold_its_other_claims() {
    let topics = topics();
    let mut reservations = Reservations::default();
    reservations.declare(&metadata(0), Some(vec![topics[0].clone()]));
    reservations.declare(&metadata(2), Some(topics[..2].to_vec()));
    reservations.declare(&metadata(4), Some(vec![topics[1].clone()]));
    assert_eq!(["0", "2", "4"].map(|uid| reservations.conflict(uid).is_some()), [false, true, false]);
}

#[test]
fn abandoned_claim_is_held_as_long_as_it_is_used() {
    let topics = topics();
    let mut reservations = Reservations::default();
    reservations.declare(&metadata(0), Some(vec![topics[0].clone()]));
    reservations.reserve("0");
    reservations.declare(&metadata(2), Some(vec![topics[0].clone()]));
    reservations.declare(&metadata(0), Some(vec![topics[1].clone()]));
    reservations.set_used("0", Some(topics[..2].to_vec()));
    assert!(reservations.conflict("2").is_some());
    let affected = reservations.set_used("0", Some(topics[1..2].to_vec()));
    assert_eq!(affected.into_iter().map(|it| it.name).collect::<Vec<_>>(), ["2"]);
    assert_eq!(reservations.conflict("2"), None);
}

#[test]
fn abandoned_claim_has_to_be_reserved_again() {
    let topics = topics();
    let mut reservations = Reservations::default();
    reservations.declare(&metadata(1), Some(vec![topics[1].clone()]));
    reservations.reserve("1");
    reservations.declare(&metadata(3), Some(vec![topics[0].clone()]));
    reservations.reserve("3");
    reservations.set_used("3", Some(vec![topics[0].clone()]));
    reservations.declare(&metadata(3), Some(Vec::new()));
    reservations.reserve("3");
    reservations.declare(&metadata(0), Some(vec![topics[0].clone()]));
    reservations.declare(&metadata(3), Some(topics[..2].to_vec()));
    reservations.set_used("3", Some(Vec::new()));
    assert!(reservations.conflict("3").is_some());
    assert_eq!(reservations.conflict("0"), None);
}

#[test]
fn unused_reservation_is_returned_on_a_conflict() {
    let topics = topics();
    let mut reservations = Reservations::default();
    reservations.declare(&metadata(0), Some(vec![topics[1].clone()]));
    reservations.reserve("0");
    reservations.declare(&metadata(2), Some(vec![topics[0].clone()]));
    reservations.reserve("2");
    reservations.declare(&metadata(4), Some(vec![topics[0].clone()]));
    reservations.declare(&metadata(2), Some(topics[..2].to_vec()));
    assert!(reservations.reserve("4").conflict.is_some());
    let Reservation { conflict, affected } = reservations.reserve("2");
    assert_eq!(conflict.map(|it| it.holder.name).as_deref(), Some("0"));
    assert_eq!(affected.into_iter().map(|it| it.name).collect::<Vec<_>>(), ["4"]);
    assert_eq!(reservations.reserve("4").conflict, None);
}

#[test]
fn deleted_pipeline_holds_used_claims_until_it_is_removed() {
    let topics = topics();
    let mut reservations = Reservations::default();
    reservations.declare(&metadata(0), Some(vec![topics[0].clone()]));
    reservations.reserve("0");
    reservations.declare(&metadata(2), Some(vec![topics[0].clone()]));
    // It declares another claim, but never reserves it.
    reservations.declare(&metadata(0), Some(topics[..2].to_vec()));
    reservations.declare(&metadata(4), Some(vec![topics[1].clone()]));
    let names = |holders: BTreeSet<PipelineKey>| holders.into_iter().map(|it| it.name).collect::<Vec<_>>();
    assert_eq!(names(reservations.release("0", NOW)), ["2", "4"]);
    assert_eq!(reservations.conflict("4"), None);
    assert_eq!(reservations.conflict("2").map(|it| it.precedence), Some(Precedence::Ending));
    assert_eq!(reservations.released().map(|(uid, _, at)| (uid, at)).collect::<Vec<_>>(), [("0", NOW)]);
    assert_eq!(names(reservations.remove("0")), ["2"]);
    assert_eq!((reservations.conflict("2"), reservations.released().count()), (None, 0));
}

#[test]
fn long_chain_of_claimants_is_walked_once() {
    let topics = topics();
    let mut reservations = Reservations::default();
    for pipeline in 0..60 {
        // All but the first wait for the one before, and none has reserved anything.
        let claims = if pipeline == 0 { topics[..1].to_vec() } else { topics.clone() };
        reservations.declare(&metadata(pipeline), Some(claims));
    }
    assert!(reservations.conflict("59").is_some());
}

/// Each of them yields to the one before it, if that one can start.
#[test]
fn chain_of_claimants_needs_no_stack_for_each() {
    const CHAIN: usize = 20_000;
    let topic = topics().swap_remove(0);
    let claim = |number: usize| {
        let subject = Subject::Topic(format!("topic_{number}").parse().unwrap());
        Claim { subject, ..topic.clone() }
    };
    let mut reservations = Reservations::default();
    for pipeline in 0..CHAIN {
        reservations.declare(&metadata(pipeline), Some(vec![claim(pipeline), claim(pipeline + 1)]));
    }
    let last = (CHAIN - 1).to_string();
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let conflict = small.spawn(move || reservations.conflict(&last)).unwrap().join().unwrap();
    // The first can start, so the second cannot and the third can: every other one waits.
    assert_eq!(conflict.map(|it| it.holder.name), Some((CHAIN - 2).to_string()));
}
