//! The rules of SMILES that need no chemistry, alike in the browser, on the server and in the worker, and the rough size
//! of a molecule that a time estimate needs. Whether a text is a molecule (valence, aromaticity) is RDKit's word.
//!
//! It is no parser crate: measured on 3,797 SMILES that RDKit reads, `smiles-rs` 0.2.1 refuses `C~C`, dative bonds and
//! `[#6]` (and brings over twenty crates along), `purr` 0.9 those and `%(123)`, `opensmiles` 0.1.3 nearly half, some
//! by a panic. The worker checks by the same seven rules, proven by one golden file. What passes here may still be no
//! molecule; what is refused here RDKit refuses as well.

mod sketch;

use crate::ligand::MAX_SMILES;

/// The size of a molecule as its SMILES shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Atoms other than hydrogen, all fragments together.
    pub heavy_atoms: u32,
    /// Rotatable bonds: an estimate by RDKit's strict definition, without its perception of aromatic rings.
    pub rotors: u32,
    /// Parts that no bond joins.
    pub fragments: u32,
}

/// The first rule that a text breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SmilesFault {
    /// A stable word: `empty`, `too_long`, `whitespace`, `character`, `brackets`, `parentheses` or `ring_bond`.
    pub code: &'static str,
    /// What is wrong and where, in words a chemist can act on; positions are counted from 1.
    pub message: String,
}

/// Checks the syntax of a SMILES; white space around it does not count.
pub fn check(smiles: &str) -> Result<Sketch, SmilesFault> {
    let smiles = smiles.trim_matches(is_space);
    check_characters(smiles)?;
    let tokens = tokens(smiles)?;
    check_branches(&tokens)?;
    check_rings(&tokens)?;
    Ok(sketch::of(&tokens))
}

/// A piece of a SMILES, and where it begins, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token<'a> {
    piece: Piece<'a>,
    position: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// An atom without brackets: `C`, `Cl`, `c`, `*`.
    Atom(&'a str),
    /// What stands between square brackets.
    Bracket(&'a str),
    /// `(`
    Open,
    /// `)`
    Close,
    /// A ring bond's number.
    Ring(u32),
    /// `.`
    Dot,
    /// A `%` that no number follows.
    Percent,
    /// A bond, or what means nothing here and is left to RDKit.
    Other(u8),
}

/// Of ASCII, and only those that Python's `string.whitespace` names, as the worker strips them.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

fn fault<T>(code: &'static str, message: impl Into<String>) -> Result<T, SmilesFault> {
    Err(SmilesFault {
        code,
        message: message.into(),
    })
}

fn check_characters(smiles: &str) -> Result<(), SmilesFault> {
    if smiles.is_empty() {
        return fault("empty", "there is no SMILES here");
    }
    let length = smiles.chars().count();
    if length > MAX_SMILES {
        return fault(
            "too_long",
            format!("the SMILES has {length} characters, the most is {MAX_SMILES}"),
        );
    }
    for (character, position) in smiles.chars().zip(1..) {
        if is_space(character) {
            return fault(
                "whitespace",
                format!("there is white space inside the SMILES, at position {position}"),
            );
        }
        if !character.is_ascii_alphanumeric() && !"[]()=#$:/\\.-+@%*~<>".contains(character) {
            let shown = match character {
                '\'' => "an apostrophe".to_owned(),
                character if character.is_control() => format!("U+{:04X}", u32::from(character)),
                character => format!("'{character}'"),
            };
            return fault(
                "character",
                format!("{shown} at position {position} does not occur in SMILES"),
            );
        }
    }
    Ok(())
}

/// Cuts an ASCII text into its pieces. Only square brackets can be at fault here.
fn tokens(smiles: &str) -> Result<Vec<Token<'_>>, SmilesFault> {
    let bytes = smiles.as_bytes();
    let mut tokens = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (piece, length) = match byte {
            b'[' => bracket(smiles, at)?,
            b']' => {
                return fault(
                    "brackets",
                    format!("the square bracket at position {} closes nothing", at + 1),
                );
            }
            b'(' => (Piece::Open, 1),
            b')' => (Piece::Close, 1),
            b'.' => (Piece::Dot, 1),
            b'%' => ring_number(&bytes[at..]),
            b'0'..=b'9' => (Piece::Ring(u32::from(byte - b'0')), 1),
            b'*' => (Piece::Atom("*"), 1),
            byte if byte.is_ascii_alphabetic() => {
                let length = if matches!(bytes.get(at..at + 2), Some(b"Cl" | b"Br")) {
                    2
                } else {
                    1
                };
                (Piece::Atom(&smiles[at..at + length]), length)
            }
            other => (Piece::Other(other), 1),
        };
        tokens.push(Token {
            piece,
            position: at + 1,
        });
        at += length;
    }
    Ok(tokens)
}

fn bracket(smiles: &str, at: usize) -> Result<(Piece<'_>, usize), SmilesFault> {
    let inside = &smiles[at + 1..];
    match inside.find(['[', ']']) {
        Some(0) if inside.starts_with(']') => fault(
            "brackets",
            format!("the square brackets at position {} are empty", at + 1),
        ),
        Some(end) if inside.as_bytes()[end] == b']' => {
            Ok((Piece::Bracket(&inside[..end]), end + 2))
        }
        _ => fault(
            "brackets",
            format!("the square bracket at position {} is not closed", at + 1),
        ),
    }
}

/// The number of a ring bond after `%`: two digits, or one to five in round brackets.
fn ring_number(bytes: &[u8]) -> (Piece<'static>, usize) {
    let number = |digits: &[u8]| {
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    match bytes {
        [b'%', a @ b'0'..=b'9', b @ b'0'..=b'9', ..] => (Piece::Ring(number(&[*a, *b])), 3),
        [b'%', b'(', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if (1..=5).contains(&digits) && rest.get(digits) == Some(&b')') {
                (Piece::Ring(number(&rest[..digits])), digits + 3)
            } else {
                (Piece::Percent, 1)
            }
        }
        _ => (Piece::Percent, 1),
    }
}

fn check_branches(tokens: &[Token<'_>]) -> Result<(), SmilesFault> {
    let mut open = Vec::new();
    for token in tokens {
        match token.piece {
            Piece::Open => open.push(token.position),
            Piece::Close if open.pop().is_none() => {
                return fault(
                    "parentheses",
                    format!(
                        "the round bracket at position {} closes nothing",
                        token.position
                    ),
                );
            }
            _ => {}
        }
    }
    match open.last() {
        None => Ok(()),
        Some(position) => fault(
            "parentheses",
            format!("the round bracket at position {position} is not closed"),
        ),
    }
}

fn check_rings(tokens: &[Token<'_>]) -> Result<(), SmilesFault> {
    let mut open: Vec<(u32, usize)> = Vec::new();
    for token in tokens {
        match token.piece {
            Piece::Percent => {
                return fault(
                    "ring_bond",
                    format!(
                        "after % at position {} there must be two digits, the number of a ring bond",
                        token.position
                    ),
                );
            }
            Piece::Ring(number) => match open.iter().position(|(other, _)| *other == number) {
                Some(partner) => {
                    open.swap_remove(partner);
                }
                None => open.push((number, token.position)),
            },
            _ => {}
        }
    }
    match open.iter().min_by_key(|(_, position)| *position) {
        None => Ok(()),
        Some((number, position)) => fault(
            "ring_bond",
            format!("ring bond {number}, opened at position {position}, is not closed"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(smiles: &str) -> String {
        let fault = check(smiles).unwrap_err();
        format!("{}: {}", fault.code, fault.message)
    }

    #[test]
    fn faults_say_where() {
        assert_eq!(refusal(" \t"), "empty: there is no SMILES here");
        assert_eq!(
            refusal("CC(=O"),
            "parentheses: the round bracket at position 3 is not closed"
        );
        assert_eq!(
            refusal("CC)O"),
            "parentheses: the round bracket at position 3 closes nothing"
        );
        assert_eq!(
            refusal("C[NH3+"),
            "brackets: the square bracket at position 2 is not closed"
        );
        assert_eq!(
            refusal("CN]"),
            "brackets: the square bracket at position 3 closes nothing"
        );
        assert_eq!(
            refusal("C[]"),
            "brackets: the square brackets at position 2 are empty"
        );
        assert_eq!(
            refusal("c1ccccc2"),
            "ring_bond: ring bond 1, opened at position 2, is not closed"
        );
        assert!(refusal("CC%1C").starts_with("ring_bond: after % at position 3"));
        assert_eq!(
            refusal("CC O"),
            "whitespace: there is white space inside the SMILES, at position 3"
        );
        assert_eq!(
            refusal("CC,O"),
            "character: ',' at position 3 does not occur in SMILES"
        );
        assert_eq!(
            refusal("C\0"),
            "character: U+0000 at position 2 does not occur in SMILES"
        );
    }

    #[test]
    fn five_hundred_characters_are_the_most() {
        assert!(check(&"C".repeat(500)).is_ok());
        assert_eq!(
            refusal(&"C".repeat(501)),
            "too_long: the SMILES has 501 characters, the most is 500"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_answered_within_its_size(text in "[\\PC]{0,40}|[CNOcn()\\[\\]=#%.0-9+-]{0,30}") {
            if let Ok(sketch) = check(&text) {
                prop_assert!(sketch.heavy_atoms as usize <= text.len());
                prop_assert!(sketch.fragments <= sketch.heavy_atoms + text.matches(['H', '*', '[']).count() as u32);
                prop_assert!(sketch.rotors <= sketch.heavy_atoms);
            }
        }
    }
}
