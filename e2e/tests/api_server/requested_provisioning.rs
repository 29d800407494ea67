use std::collections::BTreeSet;

use userstream_e2e::poll_until::await_until;

use crate::test_namespace::{Home, PATIENCE, name};

impl Home {
    async fn provisioning(&self) -> BTreeSet<String> {
        let all = self.cluster.list("jobs", &self.namespace).await;
        all.iter().map(name).filter(|name| name.starts_with("users-provision-")).collect()
    }
}

#[tokio::test]
async fn a_new_value_of_the_annotation_provisions_once_more_and_disturbs_no_worker() {
    let home = Home::new().await;
    let operator = home.operator().await;
    home.bring_up(&home.pipeline("users")).await;
    home.await_reason("users", "LagUnknown").await;
    let workers =
        home.cluster.get("deployment", &home.namespace, "users-processor").await["metadata"].clone();
    let mut before = home.provisioning().await;
    for when in ["now", "later"] {
        home.annotate(&format!("userstream.dev/requested-at={when}")).await;
        let next = await_until("another Job has taken the place of the one before", PATIENCE, async || {
            let found = home.provisioning().await;
            if found.len() == 1 && found != before { Ok(found) } else { Err(format!("{found:?}")) }
        })
        .await;
        home.await_reason("users", "Provisioning").await;
        home.complete_jobs().await;
        home.await_reason("users", "LagUnknown").await;
        before = next;
    }
    let after = home.cluster.get("deployment", &home.namespace, "users-processor").await["metadata"].clone();
    assert_eq!(after["generation"], workers["generation"], "they go on as they were");
    assert_eq!(operator.errors(), Vec::<String>::new());
}
