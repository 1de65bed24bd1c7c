//! The ligands of a form: read from its table, and what RDKit says of each.

use std::collections::HashMap;

use super::{Checked, DraftUpload};
use crate::actor::Actor;
use crate::docking::Parameters;
use crate::error::{Fault, Result};
use crate::ligand::Ligand;
use crate::ligand_table::{self, LigandTable, TableRow};
use crate::model::Model;
use crate::ports::compute::Ligands;
use crate::preflight::{RowVerdict, Verdict};
use crate::services::requests::Purpose;
use crate::services::{Services, models};
use crate::task::Task;

impl Services {
    /// Reads the ligands and says what is wrong with which; what is wrong with the whole becomes a fault of its field.
    pub(super) async fn check_ligands(
        &self,
        actor: &Actor,
        upload: &DraftUpload,
        parameters: Parameters,
        faults: &mut Vec<Fault>,
    ) -> Result<Checked> {
        let (bytes, file_name) = match &upload.ligands {
            Some(file) => (file.bytes.as_ref(), Some(file.file_name.as_str())),
            None => (upload.form.ligands.as_bytes(), None),
        };
        let field = if upload.ligands.is_some() {
            "ligands_file"
        } else {
            "ligands"
        };
        let column =
            Some(upload.form.smiles_column.as_str()).filter(|column| !column.trim().is_empty());
        let mut table = match ligand_table::read(bytes, file_name, column) {
            Ok(table) => table,
            Err(fault) => {
                let field = if fault.columns.is_empty() {
                    field
                } else {
                    "smiles_column"
                };
                faults.push(Fault::new(field, fault.message));
                return Ok(Checked {
                    columns: fault.columns,
                    ..Checked::default()
                });
            }
        };
        if let Err(reason) = self.read_mol_blocks(&mut table).await {
            faults.push(Fault::new(field, reason));
            return Ok(Checked::default());
        }
        let lines: Vec<u32> = table.rows.iter().map(|row| row.line).collect();
        let ligands: Vec<Ligand> = table.rows.into_iter().map(ligand).collect();
        let mut verdicts = self
            .verdicts(actor, &ligands, Purpose::Docking(parameters))
            .await?;
        for (row, line) in verdicts.rows.iter_mut().zip(lines) {
            row.line = line;
        }
        verdicts
            .rows
            .extend(table.faults.into_iter().map(|fault| RowVerdict {
                line: fault.line,
                name: fault.name,
                smiles: fault.smiles,
                verdict: Verdict::Fail,
                reasons: vec![fault.message],
                canonical_smiles: None,
                heavy_atoms: None,
                rotors: None,
                estimate_s: None,
            }));
        verdicts.rows.sort_by_key(|row| row.line);
        let preflight = self.summed_up(Model::Vina, verdicts).await?;
        Ok(Checked {
            ligands,
            preflight: Some(preflight),
            columns: table.columns,
        })
    }

    /// Records of an SDF become SMILES by RDKit's word; those it cannot read become faults of their rows.
    async fn read_mol_blocks(&self, table: &mut LigandTable) -> std::result::Result<(), String> {
        let blocks: Vec<&str> = table
            .rows
            .iter()
            .filter_map(|row| row.mol_block.as_deref())
            .collect();
        if blocks.is_empty() {
            return Ok(());
        }
        let sdf: String = blocks
            .iter()
            .map(|block| format!("{}\n$$$$\n", block.trim_end_matches(['\r', '\n'])))
            .collect();
        let reports = self.compute.ligands(Task::Docking.name(), Ligands::Sdf(&sdf)).await.map_err(|failed| {
            tracing::warn!(cause = %models::describe(&failed), "an SDF was not read");
            "an SDF is read by the compute gateway, which does not answer now; try again in a moment, or give SMILES"
                .to_owned()
        })?;
        let mut reports: HashMap<u32, _> = reports
            .into_iter()
            .map(|report| (report.index, report))
            .collect();
        let mut place = 0;
        let rows = std::mem::take(&mut table.rows);
        for mut row in rows {
            if row.mol_block.take().is_some() {
                let report = reports.remove(&place);
                place += 1;
                match report
                    .as_ref()
                    .and_then(|report| report.canonical_smiles.clone())
                {
                    Some(smiles) => row.smiles = smiles,
                    None => {
                        let problem = report
                            .and_then(|report| report.problem)
                            .map(|problem| problem.message);
                        let message =
                            problem.unwrap_or_else(|| "the record could not be read".to_owned());
                        let (line, name, smiles) = (row.line, row.name, String::new());
                        table.faults.push(ligand_table::RowFault {
                            line,
                            name,
                            smiles,
                            message,
                        });
                        continue;
                    }
                }
            }
            table.rows.push(row);
        }
        Ok(())
    }
}

fn ligand(row: TableRow) -> Ligand {
    Ligand {
        name: row.name,
        smiles: row.smiles,
        extra: row.extra,
    }
}
