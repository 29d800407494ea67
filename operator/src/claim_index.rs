//! Who claims what, of all pipelines, and who gets it when two claim the same: the older one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use userstream_crds::claims::{Claim, Subject};

/// When a pipeline was created; a UID decides between two of the same second.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seniority {
    created: Option<Timestamp>,
    uid: String,
}

impl Seniority {
    fn of(metadata: &ObjectMeta) -> Self {
        Self {
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            uid: metadata.uid.clone().unwrap_or_default(),
        }
    }
}

/// A pipeline by its namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A claim that an older pipeline has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What both claim.
    pub subject: Subject,
    /// The older pipeline.
    pub holder: Holder,
}

#[derive(Clone, Debug)]
struct Entry {
    seniority: Seniority,
    holder: Holder,
    claims: Vec<Claim>,
}

/// Who claims what, kept up to date as pipelines come and go.
#[derive(Clone, Debug, Default)]
pub struct ClaimIndex {
    entries: BTreeMap<String, Entry>,
    claimants: BTreeMap<Subject, BTreeSet<(Seniority, String)>>,
}

impl ClaimIndex {
    /// Notes what the pipeline with these metadata claims. One whose spec is not valid (`None`) goes on claiming what it did:
    /// it goes on working with its last good configuration. Tells which younger ones what it gave up, or claims from now on,
    /// may concern.
    pub fn insert(&mut self, metadata: &ObjectMeta, claims: Option<Vec<Claim>>) -> BTreeSet<Holder> {
        let seniority = Seniority::of(metadata);
        let uid = seniority.uid.clone();
        let known = self.entries.get(&uid).map(|entry| entry.claims.clone());
        let Some(claims) = claims.or_else(|| known.clone()) else { return BTreeSet::new() };
        let known = known.unwrap_or_default();
        let given_up = known.iter().filter(|claim| !claims.contains(claim));
        let new = claims.iter().filter(|claim| !known.contains(claim));
        let concerned = given_up.chain(new).flat_map(|claim| self.younger(&seniority, claim)).collect();
        self.remove(&uid);
        for claim in &claims {
            let claimants = self.claimants.entry(claim.subject.clone()).or_default();
            claimants.insert((seniority.clone(), uid.clone()));
        }
        let holder = Holder {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        };
        self.entries.insert(uid, Entry { seniority, holder, claims });
        concerned
    }

    /// Those that claim the same, and are younger.
    fn younger(&self, than: &Seniority, claim: &Claim) -> impl Iterator<Item = Holder> {
        let claimants = self.claimants.get(&claim.subject).into_iter().flatten();
        let younger = claimants.filter(move |(seniority, _)| seniority > than);
        younger.filter_map(|(_, uid)| Some(self.entries.get(uid)?.holder.clone()))
    }

    /// Whether anything is known of the pipeline with this UID.
    #[must_use]
    pub fn knows(&self, uid: &str) -> bool {
        self.entries.contains_key(uid)
    }

    /// Forgets the pipeline with this UID, and tells who may have waited for what it had.
    pub fn remove(&mut self, uid: &str) -> BTreeSet<Holder> {
        let mut waiting = BTreeSet::new();
        let Some(entry) = self.entries.remove(uid) else { return waiting };
        for claim in &entry.claims {
            let Some(claimants) = self.claimants.get_mut(&claim.subject) else { continue };
            claimants.remove(&(entry.seniority.clone(), uid.to_owned()));
            let others = claimants.iter().filter_map(|(_, uid)| self.entries.get(uid));
            waiting.extend(others.map(|other| other.holder.clone()));
            if claimants.is_empty() {
                self.claimants.remove(&claim.subject);
            }
        }
        waiting
    }

    /// The first claim of the pipeline with this UID that an older one has.
    #[must_use]
    pub fn conflict(&self, uid: &str) -> Option<Conflict> {
        let own = self.entries.get(uid)?;
        own.claims.iter().find_map(|claim| {
            let claimants = self.claimants.get(&claim.subject)?;
            let older = claimants.iter().take_while(|(seniority, _)| *seniority < own.seniority);
            let mut older = older.filter_map(|(_, uid)| self.entries.get(uid));
            let holder = older.find(|entry| entry.claims.iter().any(|other| other.conflicts_with(claim)))?;
            Some(Conflict { subject: claim.subject.clone(), holder: holder.holder.clone() })
        })
    }
}
