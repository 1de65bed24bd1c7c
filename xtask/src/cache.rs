//! Folders named by the hash of what their content was made from, so that nothing is made twice.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// SHA-256 of the parts, each with its length before it, in hexadecimal.
pub fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    HEXLOWER.encode(&hash.finalize())
}

/// The folder of `key`, filled by `make` when there is none. A `make` that fails or is killed leaves nothing behind.
pub fn folder(cache: &Path, key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = cache.join(key);
    if !folder.exists() {
        let unfinished = cache.join(format!("unfinished-{}-{key}", std::process::id()));
        fs::create_dir_all(&unfinished)?;
        if let Err(error) = make(&unfinished) {
            fs::remove_dir_all(&unfinished)?;
            return Err(error);
        }
        if let Err(error) = fs::rename(&unfinished, &folder) {
            fs::remove_dir_all(&unfinished)?;
            // Another build that ran beside this one may have made the same.
            ensure!(
                folder.exists(),
                "{} could not be kept: {error}",
                folder.display()
            );
        }
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(digest(&[b"ab"]).len(), 64);
    }

    #[test]
    fn a_folder_is_made_once_and_a_failure_is_not_kept() -> Result<()> {
        let cache = std::env::temp_dir().join(format!("xtask-cache-{}", std::process::id()));
        assert!(folder(&cache, "k", |_| anyhow::bail!("broken")).is_err());
        assert_eq!(fs::read_dir(&cache)?.count(), 0);
        let made = folder(&cache, "k", |folder| Ok(fs::write(folder.join("f"), "1")?))?;
        folder(&cache, "k", |_| anyhow::bail!("made twice"))?;
        folder(&cache, "other", |unfinished| {
            // What another build would do meanwhile.
            fs::create_dir(cache.join("other"))?;
            fs::write(cache.join("other/f"), "1")?;
            Ok(fs::write(unfinished.join("f"), "1")?)
        })?;
        assert_eq!(fs::read_dir(&cache)?.count(), 2);
        assert_eq!(fs::read_to_string(made.join("f"))?, "1");
        fs::remove_dir_all(&cache)?;
        Ok(())
    }
}
