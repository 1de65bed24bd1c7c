//! The former system of the tests: its documents in a database of their own on the emulator, in Firestore's own types, and
//! its files in a folder.

use std::path::Path;

use serde_json::{Map, Value, json};
use server::config;
use server::documents::firestore::{FormerJobs, Place};
use tempfile::TempDir;

/// A time of Firestore's own type, in a document as the tests write it.
pub fn time(text: &str) -> Value {
    json!({"$time": text})
}

/// A number that JSON has no word for.
pub fn nan() -> Value {
    json!({"$nan": true})
}

pub struct FormerSystem {
    pub project: String,
    pub files: TempDir,
}

impl FormerSystem {
    pub fn new() -> Self {
        Self {
            project: format!("former-{:x}", getrandom::u64().unwrap()),
            files: tempfile::tempdir().unwrap(),
        }
    }

    /// Where a migration reads it.
    pub async fn jobs(&self) -> FormerJobs {
        let place = Place {
            database: format!("projects/{}/databases/(default)", self.project),
            emulator: Some(config::emulator()),
            setting: "--from",
        };
        FormerJobs::open(place).await.unwrap()
    }

    /// Stores documents.
    pub async fn store(&self, documents: &[(&str, Value)]) {
        let (host, database) = (
            config::emulator(),
            format!("projects/{}/databases/(default)", self.project),
        );
        let client = reqwest::Client::new();
        for chunk in documents.chunks(200) {
            let write = |(id, fields): &(&str, Value)| {
                let name = format!("{database}/documents/jobs/{id}");
                json!({"update": {"name": name, "fields": typed_fields(fields.as_object().unwrap())}})
            };
            let writes: Vec<_> = chunk.iter().map(write).collect();
            let answer = client
                .post(format!("http://{host}/v1/{database}/documents:commit"))
                .header("authorization", "Bearer owner")
                .json(&json!({"writes": writes}))
                .send()
                .await
                .unwrap();
            assert!(
                answer.status().is_success(),
                "{}",
                answer.text().await.unwrap()
            );
        }
    }

    /// Stores a file.
    pub fn file(&self, path: &str, content: &str) {
        let path = self.files.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Everything in the folder of the files, by path.
    pub fn all_files(&self) -> Vec<String> {
        fn add(folder: &Path, all: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                all.push(path.display().to_string());
                if path.is_dir() {
                    add(&path, all);
                }
            }
        }
        let mut all = Vec::new();
        add(self.files.path(), &mut all);
        all.sort();
        all
    }
}

fn typed_fields(fields: &Map<String, Value>) -> Value {
    let typed = fields
        .iter()
        .map(|(name, value)| (name.clone(), typed(value)));
    Value::Object(typed.collect())
}

fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!({"nullValue": null}),
        Value::Bool(flag) => json!({"booleanValue": flag}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"integerValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(values) => {
            json!({"arrayValue": {"values": values.iter().map(typed).collect::<Vec<_>>()}})
        }
        Value::Object(map) => match (map.get("$time"), map.get("$nan")) {
            (Some(text), _) => json!({"timestampValue": text}),
            (_, Some(_)) => json!({"doubleValue": "NaN"}),
            _ => json!({"mapValue": {"fields": typed_fields(map)}}),
        },
    }
}
