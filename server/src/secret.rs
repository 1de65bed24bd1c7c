//! Keys that a hub on one machine signs with, addresses of files and tokens of sessions: made at the first start and kept,
//! so that what was signed stays good over a restart.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;

/// Bytes of the key.
const LENGTH: usize = 32;

/// The key kept at `path`, made when there is none; only the owner of the process may read it.
pub fn kept_at(path: &Path) -> anyhow::Result<Vec<u8>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(mut file) => {
            let mut key = vec![0; LENGTH];
            getrandom::fill(&mut key)?;
            file.write_all(&key)
                .and_then(|()| file.sync_all())
                .with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(key)
        }
        Err(failed) if failed.kind() == ErrorKind::AlreadyExists => {
            let key =
                fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            anyhow::ensure!(
                key.len() == LENGTH,
                "{} is not a key of {LENGTH} bytes; remove it",
                path.display()
            );
            Ok(key)
        }
        Err(failed) => Err(failed).with_context(|| format!("{} cannot be made", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/files.key");
        let key = kept_at(&path).unwrap();
        assert_eq!(kept_at(&path).unwrap(), key);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::write(&path, "short").unwrap();
        assert!(kept_at(&path).is_err());
    }
}
