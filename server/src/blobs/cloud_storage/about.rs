//! What is kept with an object: its media type, and whose it is. Both are read off its path.

use std::collections::BTreeMap;

/// The names of folders that hold one thing's files, and what an object says of that thing.
const OF: [(&str, &str); 5] = [
    ("organizations", "organization"),
    ("users", "user"),
    ("jobs", "job"),
    ("children", "child"),
    ("drafts", "draft"),
];

/// Whose object it is, as far as its path tells: `users/ada/jobs/j1/input/receptor.pdb` is of the user ada and the job j1.
pub fn owner(path: &str) -> BTreeMap<&'static str, &str> {
    let segments: Vec<_> = path.split('/').collect();
    let pairs = segments.chunks_exact(2);
    pairs
        .filter_map(|pair| {
            let (_, name) = OF.iter().find(|(folder, _)| *folder == pair[0])?;
            Some((*name, pair[1]))
        })
        .collect()
}

/// The media type of a file of this name.
pub fn media_type(path: &str) -> &'static str {
    let (_, ending) = path.rsplit_once('.').unwrap_or_default();
    match ending {
        "sdf" => "chemical/x-mdl-sdfile",
        "pdbqt" => "chemical/x-pdbqt",
        "pdb" => "chemical/x-pdb",
        "cif" | "mmcif" => "chemical/x-mmcif",
        "smi" => "chemical/x-daylight-smiles",
        "json" => "application/json",
        "zip" => "application/zip",
        "csv" => "text/csv; charset=utf-8",
        "txt" | "log" | "fasta" | "yaml" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The headers that put a file with all this where there is none.
pub fn headers(path: &str) -> BTreeMap<String, String> {
    let owner = owner(path).into_iter();
    let owner = owner.map(|(name, value)| (format!("x-goog-meta-{name}"), value.to_owned()));
    let others = [
        ("content-type", media_type(path)),
        ("x-goog-if-generation-match", "0"),
    ];
    let others = others.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owner.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_whose_an_object_is() {
        for (path, told) in [
            (
                "users/ada/jobs/j1/2/poses.sdf",
                &[("job", "j1"), ("user", "ada")][..],
            ),
            (
                "organizations/o1/jobs/b1/children/00007/1/metrics.json",
                &[("child", "00007"), ("job", "b1"), ("organization", "o1")],
            ),
            (
                "users/ada/drafts/d1/checked.json",
                &[("draft", "d1"), ("user", "ada")],
            ),
            (
                "users/jobs/jobs/users/x",
                &[("job", "users"), ("user", "jobs")],
            ),
            ("jobs/old/x", &[("job", "old")]),
            ("users", &[]),
        ] {
            let owner: Vec<_> = owner(path).into_iter().collect();
            assert_eq!(owner, told, "{path}");
        }
    }

    #[test]
    fn what_a_model_writes_has_the_type_that_it_is_answered_with() {
        for output in hub::model::Model::Vina.outputs() {
            assert_eq!(media_type(output.name), output.media_type);
        }
    }
}
