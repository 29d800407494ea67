use crate::test_namespace::TestNamespace;

impl TestNamespace {
    /// The resource versions after the operator has reconciled another pipeline, which was created after all earlier
    /// events. The absence of a write emits no event that a test could wait for.
    async fn versions_after_reconcile_of(&self, other: &str) -> Vec<(String, String)> {
        self.cluster.apply(&self.pipeline(other)).await;
        self.await_object("job", &format!("{other}-provision-")).await;
        self.await_reason(other, "Provisioning").await;
        self.converged_versions().await
    }

    async fn converged_versions(&self) -> Vec<(String, String)> {
        self.versions().await.into_iter().filter(|(object, _)| !object.contains("-later")).collect()
    }
}

#[tokio::test]
async fn converged_pipeline_is_not_written_even_by_a_new_operator() {
    let test = TestNamespace::new().await;
    let operator = test.operator().await;
    test.bring_up(&test.pipeline("users")).await;
    test.await_reason("users", "LagUnknown").await;
    let before = test.versions_after_reconcile_of("first-later").await;
    assert!(before.len() >= 6, "{before:?}");
    assert_eq!(test.versions_after_reconcile_of("second-later").await, before);

    // A change of every object, so that each watch delivers an event.
    test.cluster
        .kubectl(&["label", "-n", &test.namespace, "cronjob,deployment,job", "--all", "touched=yes"])
        .await;
    let touched = test.converged_versions().await;
    let later = test.versions_after_reconcile_of("third-later").await;
    assert_eq!(later, touched, "foreign labels are kept, and nothing is written");

    operator.kill();
    let next = test.operator().await;
    let later = test.versions_after_reconcile_of("fourth-later").await;
    assert_eq!(later, touched, "a new operator writes nothing: {}", next.log());
    assert_eq!(next.errors(), Vec::<String>::new());
}
