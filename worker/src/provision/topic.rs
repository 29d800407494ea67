//! A topic as a pipeline wants it, as it is, and the smallest change from the one to the other. Pure.

use std::collections::BTreeMap;
use std::fmt;

use userstream_crds::Pipeline;
use userstream_crds::identifier::TopicName;
use userstream_crds::model::{AdoptionPolicy, TopicManagementPolicy};

use super::resource::Origin;

/// A topic as a pipeline wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredTopic {
    /// Its name.
    pub name: TopicName,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many brokers keep a copy; none: the broker's default.
    pub replicas: Option<u16>,
    /// Settings in Kafka's own names. Others are left as they are.
    pub config: BTreeMap<String, String>,
    /// Who looks after it.
    pub management: TopicManagementPolicy,
    /// What happens when it exists already.
    pub adoption: AdoptionPolicy,
}

impl DesiredTopic {
    /// The topics of a pipeline: that of its records first, then those of its dead letters and its positions, where it
    /// has them. Those two are always managed: they are the pipeline's own.
    pub fn all(pipeline: &Pipeline) -> Vec<Self> {
        let records = &pipeline.topic;
        let beside = |name: &TopicName, partitions: u32, config: &[(&str, &str)]| Self {
            name: name.clone(),
            partitions,
            replicas: records.replicas.map(Into::into),
            config: config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            management: TopicManagementPolicy::Managed,
            adoption: records.adoption,
        };
        let dead_letters =
            pipeline.dead_letter().map(|topic| beside(&topic.name, topic.partitions.get(), &[]));
        let positions =
            pipeline.positions_topic.as_ref().map(|name| beside(name, 1, &[("cleanup.policy", "compact")]));
        let records = Self {
            name: records.name.clone(),
            partitions: records.partitions.get(),
            replicas: records.replicas.map(Into::into),
            config: records.config.clone(),
            management: records.management,
            adoption: records.adoption,
        };
        [Some(records), dead_letters, positions].into_iter().flatten().collect()
    }
}

/// A topic as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTopic {
    /// The id that Kafka gave it; none where it cannot be told.
    pub id: Option<String>,
    /// The pipeline that created it, as `namespace/name`, where the log itself knows: the embedded one does.
    pub created_by: Option<String>,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many brokers keep a copy of the partition that has the fewest; none where that has no meaning.
    pub replicas: Option<u16>,
    /// Every setting with its value, defaults included where the log tells them.
    pub config: BTreeMap<String, String>,
}

/// One change of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicChange {
    /// It is created as the pipeline wants it.
    Create,
    /// It gets more partitions.
    Grow {
        /// How many it has.
        from: u32,
        /// How many it gets.
        to: u32,
    },
    /// Settings get other values: by name, the value it has and the one it gets.
    Configure(BTreeMap<String, (Option<String>, String)>),
}

/// What to do to a topic, and what is different and left so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicPlan {
    /// The changes, in order.
    pub changes: Vec<TopicChange>,
    /// Differences that are not changed, for people.
    pub drift: Vec<TopicDrift>,
}

/// A difference that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicDrift {
    /// Kafka moves replicas only by a reassignment.
    Replicas {
        /// How many there are.
        present: u16,
        /// How many are wanted.
        wanted: u16,
    },
    /// Somebody else looks after its partitions.
    Partitions {
        /// How many there are.
        present: u32,
        /// How many are wanted.
        wanted: u32,
    },
    /// Somebody else looks after its settings.
    Setting {
        /// Its name.
        name: String,
        /// The value it has.
        present: Option<String>,
        /// The value that is wanted.
        wanted: String,
    },
}

/// Why a topic cannot become what the pipeline wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicRefusal {
    /// A topic never has fewer partitions than it had.
    #[error(
        "topic {topic} has {present} partitions and the pipeline wants {wanted}: partitions cannot be taken away; set \
         partitions to {present}, or use another topic"
    )]
    Shrink {
        /// The topic.
        topic: TopicName,
        /// How many it has.
        present: u32,
        /// How many are wanted.
        wanted: u32,
    },
    /// It is there, this pipeline did not create it, and it is not to be adopted.
    #[error(
        "topic {topic} exists and was not created by this pipeline; set adoptionPolicy: Adopt to use it, or choose \
         another name"
    )]
    Exists {
        /// The topic.
        topic: TopicName,
    },
    /// Another pipeline created it, and it is not to be adopted.
    #[error(
        "topic {topic} was created by the pipeline {owner}; set adoptionPolicy: Adopt to share it, or choose another \
         name"
    )]
    Conflict {
        /// The topic.
        topic: TopicName,
        /// The other pipeline, as `namespace/name`.
        owner: String,
    },
    /// Somebody else is to create it, and has not.
    #[error("topic {topic} does not exist, and managementPolicy: {policy} does not create it")]
    Missing {
        /// The topic.
        topic: TopicName,
        /// Who looks after it.
        policy: &'static str,
    },
}

/// What turns an observed topic into the desired one: as little as possible, or a refusal.
///
/// # Errors
/// When what is wanted is impossible or not allowed. Nothing is to be changed then.
pub fn plan(
    desired: &DesiredTopic,
    observed: Option<&ObservedTopic>,
    origin: &Origin,
) -> Result<TopicPlan, TopicRefusal> {
    let topic = || desired.name.clone();
    let observe = match desired.management {
        TopicManagementPolicy::Managed => None,
        TopicManagementPolicy::Observe => Some("Observe"),
        TopicManagementPolicy::Strimzi => Some("Strimzi"),
    };
    let Some(observed) = observed else {
        return match observe {
            None => Ok(TopicPlan { changes: vec![TopicChange::Create], drift: Vec::new() }),
            Some(policy) => Err(TopicRefusal::Missing { topic: topic(), policy }),
        };
    };
    if observe.is_some() {
        return Ok(TopicPlan { changes: Vec::new(), drift: drift(desired, observed) });
    }
    match (origin, desired.adoption) {
        (Origin::Ours, _) | (_, AdoptionPolicy::Adopt) => {}
        (Origin::Unknown, AdoptionPolicy::Fail) => return Err(TopicRefusal::Exists { topic: topic() }),
        (Origin::Theirs { owner }, AdoptionPolicy::Fail) => {
            return Err(TopicRefusal::Conflict { topic: topic(), owner: owner.clone() });
        }
    }
    let (present, wanted) = (observed.partitions, desired.partitions);
    if present > wanted {
        return Err(TopicRefusal::Shrink { topic: topic(), present, wanted });
    }
    let mut changes = Vec::new();
    if present < wanted {
        changes.push(TopicChange::Grow { from: present, to: wanted });
    }
    let settings: BTreeMap<_, _> = different_settings(desired, observed)
        .map(|(name, present, wanted)| (name.to_owned(), (present.map(str::to_owned), wanted.to_owned())))
        .collect();
    if !settings.is_empty() {
        changes.push(TopicChange::Configure(settings));
    }
    Ok(TopicPlan { changes, drift: different_replicas(desired, observed).into_iter().collect() })
}

fn drift(desired: &DesiredTopic, observed: &ObservedTopic) -> Vec<TopicDrift> {
    let (present, wanted) = (observed.partitions, desired.partitions);
    let partitions = (present != wanted).then_some(TopicDrift::Partitions { present, wanted });
    let settings = different_settings(desired, observed).map(|(name, present, wanted)| TopicDrift::Setting {
        name: name.to_owned(),
        present: present.map(str::to_owned),
        wanted: wanted.to_owned(),
    });
    partitions.into_iter().chain(different_replicas(desired, observed)).chain(settings).collect()
}

fn different_replicas(desired: &DesiredTopic, observed: &ObservedTopic) -> Option<TopicDrift> {
    let (present, wanted) = (observed.replicas?, desired.replicas?);
    (present != wanted).then_some(TopicDrift::Replicas { present, wanted })
}

fn different_settings<'a>(
    desired: &'a DesiredTopic,
    observed: &'a ObservedTopic,
) -> impl Iterator<Item = (&'a str, Option<&'a str>, &'a str)> {
    desired.config.iter().filter_map(|(name, wanted)| {
        let present = observed.config.get(name).map(String::as_str);
        let same = present.is_some_and(|present| same_setting(present, wanted));
        (!same).then_some((name.as_str(), present, wanted.as_str()))
    })
}

/// Whether two texts are the same value to Kafka.
pub(super) fn same_setting(left: &str, right: &str) -> bool {
    normal(left) == normal(right)
}

/// A value as Kafka reports it back, whichever way it was written: lists without blanks, plain numbers, lower-case truth.
fn normal(value: &str) -> String {
    let part = |part: &str| {
        let part = part.trim();
        match (part.parse::<i64>(), part.parse::<f64>()) {
            (Ok(integer), _) => integer.to_string(),
            (_, Ok(number)) => number.to_string(),
            _ if part.eq_ignore_ascii_case("true") || part.eq_ignore_ascii_case("false") => {
                part.to_ascii_lowercase()
            }
            _ => part.to_owned(),
        }
    };
    value.split(',').map(part).collect::<Vec<_>>().join(",")
}

impl TopicChange {
    /// The change of this topic, for people: `topic users_created: partitions 3 -> 6`.
    pub fn describe(&self, topic: &DesiredTopic) -> String {
        let name = &topic.name;
        match self {
            Self::Create => {
                let replicas =
                    topic.replicas.map_or("as the broker has it".to_owned(), |count| count.to_string());
                let config: String =
                    topic.config.iter().map(|(name, value)| format!(", {name}={value}")).collect();
                format!("topic {name}: create, partitions {}, replicas {replicas}{config}", topic.partitions)
            }
            Self::Grow { from, to } => format!("topic {name}: partitions {from} -> {to}"),
            Self::Configure(settings) => {
                let changes: Vec<String> = settings
                    .iter()
                    .map(|(setting, (present, wanted))| {
                        format!("{setting} {} -> {wanted}", present.as_deref().unwrap_or("(none)"))
                    })
                    .collect();
                format!("topic {name}: {}", changes.join(", "))
            }
        }
    }
}

impl fmt::Display for TopicDrift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replicas { present, wanted } => write!(
                formatter,
                "replicas are {present}, the pipeline wants {wanted}; move them with kafka-reassign-partitions"
            ),
            Self::Partitions { present, wanted } => {
                write!(formatter, "partitions are {present}, the pipeline wants {wanted}")
            }
            Self::Setting { name, present, wanted } => {
                let present = present.as_deref().unwrap_or("(none)");
                write!(formatter, "{name} is {present}, the pipeline wants {wanted}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn desired(partitions: u32, config: &[(&str, &str)]) -> DesiredTopic {
        DesiredTopic {
            name: "users_created".parse().unwrap(),
            partitions,
            replicas: Some(3),
            config: map(config),
            management: TopicManagementPolicy::Managed,
            adoption: AdoptionPolicy::Fail,
        }
    }

    fn observed(partitions: u32, config: &[(&str, &str)]) -> ObservedTopic {
        ObservedTopic {
            id: Some("id".to_owned()),
            created_by: None,
            partitions,
            replicas: Some(3),
            config: map(config),
        }
    }

    fn map(config: &[(&str, &str)]) -> BTreeMap<String, String> {
        config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn lines(desired: &DesiredTopic, observed: Option<&ObservedTopic>) -> Vec<String> {
        let plan = plan(desired, observed, &Origin::Ours).unwrap();
        plan.changes.iter().map(|change| change.describe(desired)).collect()
    }

    #[test]
    fn a_missing_topic_is_created_with_all_it_wants() {
        let mut wanted = desired(6, &[("retention.ms", "604800000")]);
        assert_eq!(
            lines(&wanted, None),
            ["topic users_created: create, partitions 6, replicas 3, retention.ms=604800000"]
        );
        wanted.replicas = None;
        wanted.config.clear();
        assert_eq!(
            lines(&wanted, None),
            ["topic users_created: create, partitions 6, replicas as the broker has it"]
        );
    }

    #[test]
    fn partitions_grow_and_settings_are_repaired_and_nothing_else_is_touched() {
        let wanted = desired(6, &[("retention.ms", "1000"), ("cleanup.policy", "compact, delete")]);
        let present = observed(
            3,
            &[("retention.ms", "5"), ("cleanup.policy", "compact,delete"), ("segment.bytes", "7")],
        );
        assert_eq!(
            lines(&wanted, Some(&present)),
            ["topic users_created: partitions 3 -> 6", "topic users_created: retention.ms 5 -> 1000"]
        );
    }

    #[test]
    fn a_setting_written_another_way_is_not_a_change() {
        for (wanted, present) in
            [("True", "true"), ("0.50", "0.5"), ("007", "7"), (" compact , delete", "compact,delete")]
        {
            let plan =
                lines(&desired(1, &[("setting", wanted)]), Some(&observed(1, &[("setting", present)])));
            assert!(plan.is_empty(), "{wanted}: {plan:?}");
        }
    }

    #[test]
    fn a_topic_never_shrinks() {
        let refusal = plan(&desired(3, &[]), Some(&observed(6, &[])), &Origin::Ours).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "topic users_created has 6 partitions and the pipeline wants 3: partitions cannot be taken away; set \
             partitions to 6, or use another topic"
        );
    }

    #[test]
    fn a_topic_of_somebody_else_is_used_only_when_it_is_to_be_adopted() {
        let present = observed(3, &[]);
        let theirs = Origin::Theirs { owner: "demo/others".to_owned() };
        let mut wanted = desired(3, &[]);
        let refusal = |origin| plan(&wanted, Some(&present), origin).unwrap_err();
        assert!(matches!(refusal(&Origin::Unknown), TopicRefusal::Exists { .. }));
        assert!(matches!(refusal(&theirs), TopicRefusal::Conflict { owner, .. } if owner == "demo/others"));
        assert_eq!(plan(&wanted, Some(&present), &Origin::Ours), Ok(TopicPlan::default()));
        wanted.adoption = AdoptionPolicy::Adopt;
        for origin in [Origin::Unknown, theirs] {
            assert_eq!(plan(&wanted, Some(&present), &origin), Ok(TopicPlan::default()), "{origin:?}");
        }
    }

    #[test]
    fn a_topic_that_somebody_else_looks_after_is_only_looked_at() {
        for management in [TopicManagementPolicy::Observe, TopicManagementPolicy::Strimzi] {
            let wanted = DesiredTopic { management, ..desired(6, &[("retention.ms", "1")]) };
            let missing = plan(&wanted, None, &Origin::Unknown).unwrap_err();
            assert!(matches!(missing, TopicRefusal::Missing { .. }), "{missing}");
            let seen = plan(&wanted, Some(&observed(9, &[])), &Origin::Unknown).unwrap();
            assert!(seen.changes.is_empty());
            let drift: Vec<String> = seen.drift.iter().map(ToString::to_string).collect();
            assert_eq!(
                drift,
                ["partitions are 9, the pipeline wants 6", "retention.ms is (none), the pipeline wants 1"]
            );
        }
    }

    /// What Kafka does with a plan.
    fn apply(desired: &DesiredTopic, observed: Option<ObservedTopic>, plan: &TopicPlan) -> ObservedTopic {
        let created = ObservedTopic {
            id: Some("new".to_owned()),
            created_by: None,
            partitions: desired.partitions,
            replicas: desired.replicas,
            config: desired.config.clone(),
        };
        let mut topic = observed.unwrap_or(created);
        for change in &plan.changes {
            match change {
                TopicChange::Create => {}
                TopicChange::Grow { to, .. } => topic.partitions = *to,
                TopicChange::Configure(settings) => {
                    topic
                        .config
                        .extend(settings.iter().map(|(name, (_, wanted))| (name.clone(), wanted.clone())));
                }
            }
        }
        topic
    }

    fn config() -> impl Strategy<Value = BTreeMap<String, String>> {
        prop::collection::btree_map(
            "[a-d]",
            "true|False|[0-9]{1,3}|compact, ?delete|0\\.50|[a-z ,]{0,8}",
            0..4,
        )
    }

    prop_compose! {
        fn any_desired()(
            partitions in 1_u32..5,
            replicas in prop::option::of(1_u16..4),
            config in config(),
            management in prop::sample::select(vec![
                TopicManagementPolicy::Managed, TopicManagementPolicy::Observe, TopicManagementPolicy::Strimzi,
            ]),
            adoption in prop::sample::select(vec![AdoptionPolicy::Fail, AdoptionPolicy::Adopt]),
        ) -> DesiredTopic {
            DesiredTopic { partitions, replicas, config, management, adoption, ..desired(1, &[]) }
        }
    }

    prop_compose! {
        fn any_observed()(partitions in 1_u32..5, replicas in prop::option::of(1_u16..4), config in config()) -> ObservedTopic {
            ObservedTopic { id: Some("id".to_owned()), created_by: None, partitions, replicas, config }
        }
    }

    fn any_origin() -> impl Strategy<Value = Origin> {
        prop::sample::select(vec![
            Origin::Ours,
            Origin::Unknown,
            Origin::Theirs { owner: "demo/others".to_owned() },
        ])
    }

    proptest! {
        #[test]
        fn after_the_plan_there_is_nothing_left_to_do(
            desired in any_desired(),
            observed in prop::option::of(any_observed()),
            origin in any_origin(),
        ) {
            if let Ok(first) = plan(&desired, observed.as_ref(), &origin) {
                let created = first.changes.contains(&TopicChange::Create);
                let after = apply(&desired, observed, &first);
                let origin = if created { Origin::Ours } else { origin };
                let second = plan(&desired, Some(&after), &origin).unwrap();
                prop_assert!(second.changes.is_empty(), "{:?} after {:?}", second, first);
            }
        }

        #[test]
        fn a_plan_takes_nothing_away(
            desired in any_desired(),
            observed in any_observed(),
            origin in any_origin(),
        ) {
            if let Ok(plan) = plan(&desired, Some(&observed), &origin) {
                let after = apply(&desired, Some(observed.clone()), &plan);
                prop_assert!(after.partitions >= observed.partitions);
                prop_assert_eq!(&after.id, &observed.id);
                for (name, value) in &observed.config {
                    prop_assert!(desired.config.contains_key(name) || after.config.get(name) == Some(value), "{name}");
                }
                if desired.management != TopicManagementPolicy::Managed {
                    prop_assert_eq!(after, observed);
                }
            }
        }
    }
}
