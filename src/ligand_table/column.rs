//! Which column of a table is which: by its heading, else by what stands in it.

use crate::smiles;

/// Headings of names, the better first, as [`words`] joins them.
const NAMES: [&str; 16] = [
    "name",
    "ligand",
    "ligand name",
    "compound",
    "compound name",
    "molecule name",
    "drug name",
    "drug",
    "title",
    "common name",
    "compound id",
    "molecule id",
    "ligand id",
    "molecule chembl id",
    "chembl id",
    "id",
];

/// Headings of structures that may be SMILES: their cells must look like it.
const STRUCTURES: [&str; 5] = ["structure", "mol", "molecule", "smi", "ligand"];

/// The name of a column without heading; counted from 1.
pub(super) fn numbered(number: usize) -> String {
    format!("column {number}")
}

/// Whether a heading names SMILES for sure.
pub(super) fn is_smiles_heading(heading: &str) -> bool {
    let words = words(heading);
    words.split(' ').any(|word| word == "smiles") || words == "smi"
}

/// Whether a heading names SMILES, or structures that may be.
pub(super) fn is_structure_heading(heading: &str) -> bool {
    is_smiles_heading(heading) || STRUCTURES.contains(&words(heading).as_str())
}

/// The column that a person chose, by its name whatever the case, or as `column 3`.
pub(super) fn chosen(columns: &[String], name: &str) -> Option<usize> {
    let same = |column: &String| column.to_lowercase() == name.to_lowercase();
    columns
        .iter()
        .position(|column| column == name)
        .or_else(|| columns.iter().position(same))
}

/// The column whose heading names SMILES, the plainest first; none when only the content can tell.
pub(super) fn smiles_by_heading(columns: &[String]) -> Option<usize> {
    let ranks = ["smiles", "canonical smiles", "isomeric smiles", "smi"];
    let rank = |heading: &String| {
        let words = words(heading);
        let place = ranks.iter().position(|known| *known == words);
        place.or_else(|| is_smiles_heading(heading).then_some(ranks.len()))
    };
    let ranked = columns
        .iter()
        .enumerate()
        .filter_map(|(index, heading)| rank(heading).map(|rank| (rank, index)));
    ranked.min().map(|(_, index)| index)
}

/// The column most of whose cells look like SMILES, at least half of those that are not empty; one whose heading says
/// that it may be before others.
pub(super) fn smiles_by_content(columns: &[String], rows: &[&[String]]) -> Option<usize> {
    let score = |index: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(index))
            .map(|cell| cell.trim());
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        let alike = cells.iter().filter(|cell| looks_like_smiles(cell));
        let (count, letters) = alike.fold((0, 0), |(count, letters), cell| {
            (count + 1, letters + cell.len())
        });
        let is_named = columns
            .get(index)
            .is_some_and(|heading| STRUCTURES.contains(&words(heading).as_str()));
        // A single letter may be anything: `I`, `N`, `C` are marks of classes as well.
        (count * 2 >= cells.len() && letters > count).then_some((is_named, count, letters))
    };
    (0..columns.len())
        .filter_map(|index| score(index).map(|score| (score, index)))
        .max()
        .map(|(_, index)| index)
}

/// The column with the names, other than the one with the SMILES.
pub(super) fn name_by_heading(columns: &[String], smiles: usize) -> Option<usize> {
    let others = || {
        columns
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != smiles)
    };
    let rank = |heading: &String| {
        let words = words(heading);
        let last = words.rsplit(' ').next().unwrap_or_default();
        let known = NAMES.iter().position(|name| *name == words);
        known
            .or_else(|| (last == "name").then_some(NAMES.len()))
            .or_else(|| (last == "id").then_some(NAMES.len() + 1))
    };
    others()
        .filter_map(|(index, heading)| rank(heading).map(|rank| (rank, index)))
        .min()
        .map(|(_, index)| index)
}

/// Whether a cell can hardly be anything but SMILES: right in syntax, and every atom outside brackets one of the usual.
pub(super) fn looks_like_smiles(cell: &str) -> bool {
    !cell
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-')
        && has_usual_atoms(cell)
        && smiles::check(cell).is_ok_and(|sketch| sketch.heavy_atoms > 0)
}

/// Whether a cell is SMILES or a failed try at it, and no heading.
pub(super) fn is_meant_as_smiles(cell: &str) -> bool {
    looks_like_smiles(cell)
        || (cell.contains(['(', ')', '[', ']', '=', '#', '@']) && !cell.contains(' '))
}

fn has_usual_atoms(cell: &str) -> bool {
    let mut in_brackets = false;
    let mut previous = ' ';
    cell.chars().all(|character| {
        in_brackets = character == '[' || (in_brackets && character != ']');
        let second = (previous == 'C' && character == 'l') || (previous == 'B' && character == 'r');
        previous = character;
        in_brackets || second || !character.is_alphabetic() || "BCNOPSFIbcnops".contains(character)
    })
}

/// A heading as words in lower case with single spaces: `Canonical_SMILES` and `CanonicalSmiles` are `canonical smiles`.
fn words(heading: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for character in heading.chars() {
        if !character.is_alphanumeric() {
            before = ' ';
            continue;
        }
        let begins = before == ' ' || (before.is_lowercase() && character.is_uppercase());
        if begins && !words.is_empty() {
            words.push(' ');
        }
        words.extend(character.to_lowercase());
        before = character;
    }
    words
}

/// Column names from headings: none empty, each once.
pub(super) fn named(headings: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(headings.len());
    let mut seen = std::collections::HashSet::new();
    for (heading, number) in headings.iter().zip(1..) {
        let plain = super::text::shown(heading.trim(), 100);
        let name = if plain.is_empty() {
            numbered(number)
        } else {
            plain
        };
        let name = if seen.contains(&name) {
            format!("{name} ({})", numbered(number))
        } else {
            name
        };
        seen.insert(name.clone());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_many_spellings() {
        for heading in [
            "SMILES",
            "smiles",
            "Canonical_SMILES",
            "CanonicalSmiles",
            "Ligand SMILES",
            "isosmiles smiles",
            "smi",
        ] {
            assert!(is_smiles_heading(heading), "{heading}");
        }
        for heading in ["smile", "name", "CCO", "structure", ""] {
            assert!(!is_smiles_heading(heading), "{heading}");
        }
        let columns =
            ["Ligand SMILES", "id", "Canonical_Smiles", "Compound Name"].map(str::to_owned);
        assert_eq!(smiles_by_heading(&columns), Some(2));
        assert_eq!(name_by_heading(&columns, 2), Some(3));
        assert_eq!(
            name_by_heading(&["smiles", "acid", "rapid"].map(str::to_owned), 0),
            None
        );
        assert_eq!(
            name_by_heading(&["molecule_chembl_id", "smiles"].map(str::to_owned), 1),
            Some(0)
        );
    }

    #[test]
    fn what_looks_like_smiles() {
        for cell in [
            "CCO",
            "c1ccccc1",
            "[In+3]",
            "ClCCBr",
            "C[C@@H](N)C(=O)O",
            "CC.Cl",
        ] {
            assert!(looks_like_smiles(cell), "{cell}");
        }
        for cell in [
            "",
            "12",
            "1.5",
            "-3",
            "aspirin",
            "CHEMBL25",
            "Cyclohexane",
            "C1CC",
            "n/a",
            "H",
        ] {
            assert!(!looks_like_smiles(cell), "{cell}");
        }
    }

    #[test]
    fn every_column_gets_a_name_of_its_own() {
        let headings = ["a", "", "a", " b\n", "column 2"].map(str::to_owned);
        assert_eq!(
            named(&headings),
            ["a", "column 2", "a (column 3)", "b", "column 2 (column 5)"]
        );
    }
}
