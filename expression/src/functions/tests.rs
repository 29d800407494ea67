use super::*;
use crate::testing::{check_all, evaluated};

#[test]
fn texts_are_searched_and_cut_by_characters() {
    check_all(&[
        ("size('naïve') + 'ab'.size() + size(b'ab') + size([1]) + size({'a': 1})", "11"),
        ("'naïve'.charAt(2) + 'ab'.charAt(2)", "'ï'"),
        ("'ab'.charAt(3)", "error: `charAt`: the position is outside of the text, at column 6"),
        ("'ab'.charAt(-1)", "error: `charAt`: the position is outside of the text, at column 6"),
        ("'naïve naïve'.indexOf('ve')", "3"),
        ("'naïve naïve'.indexOf('ve', 4)", "9"),
        ("'abc'.indexOf('') + 'abc'.indexOf('', 3)", "3"),
        ("'abc'.indexOf('x')", "-1"),
        ("'abc'.indexOf('a', 4)", "error: `indexOf`: the position is outside of the text, at column 7"),
        ("'naïve naïve'.lastIndexOf('ve')", "9"),
        ("'naïve naïve'.lastIndexOf('ve', 8)", "3"),
        ("'naïve naïve'.lastIndexOf('ve', 9)", "9"),
        (
            "'abc'.lastIndexOf('a', 4)",
            "error: `lastIndexOf`: the position is outside of the text, at column 7",
        ),
        ("'ïï'.lastIndexOf('ï', 0)", "0"),
        ("'abc'.lastIndexOf('')", "3"),
        ("'abc'.lastIndexOf('', 1)", "1"),
        ("''.lastIndexOf('ab')", "-1"),
        ("'naïve'.substring(2)", "'ïve'"),
        ("'naïve'.substring(1, 3) + 'a'.substring(1)", "'aï'"),
        ("'abc'.substring(2, 1)", "error: `substring`: the positions are outside of the text, at column 7"),
        ("'abc'.substring(4)", "error: `substring`: the positions are outside of the text, at column 7"),
        ("'abc'.contains('bc') && 'abc'.startsWith('ab') && 'abc'.endsWith('c')", "true"),
        ("''.contains('') && ''.startsWith('') && !''.endsWith('a')", "true"),
        ("b'abc'.contains(b'bc') && [1, 2].contains(2.0) && {'a': 1}.contains('a')", "true"),
        ("'abc'.contains(dyn(1))", "error: `contains` takes a string, not an int, at column 7"),
        ("[1, 2, 1].indexOf(1) + [1, 2, 1].lastIndexOf(1) + [1].indexOf(2)", "1"),
    ]);
}

#[test]
fn texts_are_changed() {
    check_all(&[
        ("'Straße ÄÖ'.lowerAscii() + 'Straße äö'.upperAscii()", "'straße ÄÖSTRAßE äö'"),
        ("' \\t\\u00a0text\\n'.trim()", "'text'"),
        ("'abc'.reverse() + 'ï'.reverse()", "'cbaï'"),
        ("'a-b-c'.replace('-', '+') + 'a-b-c'.replace('-', '', 1) + 'a'.replace('b', 'c')", "'a+b+cab-ca'"),
        ("'ab'.replace('', '.') + 'ab'.replace('a', 'b', 0) + 'aa'.replace('a', 'b', -1)", "'.a.b.abbb'"),
        ("'a,b,,c'.split(',')", "['a', 'b', '', 'c']"),
        ("'a,b,c'.split(',', 2)", "['a', 'b,c']"),
        ("'abc'.split('') + 'abc'.split('', 2) + ''.split('')", "['a', 'b', 'c', 'a', 'bc']"),
        ("'a,b'.split(',', 0) + ''.split(',')", "['']"),
        ("'a,b'.split(',', -1)", "['a', 'b']"),
        ("['a', 'b'].join('-') + ['a', 'b'].join() + [].join(',')", "'a-bab'"),
        (
            "[1, 2].join(',')",
            "refused: column 1: `join` takes a list of which each element is a string, not an int; convert it with string(..)",
        ),
        (
            "[dyn('a'), 1].join(',')",
            "error: `join` takes a list of strings, and an element is an int, at column 15",
        ),
        (
            "[dyn('a'), {'k': 1}].join(',')",
            "error: `join` takes a list of strings, and an element is a map, at column 22",
        ),
        ("strings.quote('a\"b\\\\\\n\\t')", "'\"a\\\"b\\\\\\n\\t\"'"),
        ("jsonpatch.escapeKey('a/b~c')", "'a~1b~0c'"),
    ]);
}

#[test]
fn values_are_converted_or_refused() {
    check_all(&[
        (
            "string(1) + string(-2) + string(3u) + string(1.50) + string(true) + string('a') + string(b'b')",
            "'1-231.5trueab'",
        ),
        ("1.string() + true.string()", "'1true'"),
        (
            "string(1e300) + ' ' + string(-0.0045) + ' ' + string(1e-7) + ' ' + string(1e21) + ' ' + string(100000.0)",
            "'1e+300 -0.0045 1e-07 1e+21 100000'",
        ),
        ("string(double('NaN')) + string(-double('Infinity')) + string(1.0 / 0.0)", "'NaN-InfinityInfinity'"),
        (
            "string(timestamp('2009-02-13T23:31:30.5+01:00')) + string(duration('90m'))",
            "'2009-02-13T22:31:30.5Z5400s'",
        ),
        ("string(b'\\xff')", "error: `string`: the bytes are not UTF-8, at column 1"),
        (
            "string([1])",
            "refused: column 8: `string` takes a bool, an int, a uint, a double, a decimal, a string, bytes, a timestamp, a duration, a URL, an IP address, a CIDR range, a version or a quantity, not a list",
        ),
        ("int('-17') + int(3.9) + int(-3.9) + int(5u) + int(timestamp('1970-01-01T00:01:00Z'))", "48"),
        ("int('1.5')", "error: `int`: the text is not an int, at column 1"),
        ("int(9223372036854775807.0)", "error: `int`: the number is out of range, at column 1"),
        ("int(-9223372036854775808.0)", "error: `int`: the number is out of range, at column 1"),
        ("int(18446744073709551615u)", "error: `int`: the number is out of range, at column 1"),
        ("int(1e99)", "error: `int`: the number is out of range, at column 1"),
        ("uint('7') + uint(3.9) + uint(1)", "11u"),
        ("uint(-1)", "error: `uint`: the number is out of range, at column 1"),
        ("uint(18446744073709551616.0)", "error: `uint`: the number is out of range, at column 1"),
        ("double('1e3') + double(1) + double(2u)", "1003.0"),
        ("double('x')", "error: `double`: the text is not a number, at column 1"),
        ("decimal('1.50') + decimal(1) + decimal(2u)", "4.50m"),
        ("decimal('1,5')", "error: `decimal`: the text is not a number as JSON writes it, at column 1"),
        (
            "decimal(double(1))",
            "refused: column 9: `decimal` takes an int, a uint, a decimal or a string, not a double",
        ),
        ("bool('true') && bool('1') && !bool('False') && bool(true)", "true"),
        ("bool('TrUe')", "error: `bool`: the text is neither true nor false, at column 1"),
        ("bytes('ï') + bytes(b'a')", "b'\\xc3\\xafa'"),
        ("dyn(1) + dyn(2)", "3"),
    ]);
}

#[test]
fn times_have_fields_in_a_zone() {
    const TIME: &str = "timestamp('2009-02-13T23:31:30.123456789Z')";
    for (call, expected) in [
        ("getFullYear()", "2009"),
        ("getMonth()", "1"),
        ("getDate()", "13"),
        ("getDayOfMonth()", "12"),
        ("getDayOfWeek()", "5"),
        ("getDayOfYear()", "43"),
        ("getHours()", "23"),
        ("getMinutes()", "31"),
        ("getSeconds()", "30"),
        ("getMilliseconds()", "123"),
        ("getDate('Australia/Sydney')", "14"),
        ("getHours('02:00')", "1"),
        ("getMinutes('Asia/Kathmandu')", "16"),
        ("getDayOfMonth('+11:00')", "13"),
        ("getHours('Nowhere/Land')", "error: `getHours`: there is no such time zone, at column 45"),
    ] {
        assert_eq!(evaluated(&format!("{TIME}.{call}"), &[]), expected, "{call}");
    }
    check_all(&[
        ("duration('3h30m10.5s').getHours() + duration('90m').getMinutes()", "93"),
        ("duration('90m').getSeconds() + duration('-1.25s').getMilliseconds()", "5150"),
        ("timestamp(0)", "1970-01-01T00:00:00Z"),
        ("timestamp(253402300799)", "9999-12-31T23:59:59Z"),
        (
            "timestamp(253402300800)",
            "error: `timestamp`: the seconds are outside of the years 1 to 9999, at column 1",
        ),
        (
            "timestamp('2009-02-13')",
            "error: `timestamp`: the text is not an RFC 3339 timestamp of the years 1 to 9999, at column 1",
        ),
        ("timestamp(timestamp(1)) == timestamp(1)", "true"),
        (
            "duration('1x')",
            "error: `duration`: the text is not a duration like 1h30m, or is longer than 292 years, at column 1",
        ),
    ]);
}

#[test]
fn lists_are_ordered_and_cut() {
    check_all(&[
        ("[3, 1, 2.5].sort()", "[1, 2.5m, 3]"),
        ("['b', 'a'].sort() + [].sort()", "['a', 'b']"),
        (
            "[1, 'a'].sort()",
            "error: `sort` takes a list of values that have an order, and an element is an int, at column 10",
        ),
        (
            "[[1]].sort()",
            "error: `sort` takes a list of values that have an order, and an element is a list, at column 7",
        ),
        ("[1, 2, 2].isSorted() && ![2, 1].isSorted() && [].isSorted()", "true"),
        ("[1, 2, 3].sum() + [].sum()", "6"),
        ("[1.5, 2].sum()", "3.5m"),
        ("[duration('1m'), duration('1s')].sum()", "61s"),
        (
            "['a'].sum()",
            "refused: column 1: `sum` takes a list of which each element is an int, a uint, a double, a decimal or a duration, not a string",
        ),
        ("[3, 1, 2].min() + [3, 1, 2].max() + min(4, 5) + max([6])", "14"),
        ("[].min()", "error: `min`: the list is empty, at column 4"),
        ("['b', 'a'].min()", "'a'"),
        ("[1, 2, 3, 4].slice(1, 3)", "[2, 3]"),
        ("[1].slice(0, 2)", "error: `slice`: the positions are outside of the list, at column 5"),
        ("[1, [2, [3]]].flatten()", "[1, 2, [3]]"),
        ("[1, [2, [3]]].flatten(2) + [[1]].flatten(0)", "[1, 2, 3, [1]]"),
        ("[1].flatten(-1)", "error: `flatten`: the depth is negative, at column 5"),
        ("[1, 2, 1.0, 'a', 'a'].distinct()", "[1, 2, 'a']"),
        ("[1, 2].reverse()", "[2, 1]"),
        ("sets.contains([1, 2], [2.0]) && !sets.contains([1], [2])", "true"),
        ("sets.equivalent([1, 2, 2], [2, 1]) && !sets.equivalent([1], [])", "true"),
        ("sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [])", "true"),
    ]);
}

#[test]
fn mathematics_is_exact_where_numbers_are() {
    check_all(&[
        ("math.ceil(1.2) + math.floor(-1.2) + math.trunc(-1.7)", "-1.0"),
        ("math.round(2.5) + math.round(-2.5) + math.round(1.4)", "1.0"),
        (
            "math.round(decimal('2.5')) == 3 && math.round(decimal('-2.5')) == -3 && math.round(decimal('2.4')) == 2",
            "true",
        ),
        ("math.ceil(decimal('1.01'))", "2m"),
        ("math.floor(decimal('-1.01'))", "-2m"),
        ("math.floor(decimal('12345678901234567.89'))", "12345678901234567m"),
        ("math.floor(decimal('1e-60')) + math.ceil(decimal('1e-60'))", "1m"),
        ("math.ceil(3)", "3"),
        ("math.abs(-3) + math.abs(3)", "6"),
        ("math.abs(decimal('-1.50'))", "1.50m"),
        ("math.abs(-9223372036854775808)", "error: the result does not fit its type, at column 6"),
        ("math.sign(-3) + math.sign(0) + math.sign(5)", "0"),
        ("math.sign(decimal('-0.5'))", "-1m"),
        ("math.sqrt(16) + math.sqrt(2.25)", "5.5"),
        (
            "math.isNaN(0.0 / 0.0) && math.isInf(1.0 / 0.0) && math.isFinite(1) && !math.isFinite(1.0 / 0.0)",
            "true",
        ),
        ("math.bitAnd(6, 3) + math.bitOr(4, 1) + math.bitXor(6, 3) + math.bitNot(0)", "11"),
        ("math.bitAnd(6u, 3u)", "2u"),
        ("math.bitShiftLeft(1, 4) + math.bitShiftRight(-1, 60) + math.bitShiftLeft(1, 64)", "31"),
        ("math.bitShiftLeft(1, -1)", "error: `math.bitShiftLeft`: the shift is negative, at column 6"),
        ("math.greatest(1, 2.5, 2u) + math.least(1, 2) + math.greatest([1, 3]) + math.least(5)", "11.5"),
        ("math.greatest([])", "error: `math.greatest`: the list is empty, at column 6"),
        (
            "math.greatest('a')",
            "refused: column 15: `math.greatest` takes an int, a uint, a double, a decimal or a list, not a string",
        ),
    ]);
}

#[test]
fn patterns_are_those_of_re2() {
    check_all(&[
        ("'naïve'.matches('^n.+e$') && matches('hubba', 'ubb') && !'a'.matches('b')", "true"),
        ("'a1b22'.find('[0-9]+') + 'a'.find('[0-9]')", "'1'"),
        ("'a1b22'.findAll('[0-9]+') + 'a1b22'.findAll('[0-9]', 1)", "['1', '22', '1']"),
        ("'ab'.matches('a' + 'b')", "true"),
        ("'a'.matches('(')", "refused: column 13: the pattern is not a regular expression"),
        ("'a'.matches('(a{1000}){1000}')", "refused: column 13: the pattern is too large"),
        ("'a'.matches('(' + 'a')", "error: `matches`: the pattern is not a regular expression, at column 5"),
        ("'a'.matches('(a{1000}){1000' + '}')", "error: `matches`: the pattern is too large, at column 5"),
    ]);
}

#[test]
fn functions_of_kubernetes_are_there() {
    check_all(&[
        ("url('https://ada@example.com:8443/a%20b?x=1&y=2&x=3').getHost()", "'example.com:8443'"),
        ("url('https://[::1]:80/').getHostname() + url('https://example.com:81').getPort()", "'::181'"),
        (
            "url('https://example.com/a b').getEscapedPath() + url('https://example.com').getScheme()",
            "'/a%20bhttps'",
        ),
        ("url('https://example.com/?x=1&y=2&x=3').getQuery()", "{'x': ['1', '3'], 'y': ['2']}"),
        ("url('/a/b?c=d').getEscapedPath() + url('/a').getHost()", "'/a/b'"),
        ("isURL('https://example.com') && isURL('/a') && !isURL('a b')", "true"),
        ("url('a b')", "error: `url`: the text is neither an absolute URL nor an absolute path, at column 1"),
        ("string(url('https://EXAMPLE.com'))", "'https://example.com/'"),
        ("ip('10.0.0.1').family() + ip('::1').family()", "10"),
        (
            "ip('127.0.0.1').isLoopback() && ip('8.8.8.8').isGlobalUnicast() && ip('0.0.0.0').isUnspecified()",
            "true",
        ),
        ("ip('fe80::1').isLinkLocalUnicast() && ip('224.0.0.1').isLinkLocalMulticast()", "true"),
        (
            "isIP('10.0.0.1') && isIPv4('10.0.0.1') && isIPv6('::1') && !isIP('::ffff:10.0.0.1') && !isIP('fe80::1%eth0')",
            "true",
        ),
        ("ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1')", "true"),
        ("ip('x')", "error: `ip`: the text is not an IP address, at column 1"),
        (
            "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
            "true",
        ),
        (
            "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
            "true",
        ),
        (
            "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8",
            "true",
        ),
        ("string(cidr('10.0.0.0/8').ip()) + string(cidr('::/0'))", "'10.0.0.0::/0'"),
        ("isCIDR('::/0') && isCIDRv4('10.0.0.0/8') && isCIDRv6('::/0') && !isCIDR('10.0.0.0')", "true"),
        ("semver('1.2.3').major() + semver('1.2.3').minor() + semver('1.2.3').patch()", "6"),
        (
            "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0').isGreaterThan(semver('1.0.0-rc.1'))",
            "true",
        ),
        ("semver('1.0.0').compareTo(semver('2.0.0')) + semver('2.0.0').compareTo(semver('1.0.0'))", "0"),
        (
            "isSemver('1.0.0') && !isSemver('v1.0') && isSemver('v1.0', true) && string(semver('v1.02', true)) == '1.2.0'",
            "true",
        ),
        (
            "quantity('1.5Gi').asInteger() == 1610612736 && quantity('500m').asApproximateFloat() == 0.5",
            "true",
        ),
        ("string(quantity('1k').add(quantity('500m')).sub(1))", "'999.500'"),
        (
            "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1000m') == quantity('1') && quantity('-1').sign() == -1",
            "true",
        ),
        (
            "isQuantity('1e3') && isQuantity('10Ki') && !isQuantity('10kg') && quantity('1').isInteger() && !quantity('0.5').isInteger()",
            "true",
        ),
        ("quantity('0.5').asInteger()", "error: `asInteger`: the quantity is not an int, at column 17"),
        ("base64.encode(b'hello') + string(base64.decode('aGVsbG8'))", "'aGVsbG8=hello'"),
        ("base64.decode('!')", "error: `base64.decode`: the text is not base64, at column 8"),
    ]);
}

#[test]
fn an_unknown_function_is_refused_with_a_suggestion() {
    for (source, expected) in [
        ("upper(nat)", "column 1: there is no function `upper`; is `upperAscii` meant?"),
        ("nat.toUpperCase()", "column 5: there is no function `toUpperCase`; is `upperAscii` meant?"),
        ("nat.startWith('a')", "column 5: there is no function `startWith`; is `startsWith` meant?"),
        ("a || now() > b", "column 6: there is no function `now`"),
        ("math.greates(1, 2)", "column 6: there is no function `math.greates`; is `math.greatest` meant?"),
        ("x.exist(y, y > 1)", "column 3: there is no function `exist`; is `exists` meant?"),
        ("'%d'.format([1])", "column 6: there is no function `format`"),
        ("lists.range(3)", "column 7: there is no function `range`"),
        ("size(1, 2)", "column 1: `size` takes 1 argument"),
        ("'a'.substring()", "column 5: `substring` takes 2 to 3 arguments"),
        ("math.least()", "column 6: `math.least` takes at least 1 argument"),
        ("size(1)", "column 6: `size` takes a string, bytes, a list or a map, not an int"),
        (
            "created.getFullYear()",
            "column 1: `getFullYear` takes a timestamp, not a member of a record; convert it with timestamp(..)",
        ),
    ] {
        assert_eq!(evaluated(source, &[]), format!("refused: {expected}"), "{source}");
    }
}

#[test]
fn arguments_of_every_kind_never_panic() {
    const VALUES: [&str; 28] = [
        "null",
        "true",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "1u",
        "18446744073709551615u",
        "1.5",
        "1e308",
        "double('NaN')",
        "decimal('1e-99999')",
        "decimal('99999999999999999999999999999999999999')",
        "''",
        "'a'",
        "'ïé😀'",
        "'1.5Gi'",
        "b'\\xff'",
        "[]",
        "[1, 'a', [null]]",
        "{}",
        "{'a': 1}",
        "timestamp(0)",
        "duration('-1ns')",
        "optional.none()",
        "url('/a')",
        "cidr('::/0')",
        "semver('1.0.0')",
    ];
    for function in FUNCTIONS.values() {
        for first in VALUES {
            for second in VALUES {
                let others = match function.parameters.len() - function.optional {
                    0 | 1 => vec![format!("dyn({first})"), format!("dyn({first}), dyn({second})")],
                    2 => vec![
                        format!("dyn({first}), dyn({second})"),
                        format!("dyn({first}), dyn({second}), dyn({first})"),
                        format!("dyn({first}), dyn({second}), dyn({second})"),
                    ],
                    _ => vec![
                        format!("dyn({first}), dyn({second}), dyn({first})"),
                        format!("dyn({second}), dyn({first}), dyn({first})"),
                    ],
                };
                for arguments in others {
                    evaluated(&format!("{}({arguments})", function.name), &[]);
                }
            }
        }
    }
}

#[test]
fn every_function_is_documented_and_no_other_is() {
    let page = include_str!("../../../docs/mapping.md");
    let (_, section) = page.split_once("### Functions").unwrap();
    let (section, _) = section.split_once("###").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let mut documented: Vec<&str> =
        rows.flat_map(|names| names.split("`, `")).map(|name| name.trim_end_matches('`')).collect();
    documented.sort_unstable();
    assert_eq!(documented, FUNCTIONS.keys().copied().collect::<Vec<_>>());
}
