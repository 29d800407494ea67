//! Functions of IP addresses and ranges of them, as Kubernetes has them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Call, Function, Gives, Outcome};
use crate::evaluation_error::EvaluationErrorKind;
use crate::kind::Kinds;
use crate::value::Value;

use Kinds as K;

const TEXT: Kinds = K::STRING;
const BOOL: Gives = Gives::Kinds(K::BOOL);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("ip", &[TEXT.and(K::IP).and(K::CIDR)], Gives::Kinds(K::IP), ip),
    Function::new("isIP", &[TEXT], BOOL, is_ip),
    Function::new("isIPv4", &[TEXT], BOOL, is_ipv4),
    Function::new("isIPv6", &[TEXT], BOOL, is_ipv6),
    Function::new("ip.isCanonical", &[TEXT], BOOL, is_canonical),
    Function::new("family", &[K::IP], Gives::Kinds(K::INT), family),
    Function::new("isLoopback", &[K::IP], BOOL, is_loopback),
    Function::new("isUnspecified", &[K::IP], BOOL, is_unspecified),
    Function::new("isLinkLocalMulticast", &[K::IP], BOOL, is_link_local_multicast),
    Function::new("isLinkLocalUnicast", &[K::IP], BOOL, is_link_local_unicast),
    Function::new("isGlobalUnicast", &[K::IP], BOOL, is_global_unicast),
    Function::new("cidr", &[TEXT.and(K::CIDR)], Gives::Kinds(K::CIDR), cidr),
    Function::new("isCIDR", &[TEXT], BOOL, is_cidr),
    Function::new("isCIDRv4", &[TEXT], BOOL, is_cidr_v4),
    Function::new("isCIDRv6", &[TEXT], BOOL, is_cidr_v6),
    Function::new("containsIP", &[K::CIDR, TEXT.and(K::IP)], BOOL, contains_ip),
    Function::new("containsCIDR", &[K::CIDR, TEXT.and(K::CIDR)], BOOL, contains_cidr),
    Function::new("prefixLength", &[K::CIDR], Gives::Kinds(K::INT), prefix_length),
    Function::new("masked", &[K::CIDR], Gives::Kinds(K::CIDR), masked),
];

/// An address without a zone that is no IPv4 address in the clothes of an IPv6 one.
fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok().filter(|address| !is_mapped(address))
}

fn parse_cidr(text: &str) -> Option<IpNet> {
    text.parse().ok().filter(|range: &IpNet| !is_mapped(&range.addr()))
}

fn is_mapped(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

fn address<'a>(call: &Call<'_, 'a>, text: &str) -> Result<IpAddr, EvaluationErrorKind> {
    parse_ip(text).ok_or_else(|| call.refused("the text is not an IP address"))
}

fn range<'a>(call: &Call<'_, 'a>, text: &str) -> Result<IpNet, EvaluationErrorKind> {
    parse_cidr(text).ok_or_else(|| call.refused("the text is not a range like 10.0.0.0/8"))
}

fn ip<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let address = match arguments {
        [address @ Value::Ip(_)] => return Ok(*address),
        [Value::Cidr(range)] => range.addr(),
        [Value::String(text)] => address(call, text)?,
        _ => return Err(call.mismatch(arguments)),
    };
    Ok(Value::Ip(call.budget.keep(address)?))
}

/// Whether a text is something.
fn test<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>], holds: impl FnOnce(&str) -> bool) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Bool(holds(text)))
}

fn is_ip<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    test(call, arguments, |text| parse_ip(text).is_some())
}

fn is_ipv4<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    test(call, arguments, |text| parse_ip(text).is_some_and(|address| address.is_ipv4()))
}

fn is_ipv6<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    test(call, arguments, |text| parse_ip(text).is_some_and(|address| address.is_ipv6()))
}

fn is_canonical<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::String(text)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Bool(address(call, text)?.to_string() == *text))
}

fn of_ip<'a, T>(
    call: &Call<'_, 'a>,
    arguments: &[Value<'a>],
    run: impl FnOnce(&IpAddr) -> T,
) -> Result<T, EvaluationErrorKind> {
    let [Value::Ip(address)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(run(address))
}

fn family<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_ip(call, arguments, |address| Value::Int(if address.is_ipv4() { 4 } else { 6 }))
}

fn is_loopback<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_ip(call, arguments, |address| Value::Bool(address.is_loopback()))
}

fn is_unspecified<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_ip(call, arguments, |address| Value::Bool(address.is_unspecified()))
}

fn is_link_local_multicast<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_ip(call, arguments, |address| {
        Value::Bool(match address {
            IpAddr::V4(address) => matches!(address.octets(), [224, 0, 0, _]),
            IpAddr::V6(address) => matches!(address.segments(), [first, ..] if first & 0xff0f == 0xff02),
        })
    })
}

fn link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn is_link_local_unicast<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_ip(call, arguments, |address| Value::Bool(link_local(address)))
}

fn is_global_unicast<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    of_ip(call, arguments, |address| {
        let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
        let special = address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || link_local(address);
        Value::Bool(!special && !broadcast)
    })
}

fn cidr<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [range @ Value::Cidr(_)] => Ok(*range),
        [Value::String(text)] => Ok(Value::Cidr(call.budget.keep(range(call, text)?)?)),
        _ => Err(call.mismatch(arguments)),
    }
}

fn is_cidr<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    test(call, arguments, |text| parse_cidr(text).is_some())
}

fn is_cidr_v4<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    test(call, arguments, |text| parse_cidr(text).is_some_and(|range| range.addr().is_ipv4()))
}

fn is_cidr_v6<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    test(call, arguments, |text| parse_cidr(text).is_some_and(|range| range.addr().is_ipv6()))
}

fn contains_ip<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Cidr(range), Value::Ip(address)] => Ok(Value::Bool(range.contains(*address))),
        [Value::Cidr(range), Value::String(text)] => Ok(Value::Bool(range.contains(&address(call, text)?))),
        _ => Err(call.mismatch(arguments)),
    }
}

fn contains_cidr<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    match arguments {
        [Value::Cidr(outer), Value::Cidr(inner)] => Ok(Value::Bool(outer.contains(*inner))),
        [Value::Cidr(outer), Value::String(text)] => Ok(Value::Bool(outer.contains(&range(call, text)?))),
        _ => Err(call.mismatch(arguments)),
    }
}

fn prefix_length<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Cidr(range)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Int(range.prefix_len().into()))
}

fn masked<'a>(call: &Call<'_, 'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let [Value::Cidr(range)] = arguments else { return Err(call.mismatch(arguments)) };
    Ok(Value::Cidr(call.budget.keep(range.trunc())?))
}
