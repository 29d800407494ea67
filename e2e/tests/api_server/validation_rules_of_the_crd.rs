//! The API server enforces the validation rules of the CustomResourceDefinition, with the texts of `usp validate`.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use userstream_crds::rules;

use crate::broken_in_code::{FINER_IN_CODE, broken_in_code, well_shaped};
use crate::changes::{Change, changes};
use crate::test_namespace::TestNamespace;

/// How many requests are in flight at the same time.
const CLIENTS: usize = 4;

/// The texts of all rules in the CustomResourceDefinition.
fn texts_in_cel() -> BTreeSet<String> {
    fn collect(schema: &Value, texts: &mut BTreeSet<String>) {
        match schema {
            Value::Object(members) => {
                let rules = members.get("x-kubernetes-validations").and_then(Value::as_array);
                texts.extend(
                    rules
                        .into_iter()
                        .flatten()
                        .filter_map(|rule| rule["message"].as_str())
                        .map(str::to_owned),
                );
                members.values().for_each(|member| collect(member, texts));
            }
            Value::Array(elements) => elements.iter().for_each(|element| collect(element, texts)),
            _ => {}
        }
    }
    let mut texts = BTreeSet::new();
    collect(userstream_crds::definition::schema(), &mut texts);
    texts
}

/// The texts of rules that a refusal contains: kubectl prints one cause per line, with its text at the end.
fn named(refusal: &str, texts: &BTreeSet<String>) -> BTreeSet<String> {
    let says = |text: &&String| refusal.lines().any(|line| line.ends_with(&format!(": {text}")));
    texts.iter().filter(says).cloned().collect()
}

#[tokio::test]
async fn invalid_resource_is_refused_with_the_texts_of_usp_validate() {
    let test = TestNamespace::new().await;
    let in_cel = texts_in_cel();
    assert!(in_cel.len() > 50, "{} texts", in_cel.len());
    let answers: Vec<(String, BTreeSet<String>, Result<String, String>)> = stream::iter(well_shaped())
        .map(async |(title, value)| {
            let code = broken_in_code(&value, None);
            let answer = test.cluster.dry_run_create(&test.namespace, &value).await;
            (title, code, answer)
        })
        .buffer_unordered(CLIENTS)
        .collect()
        .await;
    assert!(answers.len() > 70, "{} resources", answers.len());
    let mut seen = BTreeSet::new();
    for (title, code, answer) in answers {
        let expected: BTreeSet<String> = code.intersection(&in_cel).cloned().collect();
        let must: BTreeSet<String> =
            expected.iter().filter(|text| !FINER_IN_CODE.contains(&text.as_str())).cloned().collect();
        let refusal = match answer {
            Ok(_) => String::new(),
            Err(refusal) => refusal,
        };
        // An invalid object name fails Kubernetes' validation, which precedes the rules of the CRD.
        if refusal.contains("RFC 1123") {
            assert!(expected.contains(rules::PIPELINE_NAME.message), "{title}: {refusal}");
            continue;
        }
        let reported = named(&refusal, &in_cel);
        assert!(must.is_subset(&reported), "{title}\nin code: {expected:#?}\nby the API server: {refusal}");
        assert!(
            reported.is_subset(&expected),
            "{title}\nin code: {expected:#?}\nby the API server: {refusal}"
        );
        seen.extend(reported);
    }
    // The transition rules are broken by the test below; together the two cover every rule.
    seen.extend(changes().iter().flat_map(|change| change.breaks.iter().map(|text| (*text).to_owned())));
    let unseen: Vec<&String> = in_cel.difference(&seen).collect();
    assert_eq!(unseen, Vec::<&String>::new(), "no invalid resource breaks these at the API server");
}

#[tokio::test]
async fn immutable_field_is_refused_and_mutable_field_accepted() {
    let test = TestNamespace::new().await;
    let in_cel = texts_in_cel();
    let changes = changes();
    assert!(changes.iter().any(|change| change.breaks.is_empty()));
    stream::iter(changes.into_iter().enumerate())
        .for_each_concurrent(CLIENTS, async |(number, Change { title, mut old, mut new, breaks })| {
            for version in [&mut old, &mut new] {
                version["metadata"] =
                    json!({"name": format!("change-{number}"), "namespace": test.namespace});
            }
            test.cluster.apply(&old).await;
            let before = test.cluster.pipeline(&test.namespace, &format!("change-{number}")).await;
            let answer = test.cluster.try_apply(&new).await;
            let reported = answer.err().map(|refusal| named(&refusal, &in_cel)).unwrap_or_default();
            let expected: BTreeSet<String> = breaks.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(reported, expected, "{title}");
            let after = test.cluster.pipeline(&test.namespace, &format!("change-{number}")).await;
            let is_kept = after["spec"] == before["spec"];
            assert_eq!(is_kept, !expected.is_empty(), "{title}: a refused change changes nothing");
        })
        .await;
}
