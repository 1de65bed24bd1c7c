//! Keys that a hub on one machine signs with, addresses of files and tokens of sessions: made at the first start and kept,
//! so that what was signed stays good over a restart.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;
use tempfile::NamedTempFile;

/// Bytes of the key.
const LENGTH: usize = 32;

/// The key kept at `path`, made when there is none; only the owner of the process may read it. It is there whole or not at
/// all, whoever else begins at the same moment, and whatever is killed on the way.
pub fn kept_at(path: &Path) -> anyhow::Result<Vec<u8>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    match fs::read(path) {
        Ok(key) => return checked(key, path),
        Err(failed) if failed.kind() == ErrorKind::NotFound => {}
        Err(failed) => {
            return Err(failed).with_context(|| format!("{} cannot be read", path.display()));
        }
    }
    let mut key = vec![0; LENGTH];
    getrandom::fill(&mut key)?;
    match written(&key, folder)
        .and_then(|file| file.persist_noclobber(path).map_err(|failed| failed.error))
    {
        Ok(_) => Ok(key),
        Err(failed) if failed.kind() == ErrorKind::AlreadyExists => {
            let theirs = fs::read(path);
            checked(
                theirs.with_context(|| format!("{} cannot be read", path.display()))?,
                path,
            )
        }
        Err(failed) => Err(failed).with_context(|| format!("{} cannot be made", path.display())),
    }
}

/// The key in a file that has no name yet.
fn written(key: &[u8], folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(key)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn checked(key: Vec<u8>, path: &Path) -> anyhow::Result<Vec<u8>> {
    anyhow::ensure!(
        key.len() == LENGTH,
        "{} is not a key of {LENGTH} bytes; remove it",
        path.display()
    );
    Ok(key)
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

    #[test]
    fn whoever_begins_at_the_same_moment_has_the_same_key() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("files.key");
            let begin = || kept_at(&path).unwrap();
            let keys: Vec<_> = std::thread::scope(|hubs| {
                let hubs: Vec<_> = (0..8).map(|_| hubs.spawn(begin)).collect();
                hubs.into_iter().map(|hub| hub.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
            assert_eq!(
                fs::read_dir(folder.path()).unwrap().count(),
                1,
                "nothing is left of the others"
            );
        }
    }
}
