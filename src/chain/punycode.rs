//! Punycode: letters beyond ASCII in DNS labels.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 128;

/// A longer label cannot be one: the encoded form has at most 63 octets.
const MAX_LABEL: usize = 63;

/// Encodes a label, without the `xn--` in front. `None` when it is too long.
///
/// Spec: RFC 3492 §6.3.
pub(super) fn encoded(label: &str) -> Option<String> {
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    if points.len() > MAX_LABEL {
        return None;
    }
    let mut output: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(output.len()).ok()?;
    if basic > 0 {
        output.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (INITIAL_N, 0u32, INITIAL_BIAS, basic);
    while (handled as usize) < points.len() {
        let next = points.iter().copied().filter(|point| *point >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(handled + 1)?)?;
        n = next;
        for point in &points {
            if *point < n {
                delta = delta.checked_add(1)?;
            }
            if *point == n {
                push_number(&mut output, delta, bias);
                bias = adapted(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(output)
}

/// Appends a generalized variable-length integer.
fn push_number(output: &mut String, number: u32, bias: u32) {
    let mut rest = number;
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            break;
        }
        output.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
        rest = (rest - threshold) / (BASE - threshold);
        k += BASE;
    }
    output.push(digit(rest));
}

fn digit(value: u32) -> char {
    char::from_digit(value + if value < 26 { 10 } else { 0 }, 36)
        .filter(|_| value < 26)
        .or_else(|| char::from_digit(value.wrapping_sub(26), 10))
        .unwrap_or('?')
}

fn adapted(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_encode_as_in_the_standard_and_in_use() {
        assert_eq!(encoded("bücher").as_deref(), Some("bcher-kva"));
        assert_eq!(encoded("münchen").as_deref(), Some("mnchen-3ya"));
        // RFC 3492 §7.1 (B), Chinese (simplified).
        assert_eq!(
            encoded("他们为什么不说中文").as_deref(),
            Some("ihqwcrb4cv8a8dqg056pqjye")
        );
        // RFC 3492 §7.1 (L), with letters in upper case kept.
        assert_eq!(
            encoded("3年B組金八先生").as_deref(),
            Some("3B-ww4c5e180e575a65lsy2b")
        );
    }

    #[test]
    fn a_label_that_is_too_long_is_none() {
        assert_eq!(encoded(&"ü".repeat(64)), None);
    }
}
