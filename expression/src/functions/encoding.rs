//! Base64.

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};

use super::{Call, Function, Gives, Outcome};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds as K;
use crate::limits::MAX_TEXT;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("base64.encode", &[K::BYTES], Gives::Kinds(K::STRING), encode),
    Function::new("base64.decode", &[K::STRING], Gives::Kinds(K::BYTES), decode),
];

/// Padding may be there or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn encode<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Bytes(bytes)] = arguments else { return Err(call.mismatch(arguments)) };
    if bytes.len() > MAX_TEXT {
        return Err(EvaluationErrorKind::Text);
    }
    let text = call.budget.build_text(|out| out.write(|out| STANDARD.encode_string(bytes, out)))?;
    Ok(Value::String(text))
}

fn decode<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    if text.len() > 2 * MAX_TEXT {
        return Err(EvaluationErrorKind::Text);
    }
    let bytes = LENIENT.decode(text).map_err(|_| call.refused("the text is not base64"))?;
    Ok(Value::Bytes(call.budget.build_bytes(&bytes)?))
}
