//! Files of the former system in a bucket: they come like those in a folder, and only reading them is asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use server::blobs::CloudStorage;
use server::blobs::cloud_storage::{Account, Fault, Place};

use super::*;
use crate::far_storage::{BUCKET, FarStorage, Object};
use crate::storage::far_storage;

/// What an account needs that nothing is to be written with.
const WRITING: &[&str] = &["storage.objects.create", "storage.objects.delete"];

/// The bucket as a migration reads it.
async fn to_read(far: &FarStorage) -> Result<CloudStorage, Fault> {
    let (credentials, signer) = far.account();
    let account = Account {
        credentials,
        signer,
    };
    let place = Place {
        address: far.address(),
        bucket: BUCKET.to_owned(),
        setting: "--files",
    };
    CloudStorage::to_read_as(account, place).await
}

/// A bucket with the files of a former system, which the account can only read.
async fn bucket_of(former: &FormerSystem) -> FarStorage {
    let far = far_storage().await;
    let paths = former.all_files().into_iter().map(PathBuf::from);
    let object = |path: PathBuf| {
        let name = path.strip_prefix(former.files.path()).unwrap();
        let object = Object {
            content: std::fs::read(&path).unwrap().into(),
            media_type: "application/octet-stream".to_owned(),
            metadata: BTreeMap::new(),
            generation: 1,
        };
        (name.display().to_string(), object)
    };
    let files = paths.filter(|path| path.is_file()).map(object);
    far.give_back(files.collect());
    far.deny(WRITING);
    far
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_come_from_a_bucket_as_from_a_folder() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let ada = token(&hub, "ada@x.org").await;
    let far = bucket_of(&former).await;
    let files = to_read(&far).await.unwrap();
    let from_folder = brought(&hub, &former, true).await;
    assert!(from_folder.0.without_files < from_folder.0.mapped);
    let from_bucket = brought_with(Arc::new(files), &hub, &former, false).await;
    assert_eq!(from_bucket, from_folder);
    let file = format!("/api/v1/jobs/{}/files/structure.cif", new_id(BINDING));
    let content = get(&hub, &format!("{file}?content=true"), &ada).await;
    assert_eq!(content.body, "data_x\n");
}

#[tokio::test]
async fn a_bucket_that_cannot_be_read_is_named_with_its_option() {
    let far = far_storage().await;
    let told = async || match to_read(&far).await {
        Err(fault) => fault.to_string(),
        Ok(_) => panic!("it opens"),
    };
    far.be_gone(true);
    let said = told().await;
    assert!(
        said.contains("there is no gs://hub-files (--files)"),
        "{said}"
    );
    far.be_gone(false);
    for permission in ["storage.objects.get", "storage.objects.list"] {
        far.deny(&[permission]);
        let said = told().await;
        assert!(said.contains("gs://hub-files (--files)"), "{said}");
        assert!(said.contains(&format!("it lacks {permission}")), "{said}");
    }
    far.deny(WRITING);
    assert!(to_read(&far).await.is_ok());
}
