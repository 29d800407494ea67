use crate::test_namespace::Home;

impl Home {
    /// The objects of the pipeline `users`, once the operator has looked at another pipeline that came after everything
    /// that happened before: absence has no event of its own to wait for.
    async fn after_another_look(&self, other: &str) -> Vec<(String, String)> {
        self.cluster.apply(&self.pipeline(other)).await;
        self.await_object("job", &format!("{other}-provision-")).await;
        self.await_reason(other, "Provisioning").await;
        self.settled().await
    }

    async fn settled(&self) -> Vec<(String, String)> {
        self.versions().await.into_iter().filter(|(object, _)| !object.contains("-look")).collect()
    }
}

#[tokio::test]
async fn a_settled_pipeline_is_left_alone_and_a_new_operator_has_nothing_to_write() {
    let home = Home::new().await;
    let operator = home.operator().await;
    home.bring_up(&home.pipeline("users")).await;
    home.await_reason("users", "LagUnknown").await;
    let before = home.after_another_look("first-look").await;
    assert!(before.len() >= 6, "{before:?}");
    assert_eq!(home.after_another_look("second-look").await, before);

    // So that there is something to look at: every object is told of once more.
    home.cluster
        .kubectl(&["label", "-n", &home.namespace, "cronjob,deployment,job", "--all", "touched=yes"])
        .await;
    let touched = home.settled().await;
    let later = home.after_another_look("third-look").await;
    assert_eq!(later, touched, "labels of others stay, and nothing else is written");

    operator.kill();
    let next = home.operator().await;
    let later = home.after_another_look("fourth-look").await;
    assert_eq!(later, touched, "a new operator has nothing to do: {}", next.log());
    assert_eq!(next.errors(), Vec::<String>::new());
}
