//! How long a run takes, from the size of what is asked and how hard is searched. It knows no clock and no queue.

use crate::docking::Parameters;
use crate::sequence;

/// Seconds for one docking on one CPU, never 0.
///
/// A start (preparing the ligand, reading the maps) and, for each of the independent searches, a part that grows with
/// the atoms and one that grows with atoms times rotatable bonds, as Vina takes more steps for more bonds and each step
/// costs more for more atoms. Fitted to DOCKSTRING runs at exhaustiveness 8 on a server CPU of 2 cores: ethanol (3
/// heavy atoms, 0 rotatable bonds) 9 CPU s, pyridine (6, 0) 12, imatinib (37, 7) 250. For 20 kinase inhibitors into ABL1
/// at exhaustiveness 1 it then said 582 s in sum, where 583 were measured, and 0.65 to 1.35 of each. Other machines
/// differ by their speed; 128 heavy atoms and 60 rotatable bonds are the most that count, since beyond them nothing was measured.
pub fn seconds(heavy_atoms: u32, rotors: u32, parameters: &Parameters) -> u32 {
    let (atoms, bonds) = (f64::from(heavy_atoms.min(128)), f64::from(rotors.min(60)));
    let search = 0.35 + 0.13 * atoms + 0.1 * atoms * bonds;
    (3.0 + f64::from(parameters.exhaustiveness) * search).round() as u32
}

/// Seconds for one prediction from a sequence on one GPU, never 0: of Boltz-2, or of Chai-1.
///
/// Rough, and only to plan and to give up by: a minute to start and load the weights, a trunk whose work grows with the
/// square of residues and ligand atoms, a part for each step of the diffusion, and the affinity. Alignments take as long
/// as their server does, for which the least deadline leaves room.
pub fn prediction_seconds(residues: u32, heavy_atoms: u32, given: &sequence::Parameters) -> u32 {
    let size = f64::from(residues.min(2_048) + heavy_atoms.min(128)) / 300.0;
    let trunk = f64::from(given.recycling_steps + 1) * size * size;
    let steps = f64::from(given.diffusion_samples) * f64::from(given.sampling_steps);
    let affinity = given
        .affinity_samples
        .map_or(0.0, |samples| 20.0 + f64::from(samples) * size);
    (60.0 + trunk + 0.02 * steps * size + affinity).round() as u32
}

/// Seconds for runs that take `total` seconds one after the other, when `slots` of them run at a time.
pub fn batch_seconds(total: u64, slots: u32) -> u32 {
    u32::try_from(total.div_ceil(u64::from(slots.max(1)))).unwrap_or(u32::MAX)
}

/// A duration as a person says it: `about 6 min`.
pub fn words(seconds: u32) -> String {
    let rounded = |unit: u32| (seconds + unit / 2) / unit;
    match seconds {
        0..10 => "a few seconds".to_owned(),
        10..90 => format!("about {} s", rounded(5) * 5),
        90..5_400 => format!("about {} min", rounded(60)),
        5_400..129_600 => format!("about {} h", rounded(3_600)),
        _ => format!(
            "about {} days",
            seconds / 86_400 + u32::from(seconds % 86_400 >= 43_200)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(exhaustiveness: u8) -> Parameters {
        Parameters {
            exhaustiveness,
            ..Parameters::default()
        }
    }

    #[test]
    fn what_was_measured_is_met_within_a_tenth() {
        for (atoms, bonds, measured) in [(3, 0, 9.0), (6, 0, 12.0), (37, 7, 250.0)] {
            let estimate = f64::from(seconds(atoms, bonds, &at(8)));
            assert!(
                (estimate / measured - 1.0).abs() < 0.1,
                "{atoms} atoms: {estimate} s, measured {measured} s"
            );
        }
    }

    #[test]
    fn more_is_never_faster_and_nothing_overflows() {
        for (less, more) in [
            ((10, 2, 8), (11, 2, 8)),
            ((10, 2, 8), (10, 3, 8)),
            ((10, 2, 1), (10, 2, 8)),
        ] {
            assert!(seconds(less.0, less.1, &at(less.2)) < seconds(more.0, more.1, &at(more.2)));
        }
        assert_eq!(
            seconds(u32::MAX, u32::MAX, &at(32)),
            seconds(128, 60, &at(32))
        );
        assert!(seconds(0, 0, &at(1)) > 0);
    }

    #[test]
    fn a_prediction_of_more_takes_longer_and_leaves_room_for_its_deadline() {
        let usual = sequence::Parameters {
            recycling_steps: 3,
            sampling_steps: 200,
            diffusion_samples: 1,
            seed: 1,
            affinity_samples: None,
        };
        let hardest = sequence::Parameters {
            recycling_steps: 10,
            sampling_steps: 500,
            diffusion_samples: 5,
            affinity_samples: Some(10),
            ..usual
        };
        let small = prediction_seconds(298, 0, &usual);
        assert!(small < prediction_seconds(298, 30, &usual));
        assert!(small < prediction_seconds(2_000, 0, &usual));
        let longest = prediction_seconds(u32::MAX, u32::MAX, &hardest);
        assert!(
            4 * longest < 6 * 3_600,
            "the worker gives a run six hours: {longest} s"
        );
    }

    #[test]
    fn slots_share_the_work() {
        assert_eq!(batch_seconds(100, 2), 50);
        assert_eq!(batch_seconds(101, 2), 51);
        assert_eq!(
            batch_seconds(100, 0),
            100,
            "a gateway that names no slots runs one at a time"
        );
        assert_eq!(batch_seconds(u64::MAX, 1), u32::MAX);
    }

    #[test]
    fn durations_in_words() {
        let said = [0, 12, 88, 90, 360, 5_399, 5_400, 90_000, 129_600, u32::MAX].map(words);
        assert_eq!(
            said,
            [
                "a few seconds",
                "about 10 s",
                "about 90 s",
                "about 2 min",
                "about 6 min",
                "about 90 min",
                "about 2 h",
                "about 25 h",
                "about 2 days",
                "about 49710 days"
            ]
        );
    }
}
