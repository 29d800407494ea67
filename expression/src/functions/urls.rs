//! Functions of URLs, as Kubernetes has them.

use url::Url;

use super::{Call, Function, Gives, Outcome};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds as K;
use crate::value::{Map, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("url", &[K::STRING.and(K::URL)], Gives::Kinds(K::URL), url),
    Function::new("isURL", &[K::STRING], Gives::Kinds(K::BOOL), is_url),
    Function::new("getScheme", &[K::URL], Gives::Kinds(K::STRING), scheme),
    Function::new("getHost", &[K::URL], Gives::Kinds(K::STRING), host),
    Function::new("getHostname", &[K::URL], Gives::Kinds(K::STRING), hostname),
    Function::new("getPort", &[K::URL], Gives::Kinds(K::STRING), port),
    Function::new("getEscapedPath", &[K::URL], Gives::Kinds(K::STRING), escaped_path),
    Function::new("getQuery", &[K::URL], Gives::Kinds(K::MAP), query),
];

/// A URL is long enough with this.
const MAX_URL: usize = 64 << 10;

/// An absolute URL, or an absolute path at a host that is left out.
fn parse(text: &str) -> Option<Url> {
    if text.len() > MAX_URL {
        return None;
    }
    if text.starts_with('/') { Url::parse(&format!("http://host.invalid{text}")) } else { Url::parse(text) }
        .ok()
}

fn url<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = match arguments {
        [url @ Value::Url(_)] => return Ok(*url),
        [Value::String(text)] => text,
        _ => return Err(call.mismatch(arguments)),
    };
    call.budget.spend(10 + text.len() / 8)?;
    let parsed = parse(text)
        .ok_or_else(|| call.refused("the text is neither an absolute URL nor an absolute path"))?;
    if text.starts_with('/') {
        return Ok(Value::Url(text));
    }
    Ok(Value::Url(call.budget.build_text(|out| out.push(parsed.as_str()))?))
}

fn is_url<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    call.budget.spend(10 + text.len() / 8)?;
    Ok(Value::Bool(parse(text).is_some()))
}

/// The parts of a URL, and whether it is a path alone.
fn parts<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Result<(Url, bool), EvaluationErrorKind> {
    let [Value::Url(text)] = arguments else { return Err(call.mismatch(arguments)) };
    call.budget.spend(10 + text.len() / 8)?;
    let url = parse(text).ok_or_else(|| call.refused("the text is no URL"))?;
    Ok((url, text.starts_with('/')))
}

/// A part of a URL as text; a path alone does not have it.
fn part<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>], of: impl FnOnce(&Url) -> String) -> Outcome<'a> {
    let (url, path_alone) = parts(call, arguments)?;
    let text = if path_alone { String::new() } else { of(&url) };
    Ok(Value::String(call.budget.build_text(|out| out.push(&text))?))
}

fn scheme<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    part(call, arguments, |url| url.scheme().to_owned())
}

fn host<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    part(call, arguments, |url| {
        let host = url.host_str().unwrap_or_default();
        url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    })
}

fn hostname<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    part(call, arguments, |url| {
        url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned()
    })
}

fn port<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    part(call, arguments, |url| url.port().map(|port| port.to_string()).unwrap_or_default())
}

fn escaped_path<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (url, _) = parts(call, arguments)?;
    Ok(Value::String(call.budget.build_text(|out| out.push(url.path()))?))
}

/// The values of each parameter of the query.
fn query<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let (url, _) = parts(call, arguments)?;
    let mut parameters: std::collections::BTreeMap<String, Vec<Value<'a>>> =
        std::collections::BTreeMap::new();
    for (name, value) in url.query_pairs() {
        let value = Value::String(call.budget.build_text(|out| out.push(&value))?);
        parameters.entry(name.into_owned()).or_default().push(value);
    }
    let mut entries = Vec::with_capacity(parameters.len());
    for (name, values) in parameters {
        let name = Value::String(call.budget.build_text(|out| out.push(&name))?);
        entries.push((name, Value::List(call.budget.build(&values)?)));
    }
    Ok(Value::Map(Map::build(entries, call.budget)?))
}
