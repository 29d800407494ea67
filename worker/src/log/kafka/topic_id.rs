//! Kafka's topic id, which differs between topics that had the same name at different times.
//!
//! The only unsafe code of the project: the safe client library does not expose the id. This file creates and destroys
//! every pointer that it uses, except the client's handle, which is borrowed with the client.
#![allow(unsafe_code, reason = "calls of librdkafka that the safe client library does not offer")]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as librdkafka;
use rdkafka::bindings::{rd_kafka_admin_op_t, rd_kafka_resp_err_t};
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode as Code;

/// Brokers without topic ids (before Kafka 2.8) report sixteen zero bytes.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Requests the id of a topic, in the form that Kafka's tools print. None when the topic does not exist, or the brokers
/// have no topic ids.
///
/// Blocks for up to `timeout`.
///
/// # Errors
/// When the brokers do not answer, or answer with an error.
pub(crate) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> KafkaResult<Option<String>> {
    let name = CString::new(topic).map_err(|_| KafkaError::AdminOpCreation("a NUL in a name".to_owned()))?;
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let event = describe(client, &name, milliseconds)?;

    // SAFETY: the event lives until the end of this function and owns everything read below. librdkafka returns NULL
    // for a result of another kind, and reports the length of the array.
    unsafe {
        refusal(librdkafka::rd_kafka_event_error(event.0.as_ptr()))?;
        let result = librdkafka::rd_kafka_event_DescribeTopics_result(event.0.as_ptr());
        if result.is_null() {
            return Err(KafkaError::AdminOp(Code::Fail));
        }
        let mut count = 0;
        let topics = librdkafka::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if topics.is_null() || count == 0 {
            return Ok(None);
        }
        let description = *topics;
        // librdkafka takes NULL for no error.
        let error = librdkafka::rd_kafka_TopicDescription_error(description);
        match refusal(librdkafka::rd_kafka_error_code(error)) {
            Ok(()) => {}
            Err(KafkaError::AdminOp(Code::UnknownTopicOrPartition | Code::UnknownTopic)) => return Ok(None),
            Err(error) => return Err(error),
        }
        let id = librdkafka::rd_kafka_TopicDescription_topic_id(description);
        if id.is_null() {
            return Ok(None);
        }
        let text = librdkafka::rd_kafka_Uuid_base64str(id);
        if text.is_null() {
            return Ok(None);
        }
        // Kafka's tools print the URL-safe alphabet.
        let text = CStr::from_ptr(text).to_string_lossy().replace('+', "-").replace('/', "_");
        Ok(Some(text).filter(|text| text != NO_ID))
    }
}

/// Sends the request and waits for the response.
fn describe<C: ClientContext>(client: &Client<C>, name: &CStr, milliseconds: i32) -> KafkaResult<Event> {
    let handle = client.native_ptr();
    // SAFETY: the handle is valid while the client is borrowed. The queue, the options and the collection live until
    // the response or the timeout. librdkafka copies names and options into its request, and holds a reference to the
    // queue.
    unsafe {
        let refused = Code::CriticalSystemResource;
        let queue = Queue::new(librdkafka::rd_kafka_queue_new(handle), refused)?;
        let kind = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = Options::new(librdkafka::rd_kafka_AdminOptions_new(handle, kind), refused)?;
        refusal(librdkafka::rd_kafka_AdminOptions_set_request_timeout(
            options.0.as_ptr(),
            milliseconds,
            ptr::null_mut(),
            0,
        ))?;
        let mut names: [*const c_char; 1] = [name.as_ptr()];
        let made = librdkafka::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let topics = Topics::new(made, refused)?;
        librdkafka::rd_kafka_DescribeTopics(handle, topics.0.as_ptr(), options.0.as_ptr(), queue.0.as_ptr());
        // The poll takes longer than the request's timeout, so that it receives its error.
        let event = librdkafka::rd_kafka_queue_poll(queue.0.as_ptr(), milliseconds.saturating_add(1_000));
        Event::new(event, Code::OperationTimedOut)
    }
}

fn refusal(code: rd_kafka_resp_err_t) -> KafkaResult<()> {
    match code {
        rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(KafkaError::AdminOp(code.into())),
    }
}

/// A librdkafka object, destroyed on drop.
macro_rules! owned {
    ($name:ident, $native:ty, $destroy:path) => {
        struct $name(NonNull<$native>);

        impl $name {
            /// `absent` is the error for NULL.
            fn new(pointer: *mut $native, absent: Code) -> KafkaResult<Self> {
                NonNull::new(pointer).map(Self).ok_or(KafkaError::AdminOp(absent))
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: the pointer came from librdkafka, has no other owner, and is not used afterwards.
                unsafe { $destroy(self.0.as_ptr()) }
            }
        }
    };
}

owned!(Queue, librdkafka::rd_kafka_queue_t, librdkafka::rd_kafka_queue_destroy);
owned!(Options, librdkafka::rd_kafka_AdminOptions_t, librdkafka::rd_kafka_AdminOptions_destroy);
owned!(Topics, librdkafka::rd_kafka_TopicCollection_t, librdkafka::rd_kafka_TopicCollection_destroy);
owned!(Event, librdkafka::rd_kafka_event_t, librdkafka::rd_kafka_event_destroy);

#[cfg(test)]
mod tests {
    use rdkafka::admin::AdminClient;
    use rdkafka::client::DefaultClientContext;
    use rdkafka::config::ClientConfig;

    use super::*;

    // The mock brokers do not implement this request. The tests with real servers cover ids.
    #[test]
    fn unreachable_brokers_are_an_error_and_not_a_missing_topic() {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", "127.0.0.1:1").create().unwrap();
        let error = topic_id(admin.inner(), "one", Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, KafkaError::AdminOp(_)), "{error:?}");
    }
}
