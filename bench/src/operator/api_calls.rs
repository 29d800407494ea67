//! The operator's API calls by resource and verb: from the API server's metrics, without the calls of other clients.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::Request;
use kube::Client;

/// The resources that the operator writes.
const RESOURCES: [&str; 9] = [
    "configmaps",
    "cronjobs",
    "deployments",
    "events",
    "jobs",
    "leases",
    "networkpolicies",
    "poddisruptionbudgets",
    "userstreampipelines",
];
/// Calls of this benchmark, and of the API server, which renews a Lease too.
const OF_OTHERS: [(&str, &str); 4] = [
    ("userstreampipelines", "POST"),
    ("jobs/status", "PUT"),
    ("deployments/status", "PUT"),
    ("leases", "PUT"),
];
/// Verbs that a client calls once for each kind, as this benchmark does too.
const ONCE: [&str; 3] = ["LIST", "WATCH", "CONNECT"];

/// Counts of calls by resource and verb.
#[derive(Clone, Debug, Default)]
pub(super) struct ApiCalls(BTreeMap<(String, String), u64>);

impl ApiCalls {
    /// The counts since the start of the API server.
    pub(super) async fn now(client: &Client) -> Self {
        let request = Request::get("/metrics").body(Vec::new()).expect("the request is well formed");
        let metrics = client.request_text(request).await.expect("the API server has metrics");
        let mut calls = Self::default();
        for line in metrics.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")) {
            let Some((labels, value)) = line.rsplit_once("} ") else { continue };
            let label = |name: &str| {
                let (_, rest) = labels.split_once(&format!("{name}=\""))?;
                rest.split('"').next()
            };
            let (resource, verb) = (label("resource").unwrap_or_default(), label("verb").unwrap_or_default());
            let Some(subresource) = label("subresource") else { continue };
            let whole = if subresource.is_empty() {
                resource.to_owned()
            } else {
                format!("{resource}/{subresource}")
            };
            let is_others = OF_OTHERS.contains(&(whole.as_str(), verb)) || ONCE.contains(&verb);
            if RESOURCES.contains(&resource) && !is_others {
                let count: u64 = value.parse().expect("a count is a number");
                *calls.0.entry((whole, verb.to_owned())).or_default() += count;
            }
        }
        calls
    }

    /// The difference to earlier counts.
    pub(super) fn since(&self, before: &Self) -> Self {
        let since = |(of, count): (&(String, String), &u64)| {
            let count = count - before.0.get(of).unwrap_or(&0);
            (count > 0).then(|| (of.clone(), count))
        };
        Self(self.0.iter().filter_map(since).collect())
    }

    /// A table of the counts, in total and per pipeline.
    #[allow(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
    pub(super) fn table(&self, pipelines: usize) -> String {
        let per_pipeline = |count: u64| count as f64 / pipelines as f64;
        let line = |((resource, verb), count): (&(String, String), &u64)| {
            format!("| {resource} | {verb} | {count} | {:.2} |\n", per_pipeline(*count))
        };
        let lines: String = self.0.iter().map(line).collect();
        let all: u64 = self.0.values().sum();
        format!(
            "| resource | verb | calls | per pipeline |\n|---|---|---|---|\n{lines}| all | | {all} | {:.2} |",
            per_pipeline(all)
        )
    }
}

impl fmt::Display for ApiCalls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("no calls of the API");
        }
        let calls = self.0.iter().map(|((resource, verb), count)| format!("{count} × {verb} {resource}"));
        formatter.write_str(&calls.collect::<Vec<_>>().join(", "))
    }
}
