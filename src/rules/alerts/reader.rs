//! Reads a PromQL expression.

use std::iter::Peekable;

use super::expression::{Expression, Kept, Series};
use super::tokens::{Token, tokens};

/// What aggregates.
const AGGREGATIONS: [&str; 12] =
    ["sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"];

/// So deep and so large may an expression be: no real one comes near.
const DEPTH: usize = 48;
const PARTS: usize = 2000;

/// Reads a whole expression.
pub fn read(text: &str) -> Option<Expression<'_>> {
    let mut reader = Reader { tokens: tokens(text)?.into_iter().peekable(), parts: 0 };
    let read = reader.binary(0, 0)?;
    reader.tokens.peek().is_none().then_some(read)
}

/// How tightly an operator binds; none for what is no operator.
fn strength(token: &Token<'_>) -> Option<(u8, bool)> {
    let (Token::Mark(op) | Token::Word(op)) = token else { return None };
    Some(match *op {
        "or" => (1, false),
        "and" | "unless" => (2, false),
        "==" | "!=" | ">" | "<" | ">=" | "<=" => (3, false),
        "+" | "-" => (4, false),
        "*" | "/" | "%" | "atan2" => (5, false),
        "^" => (6, true),
        _ => return None,
    })
}

struct Reader<'a> {
    tokens: Peekable<std::vec::IntoIter<Token<'a>>>,
    parts: usize,
}

impl<'a> Reader<'a> {
    fn mark(&mut self, mark: &str) -> Option<()> {
        self.tokens.next_if(|token| matches!(token, Token::Mark(found) if *found == mark)).map(|_| ())
    }

    fn word(&mut self, words: &[&str]) -> Option<&'a str> {
        let found = self.tokens.next_if(|token| matches!(token, Token::Word(found) if words.contains(found)))?;
        match found {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn binary(&mut self, least: u8, depth: usize) -> Option<Expression<'a>> {
        if depth > DEPTH {
            return None;
        }
        let mut left = self.operand(depth)?;
        while let Some((strength, to_the_right)) = self.tokens.peek().and_then(strength).filter(|(s, _)| *s > least) {
            let (Token::Mark(op) | Token::Word(op)) = self.tokens.next()? else { return None };
            self.parts += 1;
            if self.parts > PARTS {
                return None;
            }
            self.word(&["bool"]);
            if self.word(&["on", "ignoring"]).is_some() {
                self.labels()?;
                if self.word(&["group_left", "group_right"]).is_some() && self.tokens.peek() == Some(&Token::Mark("("))
                {
                    self.labels()?;
                }
            }
            let right = self.binary(if to_the_right { strength - 1 } else { strength }, depth + 1)?;
            left = Expression::Binary(op, Box::new(left), Box::new(right));
        }
        Some(left)
    }

    fn operand(&mut self, depth: usize) -> Option<Expression<'a>> {
        let mut read = match self.tokens.next()? {
            Token::Mark("+") => self.binary(5, depth + 1)?,
            Token::Mark("-") => match self.binary(5, depth + 1)? {
                Expression::Number(number) => Expression::Number(-number),
                other => other,
            },
            Token::Mark("(") => {
                let inner = self.binary(0, depth + 1)?;
                self.mark(")")?;
                inner
            }
            Token::Mark("{") => Expression::Series(Series { name: "", matchers: self.matchers()? }),
            Token::Number(number) => Expression::Number(number),
            Token::Text(_) => Expression::Text,
            Token::Word(name) => self.named(name, depth)?,
            Token::Mark(_) => return None,
        };
        // `[5m]`, `[1h:1m]`, `offset 5m`, `@ end()`: when is not asked here.
        loop {
            if self.mark("[").is_some() {
                while self.tokens.next()? != Token::Mark("]") {}
            } else if self.word(&["offset"]).is_some() {
                self.mark("-");
                self.tokens.next()?;
            } else if self.mark("@").is_some() {
                self.tokens.next()?;
                if self.mark("(").is_some() {
                    self.mark(")")?;
                }
            } else {
                break;
            }
        }
        if let Expression::Series(series) = &mut read {
            let said = series.matchers.iter().find(|(label, op, _)| *label == "__name__" && *op == "=");
            if series.name.is_empty() {
                series.name = said.map_or("", |(_, _, value)| *value);
            }
        }
        Some(read)
    }

    /// What begins with a name: an aggregation, a function, series, a number in words.
    fn named(&mut self, name: &'a str, depth: usize) -> Option<Expression<'a>> {
        if AGGREGATIONS.contains(&name) {
            let before = self.kept()?;
            let inside = self.arguments(depth)?;
            let kept = match before {
                Kept::None => self.kept()?,
                before => before,
            };
            return Some(Expression::Aggregation(name, kept, inside));
        }
        if self.tokens.peek() == Some(&Token::Mark("(")) {
            return Some(Expression::Call(name, self.arguments(depth)?));
        }
        if name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("nan") {
            return Some(Expression::Number(f64::NAN));
        }
        let matchers = if self.mark("{").is_some() { self.matchers()? } else { Vec::new() };
        Some(Expression::Series(Series { name, matchers }))
    }

    fn kept(&mut self) -> Option<Kept<'a>> {
        Some(match self.word(&["by", "without"]) {
            Some("by") => Kept::By(self.labels()?),
            Some(_) => Kept::Without(self.labels()?),
            None => Kept::None,
        })
    }

    fn arguments(&mut self, depth: usize) -> Option<Vec<Expression<'a>>> {
        self.mark("(")?;
        let mut all = Vec::new();
        while self.mark(")").is_none() {
            all.push(self.binary(0, depth + 1)?);
            self.parts += 1;
            if self.mark(",").is_none() {
                self.mark(")")?;
                break;
            }
        }
        (self.parts <= PARTS).then_some(all)
    }

    fn labels(&mut self) -> Option<Vec<&'a str>> {
        self.mark("(")?;
        let mut all = Vec::new();
        while self.mark(")").is_none() {
            match self.tokens.next()? {
                Token::Word(label) => all.push(label),
                Token::Mark(",") => {}
                _ => return None,
            }
        }
        Some(all)
    }

    /// The matchers behind a brace.
    fn matchers(&mut self) -> Option<Vec<(&'a str, &'a str, &'a str)>> {
        let mut all = Vec::new();
        while self.mark("}").is_none() {
            let Token::Word(label) = self.tokens.next()? else { return None };
            let Token::Mark(op @ ("=" | "!=" | "=~" | "!~")) = self.tokens.next()? else { return None };
            let Token::Text(value) = self.tokens.next()? else { return None };
            all.push((label, op, value));
            self.mark(",");
        }
        Some(all)
    }
}
