//! Runs a bounded script in an engine of its own, on a thread of its own.

use std::rc::Rc;

use boa_engine::context::time::FixedClock;
use boa_engine::context::{ContextBuilder, HostHooks};
use boa_engine::object::ObjectInitializer;
use boa_engine::property::Attribute;
use boa_engine::realm::Realm;
use boa_engine::{
    Context, JsNativeError, JsResult, JsString, JsValue, NativeFunction, Source, js_string,
};

use super::{Answer, MAX_TEXT, Question, bounds, helpers, ways};

/// Instructions of one answer. A script with some thousand conditions takes
/// about a hundred thousand.
const MAX_INSTRUCTIONS: usize = 1_000_000;
/// Calls in calls. Scripts call helpers, hardly ever themselves.
const MAX_RECURSION: usize = 128;
/// Values on the engine's own stack.
const MAX_STACK_VALUES: usize = 8_192;
/// Stack of the thread: what `bounds` lets pass needs a part of it even
/// without optimization. Pages that are not touched cost nothing.
const STACK: usize = 256 << 20;

/// See [`super::evaluate`].
pub(super) fn evaluate(script: &str, question: &Question<'_>) -> Result<Answer, String> {
    let bounded = bounded_on_thread(script)?;
    let data = data(question);
    let call = Call {
        data,
        script: bounded,
        url: question.url.to_owned(),
        host: question.host.to_owned(),
        milliseconds: u64::try_from(question.at.unix_seconds()).unwrap_or_default() * 1000,
    };
    on_thread(move || call.run())
}

fn bounded_on_thread(script: &str) -> Result<String, String> {
    let script = script.to_owned();
    // The parser quotes the script, whole texts of it.
    on_thread(move || bounds::bounded(&script).map_err(|why| one_line(&why)))
}

/// Runs on a deep stack of its own. A panic of the engine ends the thread, not
/// the program.
fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    let thread = thread.map_err(|_| "no thread for the script engine".to_owned())?;
    thread
        .join()
        .unwrap_or_else(|_| Err("the script engine failed on it".into()))
}

struct Call {
    data: String,
    script: String,
    url: String,
    host: String,
    milliseconds: u64,
}

/// No code from texts, no buffers.
struct Hooks;

impl HostHooks for Hooks {
    fn ensure_can_compile_strings(
        &self,
        _: Realm,
        _: &[JsString],
        _: &JsString,
        _: bool,
        _: &mut Context,
    ) -> JsResult<()> {
        Err(JsNativeError::eval()
            .with_message("code made at run time is not evaluated")
            .into())
    }

    fn local_timezone_offset_seconds(&self, _: i64) -> i32 {
        0
    }

    fn max_buffer_size(&self, _: &mut Context) -> u64 {
        0
    }
}

impl Call {
    fn run(self) -> Result<Answer, String> {
        let mut context = ContextBuilder::new()
            .host_hooks(Rc::new(Hooks))
            .clock(Rc::new(FixedClock::from_millis(self.milliseconds)))
            .instructions_remaining(MAX_INSTRUCTIONS)
            .build()
            .map_err(|error| error.to_string())?;
        let limits = context.runtime_limits_mut();
        limits.set_recursion_limit(MAX_RECURSION);
        limits.set_stack_size_limit(MAX_STACK_VALUES);
        self.answer(&mut context)
            .map_err(|error| one_line(&format!("it failed: {error}")))
    }

    fn answer(&self, context: &mut Context) -> JsResult<Answer> {
        native_helpers(context)?;
        let data = format!("globalThis.$data = {};", self.data);
        context.eval(Source::from_bytes(&data))?;
        context.eval(Source::from_bytes(PRELUDE))?;
        let global = context.global_object();
        let own = |name: &str, context: &mut Context| global.get(JsString::from(name), context);
        // The script could replace them by functions of its own.
        let (asked, timed) = (own("$asked", context)?, own("$timed", context)?);
        context.eval(Source::from_bytes(&self.script))?;
        // Windows prefers the function that knows IPv6.
        let mut find = own("FindProxyForURLEx", context)?;
        if !find.is_callable() {
            find = own("FindProxyForURL", context)?;
        }
        let Some(find) = find.as_callable() else {
            return Err(JsNativeError::typ()
                .with_message("it defines no FindProxyForURL")
                .into());
        };
        let arguments = [
            JsString::from(self.url.as_str()).into(),
            JsString::from(self.host.as_str()).into(),
        ];
        let said = find.call(&JsValue::undefined(), &arguments, context)?;
        let text = match said.is_null_or_undefined() {
            true => String::new(),
            false => said.to_string(context)?.to_std_string_lossy(),
        };
        let text: String = text.chars().take(MAX_TEXT).collect();
        let ask = |function: &JsValue, context: &mut Context| match function.as_callable() {
            Some(function) => function.call(&JsValue::undefined(), &[], context),
            None => Ok(JsValue::undefined()),
        };
        let unknown = ask(&asked, context)?.to_string(context)?;
        let unresolved = unknown.to_std_string_lossy();
        Ok(Answer {
            ways: ways(&text),
            text,
            unresolved: unresolved
                .lines()
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            by_time: ask(&timed, context)?.to_boolean(),
        })
    }
}

const PRELUDE: &str = include_str!("prelude.js");

/// The question's data as an object literal.
fn data(question: &Question<'_>) -> String {
    let names: Vec<String> = question
        .names
        .iter()
        .take(MAX_NAMES)
        .map(|(name, addresses)| {
            let addresses: Vec<String> = addresses.iter().map(|it| format!("\"{it}\"")).collect();
            format!("[{}, [{}]]", quoted(name), addresses.join(","))
        })
        .collect();
    // A name like `__proto__` must not become something else than a name.
    format!(
        "(function (list) {{ var names = Object.create(null); list.forEach(function (it) {{ names[it[0]] = it[1]; }}); return {{ names: names, client: \"{}\" }}; }})([{}])",
        question.client,
        names.join(",")
    )
}

/// Names given to one script; a client looks up some thousand a day.
const MAX_NAMES: usize = 5_000;

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => quoted.push(c),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    quoted.push('"');
    quoted
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX_ERROR).collect()
}

/// Characters of an error kept.
const MAX_ERROR: usize = 300;

fn text(arguments: &[JsValue], index: usize, context: &mut Context) -> JsResult<String> {
    let value = arguments.get(index).cloned().unwrap_or_default();
    let text = value.to_string(context)?.to_std_string_lossy();
    match text.len() <= MAX_ARGUMENT {
        true => Ok(text),
        false => Err(JsNativeError::range()
            .with_message("a text too long for a helper")
            .into()),
    }
}

/// A URL has 2,083 characters at most on Windows.
const MAX_ARGUMENT: usize = 8_192;

/// The comparisons, which are called by the thousand.
fn native_helpers(context: &mut Context) -> JsResult<()> {
    let glob = |_: &JsValue, a: &[JsValue], c: &mut Context| {
        let matched = helpers::glob(&text(a, 0, c)?, &text(a, 1, c)?);
        Ok(JsValue::from(matched))
    };
    let ends_with = |_: &JsValue, a: &[JsValue], c: &mut Context| {
        let host = text(a, 0, c)?.to_ascii_lowercase();
        let domain = text(a, 1, c)?.to_ascii_lowercase();
        Ok(JsValue::from(host.ends_with(&domain)))
    };
    let is_v4 = |_: &JsValue, a: &[JsValue], c: &mut Context| {
        Ok(JsValue::from(helpers::is_v4(&text(a, 0, c)?)))
    };
    let is_in_net = |_: &JsValue, a: &[JsValue], c: &mut Context| {
        let inside = helpers::is_in_net(&text(a, 0, c)?, &text(a, 1, c)?, &text(a, 2, c)?);
        Ok(JsValue::from(inside))
    };
    let is_in_prefix = |_: &JsValue, a: &[JsValue], c: &mut Context| {
        let inside = helpers::is_in_prefix(&text(a, 0, c)?, &text(a, 1, c)?);
        Ok(JsValue::from(inside))
    };
    let number = |_: &JsValue, a: &[JsValue], c: &mut Context| {
        Ok(JsValue::from(helpers::number(&text(a, 0, c)?)))
    };
    let made = ObjectInitializer::new(context)
        .function(NativeFunction::from_fn_ptr(glob), js_string!("glob"), 2)
        .function(
            NativeFunction::from_fn_ptr(ends_with),
            js_string!("endsWith"),
            2,
        )
        .function(NativeFunction::from_fn_ptr(is_v4), js_string!("isV4"), 1)
        .function(
            NativeFunction::from_fn_ptr(is_in_net),
            js_string!("isInNet"),
            3,
        )
        .function(
            NativeFunction::from_fn_ptr(is_in_prefix),
            js_string!("isInPrefix"),
            2,
        )
        .function(NativeFunction::from_fn_ptr(number), js_string!("number"), 1)
        .build();
    context.register_global_property(js_string!("$helpers"), made, Attribute::all())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use super::super::Way;
    use super::*;
    use crate::time::Timestamp;

    fn ask(script: &str) -> Result<Answer, String> {
        let names: BTreeMap<String, Vec<IpAddr>> = BTreeMap::from([
            ("crl.example".into(), vec!["192.0.2.7".parse().unwrap()]),
            ("gone.example".into(), Vec::new()),
        ]);
        evaluate(
            script,
            &Question {
                url: "http://crl.example/a.crl",
                host: "crl.example",
                client: "10.0.0.5".parse().unwrap(),
                // Monday, 2011-03-07 09:30:00 UTC
                at: Timestamp::from_unix(1_299_490_200, 0).unwrap(),
                names: &names,
            },
        )
    }

    #[test]
    fn what_the_parser_quotes_stays_one_short_line() {
        let why = ask("fu\"a\\nction F\"").unwrap_err();
        assert!(why.starts_with("it cannot be parsed: "), "{why}");
        assert!(!why.contains('\n'), "{why}");
        let long = ask(&format!("fu\"{}\"", "a b".repeat(10_000))).unwrap_err();
        assert_eq!(long.chars().count(), MAX_ERROR);
    }

    /// `true` or `false` of a condition.
    fn holds(condition: &str) -> bool {
        let script = format!(
            "function FindProxyForURL(url, host) {{ return {condition} ? 'DIRECT' : 'PROXY p:1'; }}"
        );
        ask(&script).unwrap().ways == [Way::Direct]
    }

    #[test]
    fn the_helpers_answer_as_in_a_browser() {
        for condition in [
            "dnsDomainIs(host, '.example')",
            "shExpMatch(url, '*/a.crl') && !shExpMatch(host, 'crl')",
            "isInNet(host, '192.0.2.0', '255.255.255.0') && !isInNet(host, '10.0.0.0', '255.0.0.0')",
            "isInNet(myIpAddress(), '10.0.0.0', '255.0.0.0')",
            "isInNetEx(host, '192.0.2.0/24')",
            "isPlainHostName('crl') && !isPlainHostName(host)",
            "localHostOrDomainIs('crl', 'crl.example') && !localHostOrDomainIs('a.example', 'crl.example')",
            "isResolvable(host) && !isResolvable('gone.example')",
            "dnsResolve(host) == '192.0.2.7' && dnsResolve('gone.example') === null",
            "dnsDomainLevels('a.b.c') == 2",
            "weekdayRange('MON', 'FRI') && weekdayRange('FRI', 'TUE') && !weekdayRange('SUN', 'GMT')",
            "timeRange(9) && timeRange(8, 17) && timeRange(9, 0, 9, 45) && timeRange(22, 10) && !timeRange(10, 17)",
            "dateRange(7) && dateRange('MAR') && dateRange(2011) && dateRange(1, 'JAN', 2011, 30, 'JUN', 2011) && !dateRange('APR', 'MAY')",
            "dateRange('NOV', 'MAR') && dateRange(1, 'FEB', 8, 'MAR')",
            "new Date().getUTCFullYear() == 2011",
            "url.substring(0, 5) == 'http:' && host.split('.').length == 2 && ['a','b'].join('') == 'ab'",
            "/^crl\\./.test(host) && host.replace(/\\./g, '-') == 'crl-example' && 'x'.concat('y') == 'xy'",
            "(function () { var n = 0; for (var k in ['a', 'b']) n += 1; return n == 2 && 1 + 2 == 3; })()",
        ] {
            assert!(
                holds(condition),
                "{condition}: {:?}",
                ask(&format!(
                    "function FindProxyForURL(url, host) {{ return '' + ({condition}); }}"
                ))
            );
        }
    }

    #[test]
    fn the_answer_lists_its_ways_and_the_newer_function_wins() {
        let script = "function FindProxyForURL(u, h) { return 'DIRECT'; }
            function FindProxyForURLEx(u, h) { return 'PROXY px:8080; DIRECT'; }";
        let answer = ask(script).unwrap();
        assert_eq!(answer.ways, [Way::Proxy("px".into(), 8080), Way::Direct]);
        assert!(answer.unresolved.is_empty() && !answer.by_time);
    }

    #[test]
    fn names_the_capture_does_not_answer_are_told() {
        let script = "function FindProxyForURL(u, h) {
            return isInNet('intranet.example', '10.0.0.0', '255.0.0.0') && timeRange(9) ? 'DIRECT' : 'PROXY p:1'; }";
        let answer = ask(script).unwrap();
        assert_eq!(answer.unresolved, ["intranet.example"]);
        assert!(!answer.by_time);
    }

    #[test]
    fn hostile_scripts_end_with_a_reason() {
        let bodies = [
            "while (true) {}",
            "for (;;) { try { f(); } catch (e) {} }",
            "return FindProxyForURL(url, host);",
            "var s = 'x'; while (true) { s += s; }",
            "var s = 'x'; while (true) { try { s = s + s; } catch (e) {} }",
            "var a = []; while (true) { a.push('x' + a.length); }",
            "var a = [1]; while (true) { a = a.concat(a); }",
            "return new Array(4000000000).join('x');",
            "return new Array(4000000000).fill(1).length;",
            "return 'x'.repeat(1000000000);",
            "return 'x'.padStart(1000000000);",
            "var s = 'x'; while (true) s = s.replace(/x/g, 'xxxxxxxxxxxxxxxx');",
            "var o = { valueOf: function () { return 'x'.repeat(60000); } }, a = []; while (true) a.push(o + o);",
            "return 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.match('(a+)+$');",
            "return new RegExp('(a+)+$').test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!');",
            "return /x/.constructor('(a+)+$').test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!');",
            "return eval('1');",
            "return Function('return 1')();",
            "return (function () {}).constructor('return 1')();",
            "[1, 2, 3].forEach(function g() { [1, 2, 3].forEach(g); });",
            "return Math.max.apply(null, { length: 1000000000 });",
            "new ArrayBuffer(100000000); return 'DIRECT';",
            "return require('fs');",
            "return fetch(url);",
            "throw { toString: function () { throw 1; } };",
        ];
        for body in bodies {
            let script = format!("function FindProxyForURL(url, host) {{ {body} }}");
            let answer = ask(&script);
            assert!(answer.is_err(), "{body}: {answer:?}");
        }
        assert!(ask("var x = 1;").is_err());
        assert!(ask("<html>no script</html>").is_err());
    }

    #[test]
    fn the_same_script_gives_the_same_answer() {
        let script = "function FindProxyForURL(u, h) { return Math.random() < 0.5 ? 'PROXY a:1' : 'PROXY b:1'; }";
        assert_eq!(ask(script), ask(script));
    }
}
