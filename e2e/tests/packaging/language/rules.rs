//! The words that the project does not use, what it uses instead, and the exceptions with their reasons.
//!
//! A phrase is a sequence of words in lower case. `|` separates the alternatives of one word.

/// A phrase that does not appear.
pub(crate) struct Banned {
    pub(crate) phrase: &'static str,
    /// The field's words for it.
    pub(crate) instead: &'static str,
}

const fn banned(phrase: &'static str, instead: &'static str) -> Banned {
    Banned { phrase, instead }
}

/// In names, comments, documentation and messages.
pub(crate) const BANNED: &[Banned] = &[
    banned("tell|tells|telling|told|untold", "report, log, return, print, document"),
    banned("whoever|whom|whomever", "name the actor: the operator, the worker, the user"),
    banned("somebody|nobody|anybody|everybody", "name the actor: the operator, the worker, the user"),
    banned("look|looks|looked|looking", "reconcile, inspect, read, check"),
    banned("gist", "summary"),
    banned("pace", "rate, interval, backoff"),
    banned("guarded", "deserialize guard, invalid object"),
    banned("slim", "store transform"),
    banned("packed|packs|unpacked", "compressed object"),
    banned("urgency|urgent|unhurried", "priority"),
    banned("settled", "converged, ready"),
    banned("judge|judges|judged", "classify, validate, compare"),
    banned("lasting", "permanent"),
    banned("planted", "mutant, injected"),
    banned("stand in|ins", "fake"),
    banned("stands in for", "is a fake of"),
    banned("made up", "synthetic"),
    banned("mates", "the other members, replicas"),
    banned("gulp", "batch"),
    banned("keep|keeps|keeping house", "maintenance"),
    banned("keep|keeps somebody|others|other|people waiting", "block"),
    banned("what become|becomes|became of", "what happens to, the outcome of"),
    banned("has been seen to", "is handled"),
    banned("come|comes|came into being", "is created"),
    banned("of its|their own", "its own, separate, dedicated"),
    banned("by itself alone", "alone"),
    banned("come|comes to rest", "converges"),
    banned("at rest", "converged, idle"),
    banned("want|wants|wanted to know", "requires"),
    banned("know|knows of", "has, stores"),
    banned("passing fault|faults|error|errors|failure|failures", "transient"),
    banned("fault|faults|error|errors|failure|failures pass|passes", "is transient"),
    banned("fault|faults|error|errors|failure|failures that pass|passes", "transient"),
    banned("slow field|fields|value|values|number|numbers", "volatile field"),
    banned("watch|watches|watched|watching scope|scopes", "watches, namespaces"),
    banned("goes round", "cycles"),
    banned("a|the|its|next|each|every round|rounds", "cycle, iteration, scrape"),
    banned("in turn", "in order, one after the other"),
    banned("take|takes turns", "alternates"),
    banned("turn|turns of", "slot, priority"),
    banned("turn has come", "is scheduled"),
    banned(
        "a|its|their|whose|the|next|his|my|each|own|this|that|one|every|first|last turn|turns",
        "slot, priority, rollout step",
    ),
];

/// In names alone, where the word has a better one; in prose it may have its plain meaning.
pub(crate) const BANNED_IN_NAMES: &[Banned] = &[
    banned("turn|turns", "slot, priority, rollout step, lock"),
    banned("rounds", "cycles, iterations, scrapes"),
    banned("memory|memories", "state, store"),
    banned("settle", "converge"),
    banned("passing", "transient"),
    banned("plant", "inject"),
    banned("home|homes", "fixture, folder"),
    banned("rival", "another replica, a concurrent writer"),
    banned("story|stories", "scenario, outcome"),
    banned("verdict", "condition, comparison"),
    banned("poison", "errant record, dead letter"),
    banned("keeper", "session, holder"),
    banned("patient", "low priority"),
    banned("mourning", "awaiting the end"),
];

/// A use of a banned phrase that is the field's own.
pub(crate) struct Allowed {
    /// The phrase with the words around it that make it the field's.
    pub(crate) phrase: &'static str,
    /// The files in which it is allowed, as the beginning of their paths; empty for all.
    pub(crate) files: &'static str,
    pub(crate) reason: &'static str,
}

const fn allowed(phrase: &'static str, files: &'static str, reason: &'static str) -> Allowed {
    Allowed { phrase, files, reason }
}

/// Every allowed use.
pub(crate) const ALLOWED: &[Allowed] = &[
    allowed("peak|resident memory", "", "the memory of a process"),
    allowed("exhausts memory", "", "the memory of a process"),
    allowed("in memory", "", "in the memory of a process, such as a database of SQLite"),
    allowed("out of memory", "", "an error of SQLite and of the operating system"),
    allowed("look", "expression/src/pattern.rs", "an assertion of the crate regex-syntax"),
    allowed("round trip", "", "the time from a request to its response"),
];

/// Files whose words are not the project's, by the beginning or the end of their paths, with the reason.
pub(crate) const EXCLUDED: &[(&str, &str)] = &[
    ("Cargo.lock", "generated by cargo"),
    ("LICENSE", "the text of the licence"),
    ("go.mod", "names of modules"),
    ("go.sum", "names of modules"),
    ("e2e/fixtures/", "recorded responses of randomuser.me"),
    ("e2e/tests/packaging/language/", "the rules and their tests"),
];
