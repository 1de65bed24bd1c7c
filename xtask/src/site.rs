//! The folder that the server serves: our wasm, script and styles under hashed names, `public/`, Mol*'s viewer.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    cache::digest,
    compress,
    paths::{OUTPUT_NAME, Paths},
    report::say,
    style, wasm,
};

const HASH_CHARACTERS: usize = 16;
const KEPT: Duration = Duration::from_secs(24 * 3_600);
const VIEWER: [(&str, &str); 2] = [
    ("molstar/build/viewer/molstar.css", "molstar.css"),
    ("molstar/LICENSE", "LICENSE.txt"),
];

const VIEWER_SCRIPT: &str = "molstar/build/viewer/molstar.js";
/// Where the viewer's script makes code of a text when it is loaded or opened, which no page lets it: to fill words into a
/// help text, and to start an encoder of videos. Each with what fills the words in, and what starts it when it is asked for.
const MADE_OF_TEXT: [(&str, &str); 2] = [
    (
        "return new Function(...r,`return \\`${e}\\`;`)(...n)",
        "return e.replace(/\\$\\{(\\w+)\\}/g,(o,i)=>t[i]??o)",
    ),
    (
        "let i=r.n(n)()(),a=new Promise(s=>{i.then(()=>{s()})}),A=()=>",
        "let i,a={then(s){(i=r.n(n)()()).then(()=>{s()})}},A=()=>",
    ),
];

/// Paths below the site folder, and the file whose content belongs there.
type Files = BTreeMap<PathBuf, PathBuf>;

/// Makes the site folder and `hash.txt`, from which Leptos learns the names, beside the servers.
pub fn assemble(paths: &Paths) -> Result<()> {
    let mut files = Files::new();
    let hashes = add_package(paths, &mut files)?;
    for (source, name) in VIEWER {
        files.insert(
            Path::new("vendor/molstar").join(name),
            paths.node_module(source)?,
        );
    }
    files.insert("vendor/molstar/molstar.js".into(), viewer_script(paths)?);
    let public = paths.root.join("public");
    for file in files_below(&public)? {
        files.insert(file.strip_prefix(&public)?.to_path_buf(), file);
    }
    add_compressed(paths, &mut files)?;
    synchronise(&paths.site, &files)?;
    for profile in ["debug", "release"] {
        let folder = paths.target.join(profile);
        fs::create_dir_all(&folder)?;
        write_if_other(&folder.join("hash.txt"), hashes.as_bytes())?;
    }
    Ok(())
}

/// Mol*'s viewer without code that is made of a text.
fn viewer_script(paths: &Paths) -> Result<PathBuf> {
    let mut script = fs::read_to_string(paths.node_module(VIEWER_SCRIPT)?)?;
    for (made_of_text, instead) in MADE_OF_TEXT {
        ensure!(
            script.matches(made_of_text).count() == 1,
            "{VIEWER_SCRIPT} is another version: find where it makes code of a text"
        );
        script = script.replace(made_of_text, instead);
    }
    let file = paths.cache.join("molstar.js");
    write_if_other(&file, script.as_bytes())?;
    Ok(file)
}

/// Adds what is ours; the lines of `hash.txt`.
fn add_package(paths: &Paths, files: &mut Files) -> Result<String> {
    let package = Path::new("pkg");
    let bound = wasm::bind(paths)?;
    let styles = paths.cache.join("styles.css");
    style::bundle(&paths.root.join("style/main.css"), &styles)?;
    let parts = [
        ("js", bound.join(format!("{OUTPUT_NAME}.js"))),
        ("wasm", bound.join(format!("{OUTPUT_NAME}_bg.wasm"))),
        ("css", styles),
    ];
    let mut hashes = String::new();
    for (extension, file) in parts {
        let content =
            fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let hash = &digest(&[&content])[..HASH_CHARACTERS];
        files.insert(
            package.join(format!("{OUTPUT_NAME}.{hash}.{extension}")),
            file,
        );
        hashes.push_str(&format!("{extension}: {hash}\n"));
    }
    for snippet in files_below(&bound.join("snippets"))? {
        files.insert(package.join(snippet.strip_prefix(&bound)?), snippet);
    }
    Ok(hashes)
}

fn add_compressed(paths: &Paths, files: &mut Files) -> Result<()> {
    let mut compressed = Files::new();
    for (name, file) in files.iter() {
        if let Some(smaller) = compress::brotli(&paths.cache, file)? {
            let mut name = name.clone().into_os_string();
            name.push(".br");
            compressed.insert(name.into(), smaller);
        }
    }
    files.append(&mut compressed);
    Ok(())
}

/// Makes the site folder hold exactly these files, touching only what differs. What was in the package stays for a day:
/// pages that are open and servers that are running still ask for it.
fn synchronise(site: &Path, files: &Files) -> Result<()> {
    let mut changed = 0;
    for (name, source) in files {
        changed += usize::from(write_if_other(&site.join(name), &fs::read(source)?)?);
    }
    for file in files_below(site)? {
        if !files.contains_key(file.strip_prefix(site)?) && !is_recent_package(&file, site)? {
            fs::remove_file(&file)?;
            changed += 1;
        }
    }
    if changed > 0 {
        say(&format!(
            "✓ site: {changed} of {} files changed",
            files.len()
        ));
    }
    Ok(())
}

fn is_recent_package(file: &Path, site: &Path) -> Result<bool> {
    let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
    Ok(file.starts_with(site.join("pkg")) && age < KEPT)
}

fn write_if_other(file: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(file).is_ok_and(|there| there == content) {
        return Ok(false);
    }
    fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
    fs::write(file, content).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(true)
}

/// All files below a folder, none when it does not exist.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if folder.exists() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                files.append(&mut files_below(&entry.path())?);
            } else {
                files.push(entry.path());
            }
        }
    }
    Ok(files)
}
