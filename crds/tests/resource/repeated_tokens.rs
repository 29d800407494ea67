//! Texts that tenants write reach these parsers in a process that all tenants share. None of them may recurse with its
//! input, since a stack that overflows ends the process.

use serde_json::json;
use userstream_crds::byte_size::ByteSize;
use userstream_crds::condition::{ConditionType, Reason};
use userstream_crds::cron::Cron;
use userstream_crds::duration::GoDuration;
use userstream_crds::identifier::{GroupId, HostPort, TopicName};
use userstream_crds::provision_report::ProvisionReport;
use userstream_crds::record_path::RecordPath;
use userstream_crds::starting_offsets::StartingOffsets;
use userstream_crds::validate::Cause;
use userstream_crds::worker_status::WorkerStatus;
use userstream_crds::{UserStreamPipeline, WorkerConfig, diagnostics, validate};

use crate::good_resources::minimal;

const TOKENS: [&str; 38] = [
    "(", "[", "{", "{\"a\":", "[[", "{a: ", "- ", "? ", "&a ", "*a ", "!", "!!", "-", "+", "a+", "a.",
    "a[0]", "a.f(", "a?b:", "a||", "a&&", "a<", "\"", "'", "\\", "\n", " ", "\t", "a: ", "0", "9", "1h",
    "* ", "*/1,", ":", ",", "%", "é",
];
const BYTES: usize = 1 << 20;
const SMALL_STACK: usize = 256 << 10;
/// Half of the main thread's, on which `usp` reads files.
const STACK_OF_A_COMMAND: usize = 4 << 20;

/// Parses a text as each thing that a tenant's text may be. Whether it is one does not matter.
fn parse_as_everything(text: &str) {
    let _ = text.parse::<Cron>();
    let _ = text.parse::<GoDuration>();
    let _ = text.parse::<ByteSize>();
    let _ = text.parse::<StartingOffsets>();
    let _ = text.parse::<RecordPath>();
    let _ = text.parse::<TopicName>();
    let _ = text.parse::<GroupId>();
    let _ = text.parse::<ConditionType>();
    let _ = text.parse::<Reason>();
    let _ = HostPort::parse(text, None);
    let _ = serde_json::from_str::<WorkerStatus>(text);
    let _ = serde_json::from_str::<ProvisionReport>(text);
    let _ = serde_json::from_str::<UserStreamPipeline>(text);
    let _ = WorkerConfig::parse(text);
}

/// A resource in which this is the text of every field that is parsed.
fn resource_with(text: &str) -> UserStreamPipeline {
    let mut resource = minimal();
    resource["spec"]["schema"]["fields"] = json!([
        {"name": "id", "type": "uuid", "required": true, "from": text},
        {"name": "computed", "type": "string", "expr": text},
    ]);
    resource["spec"]["processor"] = json!({"filter": text});
    resource["spec"]["kafka"]["bootstrapServers"] = json!(text);
    resource["spec"]["source"] = json!({
        "mode": "Scheduled",
        "schedule": {"cron": text, "timeZone": text},
        "http": {"url": text, "recordsPath": text},
    });
    serde_json::from_value(resource).unwrap()
}

/// Runs a check with each token on a thread with this stack. An overflow ends the process, after the name of the thread.
fn with_each_token(stack: usize, check: fn(&str)) {
    for token in TOKENS {
        let check = move || check(&token.repeat(BYTES / token.len()));
        let thread = std::thread::Builder::new().stack_size(stack).name(format!("{token:?}"));
        thread.spawn(check).unwrap().join().unwrap();
    }
}

#[test]
fn no_text_of_a_tenant_overflows_the_stack() {
    with_each_token(SMALL_STACK, |text| {
        parse_as_everything(text);
        assert!(validate(&resource_with(text)).is_err());
    });
}

#[test]
fn no_file_overflows_the_stack() {
    with_each_token(STACK_OF_A_COMMAND, |text| assert!(diagnostics::read("x", text).is_err()));
}

/// Lengths are part of the schema, and an expression that breaks it has no other violation.
#[test]
fn expression_beyond_its_length_is_never_compiled() {
    let violations = validate(&resource_with(&"(".repeat(BYTES))).unwrap_err();
    let parsed = violations.iter().find(|violation| !matches!(violation.cause, Cause::Schema(_)));
    assert!(parsed.is_none(), "{parsed:?}");
}
