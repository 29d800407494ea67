//! How many processors there should be, from the lag and the write latency that they report.

use std::time::Duration;

use jiff::Timestamp;
use userstream_crds::model::Autoscaling;

/// What is known when a decision is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// How many processors there are.
    pub current: u32,
    /// How many partitions the topic has: more processors than that stand idle.
    pub partitions: u32,
    /// How many records are not written yet. `None` while unknown.
    pub lag: Option<u64>,
    /// The 99th percentile of the table's write latency. `None` when nothing was written of late.
    pub write_latency: Option<Duration>,
    /// Since when fewer processors would do, as the last decision said.
    pub low_since: Option<Timestamp>,
}

/// How many processors there should be, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How many.
    pub replicas: u32,
    /// Why.
    pub reason: Reason,
    /// Since when fewer would do; to be handed to the next decision.
    pub low_since: Option<Timestamp>,
}

/// Why there should be as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There are as many as the lag wants.
    Steady,
    /// The number was outside of the limits.
    Limits,
    /// Nothing is decided without knowing the lag.
    UnknownLag,
    /// The lag wants more.
    LagHigh,
    /// The lag wants more than the largest number allowed.
    AtMaximum,
    /// The lag wants more, but the table is slow: more processors would only make it slower.
    SlowTable,
    /// Fewer would do, but not for long enough yet.
    Cooldown,
    /// Fewer have done for long enough.
    LagLow,
}

impl Reason {
    /// The reason as conditions have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "Steady",
            Self::Limits => "Limits",
            Self::UnknownLag => "UnknownLag",
            Self::LagHigh => "LagHigh",
            Self::AtMaximum => "AtMaximum",
            Self::SlowTable => "SlowTable",
            Self::Cooldown => "Cooldown",
            Self::LagLow => "LagLow",
        }
    }

    /// The reason for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Steady => "there are as many processors as the lag wants",
            Self::Limits => "the number of processors was outside of minReplicas and maxReplicas",
            Self::UnknownLag => "the number of processors is held while the lag is unknown",
            Self::LagHigh => "processors are added: the lag is above lagThreshold for each",
            Self::AtMaximum => {
                "the lag wants more processors than maxReplicas or the topic's partitions allow"
            }
            Self::SlowTable => {
                "no processor is added: writes take longer than sinkLatencyCeiling or none succeeds, so the table is the bottleneck"
            }
            Self::Cooldown => "fewer processors would do; they are taken away after cooldown",
            Self::LagLow => "processors are taken away: fewer have done for as long as cooldown",
        }
    }
}

/// Decides how many processors there should be.
#[must_use]
pub fn decide(policy: &Autoscaling, load: &Load, now: Timestamp) -> Decision {
    let most = policy.max_replicas.get().min(load.partitions.max(1));
    let fewest = policy.min_replicas.get().min(most);
    let held = |reason| Decision { replicas: load.current, reason, low_since: None };
    if load.current < fewest || load.current > most {
        return Decision {
            replicas: load.current.clamp(fewest, most),
            reason: Reason::Limits,
            low_since: None,
        };
    }
    let Some(lag) = load.lag else { return held(Reason::UnknownLag) };
    let wanted = u32::try_from(lag.div_ceil(policy.lag_threshold.get())).unwrap_or(u32::MAX);
    let allowed = wanted.clamp(fewest, most);
    if allowed > load.current {
        // A table that has acknowledged nothing of late is no quicker than a slow one.
        let is_slow = load.write_latency.is_none_or(|latency| latency > policy.sink_latency_ceiling);
        return if is_slow {
            held(Reason::SlowTable)
        } else {
            Decision { replicas: allowed, ..held(Reason::LagHigh) }
        };
    }
    if allowed == load.current {
        return held(if wanted > allowed { Reason::AtMaximum } else { Reason::Steady });
    }
    let since = load.low_since.unwrap_or(now);
    let low_for = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    if low_for >= policy.cooldown {
        Decision { replicas: allowed, ..held(Reason::LagLow) }
    } else {
        Decision { low_since: Some(since), ..held(Reason::Cooldown) }
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn policy(min: u32, max: u32) -> Autoscaling {
        Autoscaling {
            min_replicas: NonZeroU32::new(min).unwrap(),
            max_replicas: NonZeroU32::new(max).unwrap(),
            lag_threshold: NonZeroU64::new(1000).unwrap(),
            cooldown: Duration::from_secs(300),
            sink_latency_ceiling: Duration::from_millis(50),
        }
    }

    fn load(current: u32, lag: u64) -> Load {
        Load {
            current,
            partitions: 6,
            lag: Some(lag),
            write_latency: Some(Duration::from_millis(5)),
            low_since: None,
        }
    }

    fn decision(load: &Load) -> (u32, Reason) {
        let decided = decide(&policy(1, 6), load, NOW);
        (decided.replicas, decided.reason)
    }

    #[test]
    fn a_processor_is_added_for_each_threshold_of_lag() {
        assert_eq!(decision(&load(1, 1000)), (1, Reason::Steady));
        assert_eq!(decision(&load(1, 1001)), (2, Reason::LagHigh));
        assert_eq!(decision(&load(2, 5_500)), (6, Reason::LagHigh));
        assert_eq!(decision(&load(6, 1_000_000)), (6, Reason::AtMaximum));
        assert_eq!(decision(&load(6, u64::MAX)), (6, Reason::AtMaximum));
    }

    #[test]
    fn unknown_lag_and_a_slow_table_hold_the_number() {
        assert_eq!(decision(&Load { lag: None, ..load(3, 0) }), (3, Reason::UnknownLag));
        let slow = Load { write_latency: Some(Duration::from_millis(51)), ..load(3, 9000) };
        assert_eq!(decision(&slow), (3, Reason::SlowTable));
        let stuck = Load { write_latency: None, ..slow };
        assert_eq!(decision(&stuck), (3, Reason::SlowTable));
        let quick = Load { write_latency: Some(Duration::from_millis(50)), ..slow };
        assert_eq!(decision(&quick), (6, Reason::LagHigh));
    }

    #[test]
    fn processors_are_taken_away_only_after_the_cooldown() {
        let first = decide(&policy(1, 6), &load(4, 0), NOW);
        assert_eq!((first.replicas, first.reason, first.low_since), (4, Reason::Cooldown, Some(NOW)));
        let later = |seconds: i64| {
            let load = Load { low_since: first.low_since, ..load(4, 1500) };
            decide(&policy(1, 6), &load, NOW + jiff::SignedDuration::from_secs(seconds))
        };
        assert_eq!((later(299).replicas, later(299).low_since), (4, Some(NOW)));
        assert_eq!((later(300).replicas, later(300).reason), (2, Reason::LagLow));
    }

    #[test]
    fn a_peak_starts_the_cooldown_again() {
        let load = Load { low_since: Some(NOW), ..load(4, 3500) };
        assert_eq!(decide(&policy(1, 6), &load, NOW).low_since, None);
    }

    proptest! {
        #[test]
        fn the_number_is_within_the_limits_and_the_partitions_whatever_is_reported(
            (min, max) in (1u32..20).prop_flat_map(|min| (Just(min), min..40)),
            current in 0u32..100,
            partitions in 1u32..50,
            lag in proptest::option::of(any::<u64>()),
            latency in proptest::option::of(0u64..200),
            low in proptest::option::of(-1_000_000i64..1_000_000),
        ) {
            let load = Load {
                current,
                partitions,
                lag,
                write_latency: latency.map(Duration::from_millis),
                low_since: low.map(|seconds| NOW + jiff::SignedDuration::from_secs(seconds)),
            };
            let decided = decide(&policy(min, max), &load, NOW);
            let most = max.min(partitions);
            prop_assert!((min.min(most)..=most).contains(&decided.replicas), "{decided:?}");
            if lag.is_none() && (min.min(most)..=most).contains(&current) {
                prop_assert_eq!(decided.replicas, current);
            }
        }
    }
}
