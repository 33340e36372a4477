//! Many cases in one process: a JSON object a line in, one a line out.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use whychain::chain::Profile;

use super::verify_answer::Answer;
use super::verify_case::{Case, Line};
use super::verify_shelf::Shelf;

/// A longer line is answered as unreadable. A case with a large CRL has some
/// ten megabytes.
const MAX_LINE: u64 = 256 << 20;
/// Lines handed to the threads at once; bounds memory.
const LINES_AT_ONCE: usize = 64;
/// Threads; cases are small, more only wait for memory.
const MAX_THREADS: usize = 8;

/// Answers every line of the input, in order.
///
/// # Errors
///
/// When the input cannot be read or the output not be written.
pub(super) fn run(
    input: &mut impl BufRead,
    output: &mut impl Write,
    profile: Profile,
) -> std::io::Result<()> {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MAX_THREADS);
    let shelf = Shelf::default();
    loop {
        let mut lines = Vec::new();
        while lines.len() < LINES_AT_ONCE {
            match next_line(input)? {
                Some(line) => lines.push(line),
                None => break,
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let size = lines.len().div_ceil(threads);
        let answers: Vec<String> = std::thread::scope(|scope| {
            let parts = lines.chunks(size).map(|part| {
                let shelf = shelf.clone();
                scope.spawn(move || {
                    part.iter()
                        .filter_map(|line| answer(line, profile, &shelf))
                        .collect()
                })
            });
            let handles: Vec<std::thread::ScopedJoinHandle<'_, Vec<String>>> = parts.collect();
            handles
                .into_iter()
                .flat_map(|handle| handle.join().unwrap_or_default())
                .collect()
        });
        for line in answers {
            writeln!(output, "{line}")?;
        }
    }
}

/// A line as far as it was read.
enum InputLine {
    Whole(Vec<u8>),
    /// It is longer than [`MAX_LINE`]; this is its beginning.
    TooLong(Vec<u8>),
}

/// Of a line that is too long this much is kept, to find its id.
const KEPT_OF_LONG: usize = 4_096;

fn next_line(input: &mut impl BufRead) -> std::io::Result<Option<InputLine>> {
    let mut line = Vec::new();
    let read = std::io::Read::take(&mut *input, MAX_LINE).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') || (read as u64) < MAX_LINE {
        return Ok(Some(InputLine::Whole(line)));
    }
    line.truncate(KEPT_OF_LONG);
    line.shrink_to_fit();
    input.skip_until(b'\n')?;
    Ok(Some(InputLine::TooLong(line)))
}

/// The answer to a line; `None` for an empty one.
fn answer(line: &InputLine, profile: Profile, shelf: &Shelf) -> Option<String> {
    let answer = match line {
        InputLine::TooLong(start) => {
            Answer::unreadable(id_in(start), format!("a line over {MAX_LINE} bytes"))
        }
        InputLine::Whole(bytes) if bytes.trim_ascii().is_empty() => return None,
        InputLine::Whole(bytes) => {
            // Nothing here should panic; should a decoder do so all the same,
            // the case is rejected and the others are answered.
            let result = catch_unwind(AssertUnwindSafe(|| judged(bytes, profile, shelf)));
            result.unwrap_or_else(|_| Answer::unreadable(id_in(bytes), "an error in the program"))
        }
    };
    Some(serde_json::to_string(&answer).unwrap_or_default())
}

fn judged(bytes: &[u8], profile: Profile, shelf: &Shelf) -> Answer {
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => return Answer::unreadable(id_in(bytes), error.to_string()),
    };
    let id = value.get("id").cloned();
    let line: Line = match serde_json::from_value(value) {
        Ok(line) => line,
        Err(error) => return Answer::unreadable(id, error.to_string()),
    };
    match Case::from_line(&line, profile, shelf) {
        Ok(case) => Answer::to(id, &case),
        Err(why) => Answer::unreadable(id, why),
    }
}

/// The id of a line that is not JSON, where one can be made out.
fn id_in(bytes: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(bytes.get(..KEPT_OF_LONG).unwrap_or(bytes));
    let (_, after) = text.split_once("\"id\"")?;
    let after = after.trim_start().strip_prefix(':')?.trim_start();
    let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
    values.next()?.ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn answers(input: &str) -> Vec<Value> {
        let mut output = Vec::new();
        run(&mut input.as_bytes(), &mut output, Profile::Windows).unwrap();
        let text = String::from_utf8(output).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_case_that_cannot_be_read_is_rejected_and_the_run_goes_on() {
        let answers = answers(
            "{\"id\":\"a\",\"leaf\":\"AAAA\",\"time\":\"2011-02-21T00:00:00Z\"}\n\
             {\"id\":7,\"broken\n\n\
             {\"id\":\"c\"}\n",
        );
        let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
        assert_eq!(ids, [&Value::from("a"), &Value::from(7), &Value::from("c")]);
        assert!(answers.iter().all(|answer| answer["verdict"] == "reject"));
    }
}
