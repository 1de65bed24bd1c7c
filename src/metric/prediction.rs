//! What Boltz-2, Chai-1 and RFantibody measure.

use super::{Better, MetricKind};

const fn kind(
    key: &'static str,
    label: &'static str,
    unit: &'static str,
    better: Better,
    meaning: &'static str,
) -> MetricKind {
    MetricKind {
        key,
        label,
        unit,
        better,
        meaning,
    }
}

/// What an affinity of Boltz-2 is measured in.
pub const LOG_IC50: &str = "log10(IC50/µM)";

/// Boltz-2's affinity.
pub const AFFINITY: MetricKind = kind(
    "affinity_pred_value",
    "Predicted affinity",
    LOG_IC50,
    Better::Low,
    "Boltz-2's estimate of log10(IC50 in µM): −3 is 1 nM, 0 is 1 µM, 2 is 100 µM; lower is stronger. It ranks binders \
     among themselves; it is no energy.",
);
/// The first member of Boltz-2's ensemble.
pub const AFFINITY_1: MetricKind = kind(
    "affinity_pred_value1",
    "Predicted affinity, first member",
    LOG_IC50,
    Better::Low,
    "The first of the two models whose mean is the predicted affinity; how far they are apart is an uncertainty.",
);
/// The second member of Boltz-2's ensemble.
pub const AFFINITY_2: MetricKind = kind(
    "affinity_pred_value2",
    "Predicted affinity, second member",
    LOG_IC50,
    Better::Low,
    "The second of the two models whose mean is the predicted affinity.",
);
/// Boltz-2's probability of binding.
pub const BINDING_PROBABILITY: MetricKind = kind(
    "affinity_probability_binary",
    "P(bind)",
    "",
    Better::High,
    "Boltz-2's probability, 0 to 1, that the ligand binds at all; for finding hits. 0.5 is the natural boundary.",
);
/// The first member's.
pub const BINDING_PROBABILITY_1: MetricKind = kind(
    "affinity_probability_binary1",
    "P(bind), first member",
    "",
    Better::High,
    "The first of the two models behind the probability of binding, 0 to 1.",
);
/// The second member's.
pub const BINDING_PROBABILITY_2: MetricKind = kind(
    "affinity_probability_binary2",
    "P(bind), second member",
    "",
    Better::High,
    "The second of the two models behind the probability of binding, 0 to 1.",
);
/// Boltz-2's confidence.
pub const CONFIDENCE: MetricKind = kind(
    "confidence_score",
    "Confidence",
    "",
    Better::High,
    "Boltz's confidence in the structure, 0 to 1: 0.8 of the complex's pLDDT and 0.2 of ipTM (of pTM with one chain).",
);
/// The fold.
pub const PTM: MetricKind = kind(
    "ptm",
    "pTM",
    "",
    Better::High,
    "Expected similarity of the fold to the true one, 0 to 1; above 0.5 the fold may be right.",
);
/// The interfaces.
pub const IPTM: MetricKind = kind(
    "iptm",
    "ipTM",
    "",
    Better::High,
    "Expected quality of the interfaces, 0 to 1: above 0.8 confident, 0.6 to 0.8 grey, below 0.6 likely failed.",
);
/// The interface of the ligand.
pub const LIGAND_IPTM: MetricKind = kind(
    "ligand_iptm",
    "Ligand ipTM",
    "",
    Better::High,
    "Expected quality of the interfaces between ligand and protein, 0 to 1.",
);
/// The interfaces of the proteins.
pub const PROTEIN_IPTM: MetricKind = kind(
    "protein_iptm",
    "Protein ipTM",
    "",
    Better::High,
    "Expected quality of the interfaces between protein chains, 0 to 1; there is none with one chain.",
);
/// pLDDT of the whole.
pub const COMPLEX_PLDDT: MetricKind = kind(
    "complex_plddt",
    "pLDDT of the complex (0 to 1)",
    "",
    Better::High,
    "Mean local confidence, 0 to 1: over 0.9 very high, 0.7 to 0.9 confident, 0.5 to 0.7 low, below very low.",
);
/// pLDDT of the interfaces.
pub const COMPLEX_IPLDDT: MetricKind = kind(
    "complex_iplddt",
    "pLDDT of the interfaces (0 to 1)",
    "",
    Better::High,
    "Mean local confidence with the interfaces weighing more, 0 to 1.",
);
/// pLDDT on the scale of structure files.
pub const PLDDT: MetricKind = kind(
    "plddt",
    "pLDDT (0 to 100)",
    "",
    Better::High,
    "Mean local confidence, 0 to 100: over 90 very high, 70 to 90 confident, 50 to 70 low, below very low.",
);
/// Distance error of the whole.
pub const COMPLEX_PDE: MetricKind = kind(
    "complex_pde",
    "PDE of the complex",
    "Å",
    Better::Low,
    "Mean expected error of distances in the complex.",
);
/// Distance error of the interfaces.
pub const COMPLEX_IPDE: MetricKind = kind(
    "complex_ipde",
    "PDE of the interfaces",
    "Å",
    Better::Low,
    "Mean expected error of distances across the interfaces.",
);
/// Chai-1's ranking.
pub const AGGREGATE_SCORE: MetricKind = kind(
    "aggregate_score",
    "Ranking score",
    "",
    Better::High,
    "By which Chai-1 ranks its structures: 0.2 pTM + 0.8 ipTM − 100 for clashes.",
);
/// RF2's error across the interface.
pub const INTERACTION_PAE: MetricKind = kind(
    "interaction_pae",
    "Interaction PAE",
    "Å",
    Better::Low,
    "Expected position error between antibody and target; designs pass below 10 Å.",
);
/// RF2's error.
pub const PAE: MetricKind = kind(
    "pae",
    "PAE",
    "Å",
    Better::Low,
    "Mean expected position error; designs pass below 10 Å.",
);
/// RF2's local confidence.
pub const PRED_LDDT: MetricKind = kind(
    "pred_lddt",
    "Predicted lDDT",
    "",
    Better::High,
    "RF2's local confidence, 0 to 1.",
);

/// What is measured of a ligand bound to a protein; the one that ranks first.
pub(super) const BINDING: &[MetricKind] = &[
    AFFINITY,
    BINDING_PROBABILITY,
    CONFIDENCE,
    IPTM,
    LIGAND_IPTM,
    PTM,
    COMPLEX_PLDDT,
    COMPLEX_IPLDDT,
    AFFINITY_1,
    AFFINITY_2,
    BINDING_PROBABILITY_1,
    BINDING_PROBABILITY_2,
    COMPLEX_PDE,
    COMPLEX_IPDE,
];
/// What is measured of a fold.
pub(super) const FOLD: &[MetricKind] = &[
    CONFIDENCE,
    AGGREGATE_SCORE,
    PTM,
    IPTM,
    PROTEIN_IPTM,
    COMPLEX_PLDDT,
    COMPLEX_IPLDDT,
    PLDDT,
    COMPLEX_PDE,
    COMPLEX_IPDE,
];
/// What is measured of a design.
pub(super) const DESIGN: &[MetricKind] = &[INTERACTION_PAE, PAE, PRED_LDDT];

/// What Chai-1 writes.
pub(super) const OF_CHAI: &[MetricKind] = &[AGGREGATE_SCORE, PTM, IPTM];
/// What Boltz-2 does not write of a fold.
pub(super) const NOT_OF_BOLTZ: &[MetricKind] = &[AGGREGATE_SCORE, PLDDT];
