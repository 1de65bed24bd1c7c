//! The rough graph of a molecule, from its tokens to its size. It never fails: what it does not understand it passes over.

use super::{Piece, Sketch, Token};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Not written, or `-`, `/`, `\`.
    Single,
    Double,
    Triple,
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Atom<'a> {
    /// The element's symbol as written, lower case when aromatic.
    symbol: &'a str,
    /// The atom written before it that it is bonded to, and the bond.
    parent: Option<(usize, usize)>,
    /// Steps from the first atom of its fragment.
    depth: u32,
    fragment: usize,
}

#[derive(Clone, Copy, Debug)]
struct Bond {
    ends: [usize; 2],
    order: Order,
    in_ring: bool,
}

#[derive(Debug, Default)]
struct Graph<'a> {
    atoms: Vec<Atom<'a>>,
    bonds: Vec<Bond>,
    /// For each fragment as written, the one it was joined to: ring bonds can join fragments, as in `C1.C1`.
    joined: Vec<usize>,
}

/// The size of a molecule whose tokens are right.
pub(super) fn of(tokens: &[Token<'_>]) -> Sketch {
    let mut graph = Graph::read(tokens);
    graph.find_rings();
    let heavy = graph
        .atoms
        .iter()
        .filter(|atom| !matches!(atom.symbol, "H" | "*"));
    let fragments = (0..graph.joined.len()).filter(|fragment| graph.joined[*fragment] == *fragment);
    Sketch {
        heavy_atoms: heavy.count() as u32,
        rotors: graph.rotors(),
        fragments: fragments.count() as u32,
    }
}

impl<'a> Graph<'a> {
    fn read(tokens: &[Token<'a>]) -> Self {
        let mut graph = Self::default();
        let mut previous = None;
        let mut branches = Vec::new();
        let mut rings: Vec<(u32, usize, Order)> = Vec::new();
        let mut order = Order::Single;
        for token in tokens {
            match token.piece {
                Piece::Atom(symbol) => previous = Some(graph.add(symbol, previous, order)),
                Piece::Bracket(text) => {
                    previous = Some(graph.add(symbol_of(text), previous, order))
                }
                Piece::Open => branches.push(previous),
                Piece::Close => previous = branches.pop().flatten(),
                Piece::Dot => previous = None,
                Piece::Ring(number) => {
                    match (
                        previous,
                        rings.iter().position(|(other, ..)| *other == number),
                    ) {
                        (Some(here), Some(open)) => {
                            let (_, there, begun) = rings.swap_remove(open);
                            graph.bond(
                                there,
                                here,
                                if order == Order::Single { begun } else { order },
                            );
                        }
                        (Some(here), None) => rings.push((number, here, order)),
                        (None, _) => {}
                    }
                }
                Piece::Percent | Piece::Other(_) => {}
            }
            order = match token.piece {
                Piece::Other(b'=') => Order::Double,
                Piece::Other(b'#') => Order::Triple,
                Piece::Other(b'-' | b'/' | b'\\' | b'@') => Order::Single,
                Piece::Other(_) => Order::Other,
                Piece::Open => order,
                _ => Order::Single,
            };
        }
        graph
    }

    /// A new atom, bonded to the one before it unless it begins a fragment.
    fn add(&mut self, symbol: &'a str, previous: Option<usize>, order: Order) -> usize {
        let index = self.atoms.len();
        let atom = match previous {
            None => {
                self.joined.push(self.joined.len());
                Atom {
                    symbol,
                    parent: None,
                    depth: 0,
                    fragment: self.joined.len() - 1,
                }
            }
            Some(before) => {
                let (depth, fragment) = (self.atoms[before].depth + 1, self.atoms[before].fragment);
                Atom {
                    symbol,
                    parent: Some((before, self.bonds.len())),
                    depth,
                    fragment,
                }
            }
        };
        self.atoms.push(atom);
        if let Some(before) = previous {
            self.bond(before, index, order);
        }
        index
    }

    fn bond(&mut self, from: usize, to: usize, order: Order) {
        self.bonds.push(Bond {
            ends: [from, to],
            order,
            in_ring: false,
        });
        let [from, to] = [from, to].map(|atom| self.root(self.atoms[atom].fragment));
        self.joined[from.max(to)] = from.min(to);
    }

    fn root(&self, mut fragment: usize) -> usize {
        while self.joined[fragment] != fragment {
            fragment = self.joined[fragment];
        }
        fragment
    }

    /// The order of writing is a spanning tree, so that every further bond closes a ring with the tree's way between its
    /// ends. Rings through two fragments as written (`C12.C12`) are not seen.
    fn find_rings(&mut self) {
        for closing in 0..self.bonds.len() {
            let [mut from, mut to] = self.bonds[closing].ends;
            if self.atoms[to].parent == Some((from, closing))
                || self.atoms[from].fragment != self.atoms[to].fragment
            {
                continue;
            }
            self.bonds[closing].in_ring = true;
            while from != to {
                let lower = if self.atoms[from].depth >= self.atoms[to].depth {
                    &mut from
                } else {
                    &mut to
                };
                let Some((parent, bond)) = self.atoms[*lower].parent else {
                    break;
                };
                self.bonds[bond].in_ring = true;
                *lower = parent;
            }
        }
    }

    /// Single bonds outside rings between atoms that each have further heavy neighbours, but for bonds beside a triple
    /// bond, of CF3, tert-butyl and their like, and between the two halves of amides, esters and their like.
    fn rotors(&self) -> u32 {
        let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); self.atoms.len()];
        for (index, bond) in self.bonds.iter().enumerate() {
            if !bond.ends.iter().any(|end| self.atoms[*end].symbol == "H") {
                bond.ends
                    .iter()
                    .for_each(|end| neighbours[*end].push(index));
            }
        }
        let turns = |bond: &&Bond| {
            bond.order == Order::Single
                && !bond.in_ring
                && bond
                    .ends
                    .iter()
                    .all(|end| neighbours[*end].len() > 1 && !self.is_still(*end, &neighbours))
                && !bond
                    .ends
                    .iter()
                    .all(|end| self.is_amide_like(*end, &neighbours))
        };
        self.bonds.iter().filter(turns).count() as u32
    }

    /// The heavy neighbours of an atom, each with the bond to it.
    fn others(
        &self,
        atom: usize,
        neighbours: &[Vec<usize>],
    ) -> impl Iterator<Item = (Bond, usize)> {
        let bonds = neighbours[atom].iter().map(|index| self.bonds[*index]);
        bonds.map(move |bond| (bond, bond.ends[usize::from(bond.ends[0] == atom)]))
    }

    /// Whether turning around a bond of this atom moves nothing: it is linear, or looks the same from three sides.
    fn is_still(&self, atom: usize, neighbours: &[Vec<usize>]) -> bool {
        let is_crowned_by = |symbol: &&str| {
            let ends = self
                .others(atom, neighbours)
                .filter(|(_, other)| neighbours[*other].len() == 1);
            ends.filter(|(_, other)| self.atoms[*other].symbol == *symbol)
                .count()
                >= 3
        };
        self.others(atom, neighbours)
            .any(|(bond, _)| bond.order == Order::Triple)
            || (self.atoms[atom].symbol == "C" && ["F", "Cl", "Br", "C"].iter().any(is_crowned_by))
    }

    /// Whether the atom is either half of an amide, ester or the like that is in no ring.
    fn is_amide_like(&self, atom: usize, neighbours: &[Vec<usize>]) -> bool {
        let inner_hetero = |atom: usize| neighbours[atom].len() > 1 && self.is_hetero(atom);
        let (is_acyl, is_hetero) = (self.is_acyl(atom, neighbours), inner_hetero(atom));
        self.others(atom, neighbours).any(|(bond, other)| {
            let fits =
                (is_acyl && inner_hetero(other)) || (is_hetero && self.is_acyl(other, neighbours));
            bond.order == Order::Single && !bond.in_ring && fits
        })
    }

    fn is_hetero(&self, atom: usize) -> bool {
        matches!(self.atoms[atom].symbol, "N" | "n" | "O" | "S")
    }

    /// A carbon of three neighbours, one of them N, O or S by a double bond.
    fn is_acyl(&self, atom: usize, neighbours: &[Vec<usize>]) -> bool {
        self.atoms[atom].symbol == "C"
            && neighbours[atom].len() == 3
            && self.others(atom, neighbours).any(|(bond, other)| {
                bond.order == Order::Double && matches!(self.atoms[other].symbol, "N" | "O" | "S")
            })
    }
}

/// The element's symbol between square brackets: `13CH3` is `C`, `nH` is `n`, `Cl-` is `Cl`.
fn symbol_of(text: &str) -> &str {
    let text = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let bytes = text.as_bytes();
    let length = match bytes {
        [b'A'..=b'Z', b'a'..=b'z', ..] => 2,
        [b's', b'e', ..] | [b'a', b's', ..] | [b't', b'e', ..] | [b's', b'i', ..] => 2,
        [] => 0,
        _ => 1,
    };
    &text[..length]
}

#[cfg(test)]
mod tests {
    use crate::smiles::{Sketch, check};

    fn sketch(smiles: &str) -> (u32, u32, u32) {
        let Sketch {
            heavy_atoms,
            rotors,
            fragments,
        } = check(smiles).unwrap();
        (heavy_atoms, rotors, fragments)
    }

    #[test]
    fn atoms_and_fragments() {
        assert_eq!(sketch("CCO"), (3, 0, 1));
        assert_eq!(sketch("[2H]OC([H])Cl"), (3, 0, 1));
        assert_eq!(sketch("[13CH3][Si](C)(C)[nH]*"), (5, 1, 1));
        assert_eq!(sketch("C[NH2+]C.[Cl-].O"), (5, 0, 3));
        assert_eq!(sketch("C1.C1"), (2, 0, 1));
        assert_eq!(sketch("C1.C2.C12"), (3, 0, 1));
        assert_eq!(sketch("C%(123)CCC%(123)").0, 4);
    }

    #[test]
    fn rotors_as_rdkit_counts_them() {
        for (smiles, rotors) in [
            ("CCCC", 1),
            ("C1CCCCC1C2CCCCC2", 1),
            ("c1ccccc1c1ccccc1", 1),
            ("CC(=O)Nc1ccccc1", 1),
            ("CCOC(=O)CC", 2),
            ("CC#CCC", 0),
            ("FC(F)(F)c1ccccc1", 0),
            ("CC(C)(C)c1ccccc1", 0),
            (
                "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1",
                7,
            ),
        ] {
            assert_eq!(sketch(smiles).1, rotors, "{smiles}");
        }
    }
}
