//! The text of a filter, read into a flat program.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Number;

use crate::error::{ScimError, ScimType};

/// A filter as it was written: its terms in postfix order, so that nothing that works on it recurses.
///
/// ```
/// use ciam_scim::filter::Filter;
///
/// let filter = Filter::parse(r#"userName eq "kim" and not (emails[type eq "work"])"#)?;
/// assert_eq!(filter.terms().len(), 6);
/// assert!(Filter::parse("userName eq").is_err());
/// # Ok::<(), ciam_scim::filter::FilterError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Filter<'t> {
    terms: Vec<Term<'t>>,
}

/// One step of a filter's program.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Term<'t> {
    /// A comparison.
    Compare(Compare<'t>),
    /// A value path begins: what follows, up to its [`Close`](Self::Close), is asked of one element.
    Open(&'t str),
    /// The value path ends.
    Close,
    /// The opposite of the term before.
    Not,
    /// Both of the two terms before.
    And,
    /// One of the two terms before.
    Or,
}

/// A comparison of an attribute.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Compare<'t> {
    /// The path of the attribute, as it was written.
    pub path: &'t str,
    /// How it is compared.
    pub operator: Operator,
    /// With what; [`Literal::Null`] for `pr`.
    pub literal: Literal<'t>,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644, section 3.4.2.2")]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
    /// Present.
    Pr,
}

impl Operator {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Pr => "pr",
        }
    }

    fn of(word: &[u8]) -> Option<Self> {
        let &[first, second] = word else { return None };
        Some(match (first.to_ascii_lowercase(), second.to_ascii_lowercase()) {
            (b'e', b'q') => Self::Eq,
            (b'n', b'e') => Self::Ne,
            (b'c', b'o') => Self::Co,
            (b's', b'w') => Self::Sw,
            (b'e', b'w') => Self::Ew,
            (b'g', b't') => Self::Gt,
            (b'g', b'e') => Self::Ge,
            (b'l', b't') => Self::Lt,
            (b'l', b'e') => Self::Le,
            (b'p', b'r') => Self::Pr,
            _ => return None,
        })
    }
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644, section 3.4.2.2")]
pub enum Literal<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Cow<'t, str>),
}

/// Why a text is no filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filter is not valid at byte {position}: {what}")]
#[non_exhaustive]
pub struct FilterError {
    /// Where.
    pub position: usize,
    /// What was found or missed there; nothing of the text.
    pub what: &'static str,
}

impl From<FilterError> for ScimError {
    fn from(error: FilterError) -> Self {
        Self::new(ScimType::InvalidFilter, error.to_string())
    }
}

impl<'t> Filter<'t> {
    /// The longest filter, in bytes.
    pub const MAX_BYTES: usize = 65_536;
    /// The most terms: comparisons, value paths and the words between them.
    pub const MAX_TERMS: usize = 4_096;
    /// The most comparisons.
    pub const MAX_COMPARISONS: usize = 1_024;
    /// The deepest nesting of parentheses and brackets.
    pub const MAX_DEPTH: usize = 64;
    /// The longest text that an attribute is compared with, in bytes as written.
    pub const MAX_LITERAL: usize = 8_192;

    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// Fails when the text is none, with the place and the reason; never by exhausting the stack or the time.
    pub fn parse(text: &'t str) -> Result<Self, FilterError> {
        if text.len() > Self::MAX_BYTES {
            return Err(FilterError { position: 0, what: "the filter is too long" });
        }
        let mut parser = Parser::new(text);
        parser.run(false)?;
        Ok(Self { terms: parser.terms })
    }

    /// The program, in postfix order.
    #[must_use]
    pub fn terms(&self) -> &[Term<'t>] {
        &self.terms
    }

    /// The program as text in which two filters that mean the same by their words are the same. Not a filter itself.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        for term in &self.terms {
            // Writing to a string does not fail.
            let _written = match term {
                Term::Compare(it) => {
                    let path = it.path.to_ascii_lowercase();
                    write!(out, "{path:?} {} {:?};", it.operator.as_str(), it.literal)
                }
                Term::Open(path) => write!(out, "{:?}[", path.to_ascii_lowercase()),
                Term::Close => write!(out, "];"),
                Term::Not => write!(out, "not;"),
                Term::And => write!(out, "and;"),
                Term::Or => write!(out, "or;"),
            };
        }
        out
    }
}

/// What is open at a place of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Group,
    NotGroup,
    Bracket,
    And,
    Or,
}

pub(crate) struct Parser<'t> {
    text: &'t str,
    at: usize,
    terms: Vec<Term<'t>>,
    pending: Vec<Pending>,
    comparisons: usize,
    depth: usize,
    in_bracket: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            terms: Vec::with_capacity(4),
            pending: Vec::new(),
            comparisons: 0,
            depth: 0,
            in_bracket: false,
        }
    }

    /// Reads the path of a patch operation: the attribute, the filter in brackets, the sub-attribute.
    pub(crate) fn path(text: &'t str) -> Result<(&'t str, Option<Filter<'t>>, Option<&'t str>), FilterError> {
        if text.len() > Filter::MAX_BYTES {
            return Err(FilterError { position: 0, what: "the path is too long" });
        }
        let mut parser = Self::new(text);
        parser.blanks();
        let path = parser.word()?;
        let mut filter = None;
        let mut sub = None;
        if parser.peek() == Some(b'[') {
            parser.at += 1;
            parser.depth = 1;
            parser.in_bracket = true;
            parser.pending.push(Pending::Bracket);
            parser.run(true)?;
            filter = Some(Filter { terms: std::mem::take(&mut parser.terms) });
            if parser.peek() == Some(b'.') {
                parser.at += 1;
                sub = Some(parser.word()?);
            }
        }
        parser.blanks();
        if parser.at < text.len() {
            return Err(parser.error("something follows the path"));
        }
        Ok((path, filter, sub))
    }

    /// Reads operands and the words between them by turns. With `until_bracket` it stops behind the bracket that closes the
    /// one which was open before.
    fn run(&mut self, until_bracket: bool) -> Result<(), FilterError> {
        loop {
            self.operand()?;
            loop {
                self.blanks();
                match self.peek() {
                    None if until_bracket => return Err(self.error("a bracket is not closed")),
                    None => return self.end(),
                    Some(b')') => self.close_group()?,
                    Some(b']') => {
                        let outermost = self.close_bracket()?;
                        if until_bracket && outermost {
                            return Ok(());
                        }
                    }
                    Some(_) => {
                        self.conjunction()?;
                        break;
                    }
                }
            }
        }
    }

    /// Reads what may stand where an operand is expected: opening parentheses and value paths, then a comparison.
    fn operand(&mut self) -> Result<(), FilterError> {
        loop {
            self.blanks();
            if self.peek() == Some(b'(') {
                self.at += 1;
                self.open(Pending::Group)?;
                continue;
            }
            let begin = self.at;
            let word = self.word()?;
            if word.eq_ignore_ascii_case("not") {
                self.blanks();
                if self.peek() == Some(b'(') {
                    self.at += 1;
                    self.open(Pending::NotGroup)?;
                    continue;
                }
                self.at = begin;
                return Err(self.error("`not` stands before a parenthesis"));
            }
            if self.peek() == Some(b'[') {
                if self.in_bracket {
                    return Err(self.error("a value path cannot be in another one"));
                }
                self.at += 1;
                self.in_bracket = true;
                self.push(Term::Open(word))?;
                self.open(Pending::Bracket)?;
                continue;
            }
            return self.comparison(word);
        }
    }

    fn comparison(&mut self, path: &'t str) -> Result<(), FilterError> {
        self.comparisons += 1;
        if self.comparisons > Filter::MAX_COMPARISONS {
            return Err(self.error("there are too many comparisons"));
        }
        self.some_blanks()?;
        let begin = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_alphabetic()) {
            self.at += 1;
        }
        let word = self.text.as_bytes().get(begin..self.at).unwrap_or_default();
        let Some(operator) = Operator::of(word) else {
            self.at = begin;
            return Err(self.error("an operator was expected"));
        };
        let literal = if operator == Operator::Pr {
            Literal::Null
        } else {
            self.some_blanks()?;
            self.literal()?
        };
        self.push(Term::Compare(Compare { path, operator, literal }))
    }

    fn conjunction(&mut self) -> Result<(), FilterError> {
        let begin = self.at;
        if !self.after_blank_or_close() {
            return Err(self.error("a blank was expected"));
        }
        let word = self.word()?;
        let this = if word.eq_ignore_ascii_case("and") {
            Pending::And
        } else if word.eq_ignore_ascii_case("or") {
            Pending::Or
        } else {
            self.at = begin;
            return Err(self.error("`and` or `or` was expected"));
        };
        if !matches!(self.peek(), Some(b' ' | b'\t' | b'(')) {
            return Err(self.error("an operand was expected"));
        }
        // `and` binds more tightly than `or`, and each is read from the left.
        while let Some(&top) = self.pending.last() {
            let first = top == Pending::And || (top == Pending::Or && this == Pending::Or);
            if !first {
                break;
            }
            self.reduce(top)?;
        }
        self.pending.push(this);
        Ok(())
    }

    fn after_blank_or_close(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.as_bytes().get(at));
        matches!(before, Some(b' ' | b'\t' | b')' | b']'))
    }

    /// Takes the pending word on top and puts it behind its operands.
    fn reduce(&mut self, top: Pending) -> Result<(), FilterError> {
        self.pending.pop();
        match top {
            Pending::And => self.push(Term::And),
            Pending::Or => self.push(Term::Or),
            Pending::NotGroup => self.push(Term::Not),
            Pending::Group | Pending::Bracket => Ok(()),
        }
    }

    fn reduce_words(&mut self) -> Result<(), FilterError> {
        while let Some(&top) = self.pending.last() {
            if !matches!(top, Pending::And | Pending::Or) {
                break;
            }
            self.reduce(top)?;
        }
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), FilterError> {
        self.reduce_words()?;
        match self.pending.last() {
            Some(&top @ (Pending::Group | Pending::NotGroup)) => {
                self.at += 1;
                self.depth -= 1;
                self.reduce(top)
            }
            _ => Err(self.error("a parenthesis closes that was not opened")),
        }
    }

    /// Closes a bracket; `true` when it is the one that was open before everything.
    fn close_bracket(&mut self) -> Result<bool, FilterError> {
        self.reduce_words()?;
        if self.pending.last() != Some(&Pending::Bracket) {
            return Err(self.error("a bracket closes that was not opened"));
        }
        self.pending.pop();
        self.at += 1;
        self.depth -= 1;
        self.in_bracket = false;
        if self.pending.is_empty() && self.depth == 0 && !self.opened() {
            return Ok(true);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            let sub = self.word()?;
            self.comparison(sub)?;
            self.push(Term::And)?;
        }
        self.push(Term::Close)?;
        Ok(false)
    }

    /// Whether the bracket that closes was opened within the terms: not so for the one of a patch path.
    fn opened(&self) -> bool {
        self.terms.iter().rev().find_map(|term| match term {
            Term::Open(_) => Some(true),
            Term::Close => Some(false),
            _ => None,
        }) == Some(true)
    }

    fn end(&mut self) -> Result<(), FilterError> {
        self.reduce_words()?;
        if self.pending.is_empty() { Ok(()) } else { Err(self.error("something is not closed")) }
    }

    fn open(&mut self, pending: Pending) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > Filter::MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.pending.push(pending);
        Ok(())
    }

    fn push(&mut self, term: Term<'t>) -> Result<(), FilterError> {
        if self.terms.len() >= Filter::MAX_TERMS {
            return Err(self.error("there are too many terms"));
        }
        self.terms.push(term);
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn some_blanks(&mut self) -> Result<(), FilterError> {
        let begin = self.at;
        self.blanks();
        if self.at == begin { Err(self.error("a blank was expected")) } else { Ok(()) }
    }

    /// A path or a word.
    fn word(&mut self) -> Result<&'t str, FilterError> {
        let begin = self.at;
        if !self.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'$') {
            return Err(self.error("a name was expected"));
        }
        let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.:$/%#~+".contains(&b);
        while self.peek().is_some_and(inner) {
            self.at += 1;
        }
        self.text.get(begin..self.at).ok_or_else(|| self.error("a name was expected"))
    }

    fn literal(&mut self) -> Result<Literal<'t>, FilterError> {
        match self.peek() {
            Some(b'"') => self.string().map(Literal::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b) if b.is_ascii_alphabetic() => {
                let begin = self.at;
                let word = self.word()?;
                Ok(match word {
                    _ if word.eq_ignore_ascii_case("true") => Literal::Bool(true),
                    _ if word.eq_ignore_ascii_case("false") => Literal::Bool(false),
                    _ if word.eq_ignore_ascii_case("null") => Literal::Null,
                    _ => {
                        self.at = begin;
                        return Err(self.error("a value was expected"));
                    }
                })
            }
            _ => Err(self.error("a value was expected")),
        }
    }

    fn number(&mut self) -> Result<Literal<'t>, FilterError> {
        let begin = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
            self.at += 1;
        }
        let text = self.text.get(begin..self.at).unwrap_or_default();
        serde_json::from_str(text)
            .map(Literal::Number)
            .map_err(|_| FilterError { position: begin, what: "a number was expected" })
    }

    /// A JSON string.
    fn string(&mut self) -> Result<Cow<'t, str>, FilterError> {
        let begin = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                None => return Err(self.error("a text is not closed")),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(b) if b < 0x20 => return Err(self.error("a control character in a text")),
                Some(_) => self.at += 1,
            }
            if self.at - begin > Filter::MAX_LITERAL {
                return Err(self.error("a text is too long"));
            }
        }
        self.at += 1;
        let wrong = FilterError { position: begin, what: "a text is not valid" };
        let quoted = self.text.get(begin..self.at).ok_or(wrong)?;
        let text = if escaped {
            Cow::Owned(serde_json::from_str::<String>(quoted).map_err(|_| wrong)?)
        } else {
            Cow::Borrowed(quoted.get(1..quoted.len() - 1).ok_or(wrong)?)
        };
        // No store keeps it, and no value has it.
        if text.contains('\0') { Err(wrong) } else { Ok(text) }
    }

    fn error(&self, what: &'static str) -> FilterError {
        FilterError { position: self.at, what }
    }
}

#[cfg(test)]
mod tests;
