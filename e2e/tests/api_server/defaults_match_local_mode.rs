//! A pipeline that is read from a cluster has the same defaults as the same file in local mode.

use std::collections::BTreeSet;

use serde_json::json;
use userstream_crds::UserStreamPipeline;
use userstream_crds::defaults::apply_defaults;
use userstream_crds::definition::schema;

use crate::broken_in_code::broken_in_code;
use crate::good_resources::resources;
use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn api_server_defaults_equal_local_mode_defaults() {
    let test = TestNamespace::new().await;
    for (number, (title, mut resource)) in resources().into_iter().enumerate() {
        let name = format!("defaults-{number}");
        // An empty section may break a rule. Defaults ignore that, but the API server does not.
        if !broken_in_code(&resource, None).is_empty() {
            resource["spec"]["source"]["http"]["interval"] = json!("10s");
            resource["spec"]["processor"] = json!({});
            resource["spec"]["schema"].as_object_mut().unwrap().remove("registry");
        }
        assert_eq!(broken_in_code(&resource, None), BTreeSet::new(), "{title}");
        resource["metadata"] = json!({"name": name, "namespace": test.namespace});
        test.cluster.apply(&resource).await;
        let stored = test.cluster.pipeline(&test.namespace, &name).await;
        let mut local = resource.clone();
        apply_defaults(schema(), &mut local);
        assert_eq!(stored["spec"], local["spec"], "{title}");
        let typed = |value: &serde_json::Value| {
            serde_json::from_value::<UserStreamPipeline>(value.clone()).unwrap().spec
        };
        let (inside, outside) = (typed(&stored), typed(&resource));
        assert_eq!(serde_json::to_value(inside).unwrap(), serde_json::to_value(outside).unwrap(), "{title}");
    }
}
