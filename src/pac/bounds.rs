//! Holds a script in bounds before it runs: what is too deep to parse, and what
//! could grow without end, is refused or rewritten.
//!
//! The engine counts instructions, not memory. One instruction can double a
//! string, so each `+` of a script becomes a call that charges for its result;
//! `for (… in …)` charges for the names it lists; templates, spreads, big
//! integers and classes, which proxy scripts hardly ever use, are refused, and so are
//! patterns that can backtrack without end.

use std::ops::ControlFlow;

use boa_engine::ast::Spanned;
use boa_engine::ast::expression::access::{PropertyAccess, PropertyAccessField};
use boa_engine::ast::expression::literal::{LiteralKind, TemplateLiteral};
use boa_engine::ast::expression::operator::assign::{Assign, AssignOp, AssignTarget};
use boa_engine::ast::expression::operator::binary::{ArithmeticOp, Binary, BinaryOp};
use boa_engine::ast::expression::{Expression, RegExpLiteral, Spread, TaggedTemplate};
use boa_engine::ast::scope::Scope;
use boa_engine::ast::statement::ForInLoop;
use boa_engine::ast::visitor::{VisitWith, Visitor};
use boa_engine::interner::Interner;
use boa_engine::parser::{Parser, Source};

use super::lines::Lines;

/// The script with its accounts put in.
///
/// # Errors
///
/// One line that says why the script is not run.
pub(super) fn bounded(script: &str) -> Result<String, String> {
    check_depth(script)?;
    let lines = Lines::of(script);
    let mut interner = Interner::default();
    let parsed = Parser::new(Source::from_bytes(script))
        .parse_script(&Scope::new_global(), &mut interner)
        .map_err(|error| format!("it cannot be parsed: {error}"))?;
    let mut edits = Edits {
        text: script,
        lines: &lines,
        interner: &interner,
        edits: Vec::new(),
        sums: 0,
    };
    if let ControlFlow::Break(why) = edits.visit_script(&parsed) {
        return Err(why);
    }
    let Edits { edits, sums, .. } = edits;
    let rewritten = apply(script, edits);
    verify(&rewritten, sums)?;
    Ok(rewritten)
}

/// Weight of one bracket: the parser descends through a rule for each rank of
/// operators.
const BRACKET_WEIGHT: usize = 20;
/// Weight that fits the stack of `engine::STACK` several times over.
const MAX_WEIGHT: usize = 20_000;

/// The longest name, number or word: reading a number takes the square of its
/// length.
const MAX_WORD: usize = 16_384;

/// Bounds how long a word is, and how deep a parser can descend: every token of an unfinished statement
/// and every open bracket counts. Text in strings counts too, which can only
/// refuse more.
fn check_depth(script: &str) -> Result<(), String> {
    let mut open: Vec<usize> = Vec::new();
    let (mut base, mut here) = (0usize, 0usize);
    let (mut in_word, mut word) = (false, 0usize);
    for byte in script.bytes() {
        let is_word = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80;
        let starts = !(byte.is_ascii_whitespace() || is_word && in_word);
        in_word = is_word;
        word = if is_word { word + 1 } else { 0 };
        if word > MAX_WORD {
            return Err(format!("it has a word of more than {MAX_WORD} characters"));
        }
        here += usize::from(starts);
        match byte {
            b'(' | b'[' | b'{' => {
                open.push(here);
                base += here + BRACKET_WEIGHT;
                here = 0;
            }
            b')' | b']' | b'}' => {
                let before = open.pop().unwrap_or_default();
                base = base.saturating_sub(before + BRACKET_WEIGHT);
                // A block that closes ends its statement, unless `else` goes on.
                here = before;
            }
            b';' => here = 0,
            _ => {}
        }
        if base + here > MAX_WEIGHT {
            return Err("it is nested too deeply".into());
        }
    }
    Ok(())
}

/// Replacements: from, to, order among those at one place, text.
type Edit = (usize, usize, usize, String);

struct Edits<'a> {
    text: &'a str,
    lines: &'a Lines,
    interner: &'a Interner,
    edits: Vec<Edit>,
    sums: usize,
}

fn apply(script: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(from, to, order, _)| (*from, *to, *order));
    let mut text = String::with_capacity(script.len() + edits.len() * 8);
    let mut at = 0;
    for (from, to, _, with) in edits {
        text.push_str(script.get(at..from).unwrap_or_default());
        text.push_str(&with);
        at = to;
    }
    text.push_str(script.get(at..).unwrap_or_default());
    text
}

const LOST: &str = "an operator of it cannot be placed";

impl Edits<'_> {
    fn start(&self, expression: &impl Spanned) -> Option<usize> {
        self.lines.offset(expression.span().start())
    }

    /// Where an expression ends. The parser's own ends leave out the bracket of
    /// `a[b]`, for which the text is asked.
    fn end(&self, expression: &Expression) -> Option<usize> {
        match expression {
            Expression::Binary(binary) => self.end(binary.rhs()),
            Expression::Assign(assign) => self.end(assign.rhs()),
            Expression::Unary(unary) => self.end(unary.target()),
            Expression::Conditional(choice) => self.end(choice.if_false()),
            Expression::PropertyAccess(PropertyAccess::Simple(access)) => match access.field() {
                PropertyAccessField::Const(_) => self.lines.offset(expression.span().end()),
                PropertyAccessField::Expr(field) => {
                    let inside = self.end(field)?;
                    let rest = self.text.get(inside..)?;
                    let blank = rest.len() - rest.trim_start().len();
                    rest.trim_start()
                        .starts_with(']')
                        .then_some(inside + blank + 1)
                }
            },
            _ => self.lines.offset(expression.span().end()),
        }
    }

    /// The place of an operator right before an operand.
    fn operator_before(&self, operand: usize, operator: &str) -> Option<usize> {
        let before = self.text.get(..operand)?.trim_end();
        before
            .ends_with(operator)
            .then(|| before.len() - operator.len())
    }

    fn add(&mut self, from: usize, to: usize, order: usize, text: &str) {
        self.edits.push((from, to, order, text.to_owned()));
    }

    fn sum(&mut self, binary: &Binary) -> Option<()> {
        let (from, right) = (self.start(binary.lhs())?, self.start(binary.rhs())?);
        let end = self.end(binary.rhs())?;
        let plus = self.operator_before(right, "+")?;
        self.add(from, from, 1, "$add(");
        self.add(plus, plus + 1, 0, ",");
        self.add(end, end, 0, ")");
        Some(())
    }

    /// `a += b` becomes `a = $add(a, b)`; the target is a plain name or a
    /// property that is found without side effects.
    fn grow(&mut self, assign: &Assign) -> Option<()> {
        let target = match assign.lhs() {
            AssignTarget::Identifier(name) => {
                let from = self.start(name)?;
                let to = self.lines.offset(name.span().end())?;
                self.text.get(from..to)?.to_owned()
            }
            AssignTarget::Access(access) => {
                let whole = Expression::PropertyAccess(access.clone());
                let text = self.text.get(self.start(&whole)?..self.end(&whole)?)?;
                let plain = |c: char| c.is_ascii_alphanumeric() || "_$.[] ".contains(c);
                text.chars().all(plain).then(|| text.to_owned())?
            }
            AssignTarget::Pattern(_) => return None,
        };
        let (right, end) = (self.start(assign.rhs())?, self.end(assign.rhs())?);
        let operator = self.operator_before(right, "+=")?;
        self.add(operator, operator + 2, 0, &format!("= $add({target}, "));
        self.add(end, end, 0, ")");
        Some(())
    }
}

impl<'ast> Visitor<'ast> for Edits<'_> {
    type BreakTy = String;

    fn visit_binary(&mut self, node: &'ast Binary) -> ControlFlow<String> {
        if node.op() == BinaryOp::Arithmetic(ArithmeticOp::Add) {
            self.sums += 1;
            if self.sum(node).is_none() {
                return ControlFlow::Break(LOST.into());
            }
        }
        node.visit_with(self)
    }

    fn visit_assign(&mut self, node: &'ast Assign) -> ControlFlow<String> {
        if node.op() == AssignOp::Add {
            self.sums += 1;
            if self.grow(node).is_none() {
                return ControlFlow::Break(LOST.into());
            }
        }
        node.visit_with(self)
    }

    fn visit_for_in_loop(&mut self, node: &'ast ForInLoop) -> ControlFlow<String> {
        let places = self.start(node.target()).zip(self.end(node.target()));
        let Some((from, end)) = places else {
            return ControlFlow::Break(LOST.into());
        };
        self.add(from, from, 0, "$keys(");
        self.add(end, end, 1, ")");
        node.visit_with(self)
    }

    fn visit_template_literal(&mut self, _: &'ast TemplateLiteral) -> ControlFlow<String> {
        ControlFlow::Break("it uses template strings, which are not evaluated".into())
    }

    fn visit_tagged_template(&mut self, _: &'ast TaggedTemplate) -> ControlFlow<String> {
        ControlFlow::Break("it uses template strings, which are not evaluated".into())
    }

    fn visit_spread(&mut self, _: &'ast Spread) -> ControlFlow<String> {
        ControlFlow::Break("it uses spread syntax, which is not evaluated".into())
    }

    fn visit_literal(
        &mut self,
        node: &'ast boa_engine::ast::expression::literal::Literal,
    ) -> ControlFlow<String> {
        match node.kind() {
            LiteralKind::BigInt(_) => {
                ControlFlow::Break("it uses big integers, which are not evaluated".into())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn visit_reg_exp_literal(&mut self, node: &'ast RegExpLiteral) -> ControlFlow<String> {
        let pattern = self.interner.resolve_expect(node.pattern()).to_string();
        match is_tame(&pattern) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(format!(
                "the pattern /{pattern}/ can take without end, so it is not run"
            )),
        }
    }

    fn visit_class_declaration(
        &mut self,
        _: &'ast boa_engine::ast::function::ClassDeclaration,
    ) -> ControlFlow<String> {
        ControlFlow::Break("it uses classes, which are not evaluated".into())
    }

    fn visit_class_expression(
        &mut self,
        _: &'ast boa_engine::ast::function::ClassExpression,
    ) -> ControlFlow<String> {
        ControlFlow::Break("it uses classes, which are not evaluated".into())
    }
}

/// Endless repetitions that a pattern may hold: with texts of 4,096 characters
/// at most, the square is soon over.
const MAX_REPEATED: usize = 2;
/// Optional parts, each of which may double the ways.
const MAX_OPTIONAL: usize = 10;

/// True for patterns without repeated groups and references back, with few
/// repetitions.
fn is_tame(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    let (mut repeated, mut optional) = (0, 0);
    let mut in_class = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        match byte {
            b'\\' => {
                if bytes
                    .get(at + 1)
                    .is_some_and(|next| next.is_ascii_digit() || *next == b'k')
                {
                    return false;
                }
                at += 1;
            }
            b'[' => in_class = true,
            b']' => in_class = false,
            _ if in_class => {}
            b'*' | b'+' | b'{' if before == Some(&b')') => return false,
            b'*' | b'+' | b'{' => repeated += 1,
            // `(?:` begins a group, `+?` and `*?` are lazy.
            b'?' if !matches!(before, Some(b'(' | b'*' | b'+' | b'}' | b'?')) => optional += 1,
            _ => {}
        }
        at += 1;
    }
    repeated <= MAX_REPEATED && optional <= MAX_OPTIONAL
}

/// The rewritten script must parse, hold every account and no plain sum.
fn verify(rewritten: &str, sums: usize) -> Result<(), String> {
    let mut interner = Interner::default();
    let parsed = Parser::new(Source::from_bytes(rewritten))
        .parse_script(&Scope::new_global(), &mut interner)
        .map_err(|_| LOST.to_owned())?;
    let mut count = Sums(0);
    let plain = count.visit_script(&parsed).is_break();
    let kept = rewritten.matches("$add(").count();
    match !plain && kept >= sums {
        true => Ok(()),
        false => Err(LOST.into()),
    }
}

struct Sums(usize);

impl<'ast> Visitor<'ast> for Sums {
    type BreakTy = ();

    fn visit_binary(&mut self, node: &'ast Binary) -> ControlFlow<()> {
        if node.op() == BinaryOp::Arithmetic(ArithmeticOp::Add) {
            return ControlFlow::Break(());
        }
        node.visit_with(self)
    }

    fn visit_assign(&mut self, node: &'ast Assign) -> ControlFlow<()> {
        self.0 += 1;
        if node.op() == AssignOp::Add {
            return ControlFlow::Break(());
        }
        node.visit_with(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    /// On a stack as deep as the engine's.
    fn bounded(script: &str) -> Result<String, String> {
        let script = script.to_owned();
        let thread = std::thread::Builder::new().stack_size(256 << 20);
        let thread = thread.spawn(move || super::bounded(&script)).unwrap();
        thread.join().unwrap()
    }

    #[test]
    fn every_sum_becomes_an_account() {
        assert_eq!(bounded("var a = b + c;").unwrap(), "var a = $add(b , c);");
        assert_eq!(
            bounded("x = a[i] + b[j] + 'c'").unwrap(),
            "x = $add($add(a[i] , b[j]) , 'c')"
        );
        assert_eq!(
            bounded("s += t[1];\n  o.p += (1 + 2)").unwrap(),
            "s = $add(s,  t[1]);\n  o.p = $add(o.p,  ($add(1 , 2)))"
        );
        assert_eq!(bounded("i++; +x; i = -1").unwrap(), "i++; +x; i = -1");
    }

    #[test]
    fn text_of_several_bytes_and_lines_does_not_shift_the_places() {
        let script = "// ä ö\r\nvar s = 'ü' + x;\r\nfor (var k in list) { y = k + 1 }";
        assert_eq!(
            bounded(script).unwrap(),
            "// ä ö\r\nvar s = $add('ü' , x);\r\nfor (var k in $keys(list)) { y = $add(k , 1) }"
        );
    }

    #[test]
    fn what_cannot_be_held_in_bounds_is_refused() {
        for script in [
            "x = `a${b}`",
            "f(...a)",
            "x = 2n ** 9n",
            "x /* + */ + /* + */ y",
            "class A {}",
            "/(a+)+$/.test(x)",
            "/a*b*c*d*$/.test(x)",
            "function (",
        ] {
            assert!(bounded(script).is_err(), "{script}");
        }
        let deep = format!("x = {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert_eq!(bounded(&deep), Err("it is nested too deeply".into()));
        assert!(bounded(&format!("x = {}1", "!".repeat(100_000))).is_err());
    }

    #[test]
    fn a_script_of_one_long_line_takes_what_its_length_takes() {
        // Minutes, when places were counted from the beginning of the line.
        let begun = std::time::Instant::now();
        let rewritten = bounded(&"x=a+b;".repeat(20_000)).unwrap();
        assert_eq!(rewritten, "x=$add(a,b);".repeat(20_000));
        assert!(begun.elapsed().as_secs() < 30);
    }

    #[test]
    fn a_number_of_very_many_digits_is_not_read() {
        let why = Err("it has a word of more than 16384 characters".to_owned());
        assert_eq!(bounded(&format!("x = {}", "5".repeat(1 << 20))), why);
        assert!(bounded(&format!("x = '{}'", "5 ".repeat(10_000))).is_ok());
    }

    #[test]
    fn a_long_list_of_conditions_is_no_deep_nesting() {
        let one = "shExpMatch(host, \"*.example.com\") || ";
        let script = format!("if ({}false) x = 1;", one.repeat(800));
        assert!(bounded(&script).is_ok());
    }
}
