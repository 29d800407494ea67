//! The id that Kafka gave a topic, which tells it from another topic that was made later under the same name.
//!
//! The only unsafe code of the project: the safe client library does not tell the id, librdkafka does. Every pointer here
//! is made and destroyed in this file, except the client's own, which is borrowed with the client.
#![allow(unsafe_code, reason = "calls of librdkafka that the safe client library does not offer")]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as librdkafka;
use rdkafka::bindings::{rd_kafka_admin_op_t, rd_kafka_resp_err_t};
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode as Code;

/// What brokers say that know of no ids (before Kafka 2.8): sixteen bytes of zero.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Asks for the id of a topic, in the form in which Kafka's tools print it. None where there is no such topic, or where
/// the brokers know of no ids.
///
/// Blocks for up to `patience`.
///
/// # Errors
/// When the brokers do not answer, or not with a topic.
pub(crate) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    patience: Duration,
) -> KafkaResult<Option<String>> {
    let name = CString::new(topic).map_err(|_| KafkaError::AdminOpCreation("a NUL in a name".to_owned()))?;
    let milliseconds = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    let event = describe(client, &name, milliseconds)?;

    // SAFETY: the event is alive until the end of this function, and everything read below belongs to it. librdkafka
    // returns NULL for a result of another kind, and reports how many descriptions the array has.
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
        // NULL is no error to librdkafka.
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
        // Kafka's tools print the alphabet that fits into URLs.
        let text = CStr::from_ptr(text).to_string_lossy().replace('+', "-").replace('/', "_");
        Ok(Some(text).filter(|text| text != NO_ID))
    }
}

/// Sends the request and waits for the answer.
fn describe<C: ClientContext>(client: &Client<C>, name: &CStr, milliseconds: i32) -> KafkaResult<Event> {
    let handle = client.native_ptr();
    // SAFETY: the handle is valid as long as the client is borrowed. The queue, the options and the collection are alive
    // until the answer has come or nobody waits for it any more; librdkafka copies the collection's names and the options
    // into its request, and keeps a reference to the queue of its own.
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
        // The request ends by its own timeout; the queue is given a little longer, so that its error is seen.
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

/// Something of librdkafka's that is destroyed when it is dropped.
macro_rules! owned {
    ($name:ident, $native:ty, $destroy:path) => {
        struct $name(NonNull<$native>);

        impl $name {
            /// `absent` is what it means that there is none.
            fn new(pointer: *mut $native, absent: Code) -> KafkaResult<Self> {
                NonNull::new(pointer).map(Self).ok_or(KafkaError::AdminOp(absent))
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: the pointer came from librdkafka, is owned by this value alone, and is not used afterwards.
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

    // The mock brokers know nothing of this request; the ids of real ones are tested with the rig.
    #[test]
    fn servers_that_are_not_there_are_an_error_and_not_a_missing_topic() {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", "127.0.0.1:1").create().unwrap();
        let error = topic_id(admin.inner(), "one", Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, KafkaError::AdminOp(_)), "{error:?}");
    }
}
