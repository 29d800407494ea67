//! Pipelines in a cluster, and their conditions.

use std::time::Duration;

use serde_json::Value;

use super::{Cluster, SYSTEM};
use crate::poll_until::poll_until;

/// The conditions of an object; empty when it has no status.
#[must_use]
pub fn conditions(object: &Value) -> &[Value] {
    object["status"]["conditions"].as_array().map_or(&[], Vec::as_slice)
}

/// The condition of this type; null when there is none.
#[must_use]
pub fn condition<'o>(object: &'o Value, of: &str) -> &'o Value {
    conditions(object).iter().find(|condition| condition["type"] == of).unwrap_or(&Value::Null)
}

impl Cluster {
    /// A pipeline as it is now.
    ///
    /// # Panics
    /// When it does not exist.
    pub async fn pipeline(&self, namespace: &str, name: &str) -> Value {
        self.get("userstreampipeline", namespace, name).await
    }

    /// Waits until a condition of a pipeline has this status for its current generation, and returns the pipeline.
    ///
    /// # Panics
    /// When it has not within `within`: with all conditions and the ends of the logs.
    pub async fn await_condition(
        &self,
        namespace: &str,
        name: &str,
        condition: &str,
        status: &str,
        within: Duration,
    ) -> Value {
        let probe = async || {
            let pipeline = self.pipeline(namespace, name).await;
            let found = self::condition(&pipeline, condition);
            if found["status"] == status && found["observedGeneration"] == pipeline["metadata"]["generation"]
            {
                return Ok(pipeline);
            }
            let text = |one: &Value| {
                format!("{} {} {}: {}", one["type"], one["status"], one["reason"], one["message"])
            };
            let shown: Vec<String> = conditions(&pipeline).iter().map(text).collect();
            Err(format!("{}\n{}", shown.join("\n"), self.try_logs(namespace).await))
        };
        poll_until(&format!("{namespace}/{name} has {condition}={status}"), within, probe).await
    }

    /// Waits until a condition of a pipeline has this reason, and returns the pipeline.
    ///
    /// # Panics
    /// When it has not within `within`.
    pub async fn await_reason(
        &self,
        namespace: &str,
        name: &str,
        condition: &str,
        reason: &str,
        within: Duration,
    ) -> Value {
        let probe = async || {
            let pipeline = self.pipeline(namespace, name).await;
            let is = self::condition(&pipeline, condition)["reason"] == reason;
            if is { Ok(pipeline) } else { Err(format!("{:#?}", conditions(&pipeline))) }
        };
        poll_until(&format!("{namespace}/{name} has {condition} for the reason {reason}"), within, probe)
            .await
    }

    /// The last lines of the logs of the operator and of a namespace's workers.
    async fn try_logs(&self, namespace: &str) -> String {
        let mut logs = String::new();
        for (namespace, selector) in
            [(SYSTEM, "app.kubernetes.io/name=userstream-operator"), (namespace, "userstream.dev/pipeline")]
        {
            let arguments = ["logs", "-n", namespace, "-l", selector, "--tail=5", "--prefix"];
            logs += &String::from_utf8_lossy(&self.try_kubectl(&arguments).await.stdout);
        }
        logs
    }
}
