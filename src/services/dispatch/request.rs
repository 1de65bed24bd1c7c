//! The run that the gateway is asked for.

use futures::future::try_join_all;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::job::Job;
use crate::ports::blobs::{Download, Upload};
use crate::ports::compute::{RunInput, RunOutput, RunRequest};
use crate::services::store::job_key;
use crate::services::submissions::target_path;
use crate::services::{Services, files};

/// Seconds that a worker has to put its files after its deadline.
const PUT_S: i64 = 24 * 3_600;

impl Services {
    /// What the gateway is asked for the current epoch of a job, with signed addresses for its files.
    pub(super) async fn run_request(&self, job: &Job) -> Result<RunRequest> {
        let (input, inputs) = self.run_input(job).await?;
        let deadline_s = job.deadline_s();
        let now = self.store.now().await?;
        let expires_at = now.plus_seconds(i64::from(deadline_s) + PUT_S);
        // Each signature may be a request to whoever keeps the key: all are asked for at once.
        let outputs = job.model.outputs().iter().map(|output| async {
            let path = job.output_path(job.epoch, output.name);
            let upload = self.blobs.signed_put(&path, expires_at).await;
            let Upload { url, headers } = upload.map_err(files::error)?;
            Ok(RunOutput {
                name: output.name.to_owned(),
                put_url: url,
                headers,
            })
        });
        let outputs = try_join_all(outputs).await?;
        Ok(RunRequest {
            run_id: job.run_id(),
            model: job.model.name().to_owned(),
            task: job.task.name().to_owned(),
            input,
            parameters: serde_json::to_value(job.parameters).map_err(Error::internal)?,
            inputs,
            outputs,
            deadline_s,
            callback: format!(
                "{}/api/v1/callbacks/{}",
                self.settings.public_url,
                job.run_id()
            ),
        })
    }

    /// The input as the worker reads it, and the files it names.
    async fn run_input(&self, job: &Job) -> Result<(Value, Vec<RunInput>)> {
        let owner = match &job.batch_id {
            Some(batch) => {
                self.store
                    .get::<Job>(job_key(batch))
                    .await?
                    .ok_or(Error::NotFound)?
                    .value
            }
            None => job.clone(),
        };
        let Some(target) = owner.input.target() else {
            return Err(Error::internal("a job without a target"));
        };
        let mut input = serde_json::json!({"target": target});
        if let Some(ligand) = job.input.ligand() {
            input["ligand"] = serde_json::json!({"name": ligand.name, "smiles": ligand.smiles});
        }
        let Some(path) = target_path(&owner, target) else {
            return Ok((input, Vec::new()));
        };
        let expires_at = self.store.now().await?.plus_seconds(PUT_S);
        let download = Download {
            save_as: None,
            media_type: "text/plain",
        };
        let url = self
            .blobs
            .signed_get(&path, expires_at, &download)
            .await
            .map_err(files::error)?;
        let name = name_file(&mut input["target"]).to_owned();
        Ok((input, vec![RunInput { name, url }]))
    }
}

/// Names the file of a target as the gateway does, which knows it by its name among the inputs and takes nothing that it
/// does not know; and that name.
fn name_file(target: &mut Value) -> &'static str {
    match target.get_mut("receptor").and_then(Value::as_object_mut) {
        Some(receptor) => {
            receptor.remove("sha256");
            receptor.insert("file".to_owned(), "receptor".into());
            "receptor"
        }
        None => {
            target["msa"] = "msa".into();
            "msa"
        }
    }
}
