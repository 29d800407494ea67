use std::collections::BTreeSet;

use userstream_e2e::poll_until::poll_until;

use crate::test_namespace::{TIMEOUT, TestNamespace, name};

impl TestNamespace {
    async fn provisioning(&self) -> BTreeSet<String> {
        let all = self.cluster.list("jobs", &self.namespace).await;
        all.iter().map(name).filter(|name| name.starts_with("users-provision-")).collect()
    }
}

#[tokio::test]
async fn new_annotation_value_provisions_again_and_keeps_workers() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    test.await_reason("users", "LagUnknown").await;
    let workers =
        test.cluster.get("deployment", &test.namespace, "users-processor").await["metadata"].clone();
    let mut before = test.provisioning().await;
    for when in ["now", "later"] {
        test.annotate(&format!("userstream.dev/requested-at={when}")).await;
        let next = poll_until("a new Job has replaced the former one", TIMEOUT, async || {
            let found = test.provisioning().await;
            if found.len() == 1 && found != before { Ok(found) } else { Err(format!("{found:?}")) }
        })
        .await;
        test.await_reason("users", "Provisioning").await;
        test.complete_jobs().await;
        test.await_reason("users", "LagUnknown").await;
        before = next;
    }
    let after = test.cluster.get("deployment", &test.namespace, "users-processor").await["metadata"].clone();
    assert_eq!(after["generation"], workers["generation"], "the workers are unchanged");
    assert_eq!(operator.errors(), Vec::<String>::new());
}
