//! Partition assignment within a consumer group.
//!
//! A partition has one owner at a time: a member claims a partition only after its last owner has committed and
//! released it.

use std::collections::BTreeSet;

/// A member of a group, in the order of joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MemberId(u64);

/// The members of one group on one topic, and who owns which partition.
#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeSet<MemberId>,
    owners: Vec<Option<MemberId>>,
    joined: u64,
    generation: u64,
}

impl Group {
    /// Adds a member, which owns no partition yet.
    pub(super) fn join(&mut self) -> MemberId {
        self.joined += 1;
        self.generation += 1;
        let member = MemberId(self.joined);
        self.members.insert(member);
        member
    }

    /// Removes a member and its ownerships.
    pub(super) fn leave(&mut self, member: MemberId) {
        self.generation += 1;
        self.members.remove(&member);
        for owner in &mut self.owners {
            owner.take_if(|owner| *owner == member);
        }
    }

    /// Sets the number of partitions, which only grows.
    pub(super) fn grow(&mut self, partitions: usize) {
        if partitions > self.owners.len() {
            self.generation += 1;
            self.owners.resize(partitions, None);
        }
    }

    /// Changes with every change of the group.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Partitions that this member owns and another is to own.
    pub(super) fn to_release(&self, member: MemberId) -> Vec<i32> {
        self.partitions(|partition, owner| owner == Some(member) && self.target(partition) != Some(member))
    }

    /// Partitions that this member is to own and that have no owner.
    pub(super) fn to_claim(&self, member: MemberId) -> Vec<i32> {
        self.partitions(|partition, owner| owner.is_none() && self.target(partition) == Some(member))
    }

    /// Releases partitions that this member owns.
    pub(super) fn release(&mut self, member: MemberId, partitions: &[i32]) {
        self.generation += 1;
        for partition in partitions {
            if let Some(owner) = self.owner_mut(*partition) {
                owner.take_if(|owner| *owner == member);
            }
        }
    }

    /// Claims partitions without an owner, unless the group has changed since `generation`.
    pub(super) fn claim(&mut self, member: MemberId, partitions: &[i32], generation: u64) -> bool {
        if generation != self.generation || !self.members.contains(&member) {
            return false;
        }
        self.generation += 1;
        for partition in partitions {
            if let Some(owner) = self.owner_mut(*partition) {
                owner.get_or_insert(member);
            }
        }
        true
    }

    /// The member that is to own a partition: round-robin.
    fn target(&self, partition: usize) -> Option<MemberId> {
        let index = partition.checked_rem(self.members.len())?;
        self.members.iter().nth(index).copied()
    }

    fn partitions(&self, chosen: impl Fn(usize, Option<MemberId>) -> bool) -> Vec<i32> {
        let owned = self.owners.iter().enumerate().filter(|(partition, owner)| chosen(*partition, **owner));
        owned.filter_map(|(partition, _)| i32::try_from(partition).ok()).collect()
    }

    fn owner_mut(&mut self, partition: i32) -> Option<&mut Option<MemberId>> {
        self.owners.get_mut(usize::try_from(partition).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Join,
        Leave(usize),
        Grow(usize),
        Release(usize),
        Claim(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Join),
            (0_usize..4).prop_map(Step::Leave),
            (1_usize..9).prop_map(Step::Grow),
            (0_usize..4).prop_map(Step::Release),
            (0_usize..4).prop_map(Step::Claim),
        ]
    }

    /// What the members believe they own.
    type Beliefs = BTreeMap<MemberId, BTreeSet<i32>>;

    fn act(group: &mut Group, beliefs: &mut Beliefs, step: &Step) {
        let chosen = |index: usize, beliefs: &Beliefs| beliefs.keys().nth(index).copied();
        match step {
            Step::Join => {
                beliefs.insert(group.join(), BTreeSet::new());
            }
            Step::Leave(index) => {
                if let Some(member) = chosen(*index, beliefs) {
                    group.leave(member);
                    beliefs.remove(&member);
                }
            }
            Step::Grow(partitions) => group.grow(*partitions),
            Step::Release(index) => {
                if let Some(member) = chosen(*index, beliefs) {
                    let partitions = group.to_release(member);
                    beliefs.get_mut(&member).unwrap().retain(|partition| !partitions.contains(partition));
                    group.release(member, &partitions);
                }
            }
            Step::Claim(index) => {
                if let Some(member) = chosen(*index, beliefs) {
                    let partitions = group.to_claim(member);
                    if group.claim(member, &partitions, group.generation()) {
                        beliefs.get_mut(&member).unwrap().extend(partitions);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn partition_never_has_two_owners(steps in prop::collection::vec(step(), 1..60)) {
            let mut group = Group::default();
            let mut beliefs = Beliefs::new();
            for step in &steps {
                act(&mut group, &mut beliefs, step);
                let owned: Vec<i32> = beliefs.values().flatten().copied().collect();
                let distinct: BTreeSet<i32> = owned.iter().copied().collect();
                prop_assert_eq!(owned.len(), distinct.len(), "after {:?}: {:?}", step, beliefs);
            }
        }

        #[test]
        fn every_partition_has_an_owner_after_release_and_claim(
            steps in prop::collection::vec(step(), 1..60),
        ) {
            let mut group = Group::default();
            let mut beliefs = Beliefs::new();
            act(&mut group, &mut beliefs, &Step::Join);
            for step in steps.iter().chain([&Step::Join, &Step::Grow(8)]) {
                act(&mut group, &mut beliefs, step);
            }
            for step in [Step::Release, Step::Claim] {
                for index in 0..beliefs.len() {
                    act(&mut group, &mut beliefs, &step(index));
                }
            }
            let owned: BTreeSet<i32> = beliefs.values().flatten().copied().collect();
            prop_assert_eq!(owned, (0..8).collect::<BTreeSet<i32>>());
            let shares: Vec<usize> = beliefs.values().map(BTreeSet::len).collect();
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
        }
    }

    #[test]
    fn claim_after_a_concurrent_change_takes_nothing() {
        let mut group = Group::default();
        let first = group.join();
        group.grow(2);
        let seen = group.generation();
        let second = group.join();
        assert!(!group.claim(first, &[0, 1], seen));
        assert_eq!(group.to_claim(first), [0]);
        assert_eq!(group.to_claim(second), [1]);
    }
}
