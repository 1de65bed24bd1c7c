//! What the table cannot show: who acts is said to every use case, and only those who find out who asks make an actor.

use std::collections::BTreeMap;
use std::path::Path;

/// What is done for nobody in particular: before anybody is known, by the hub itself, and by its program.
const WITHOUT_ACTOR: [&str; 32] = [
    // Who comes in, and by which word.
    "actor_of_key",
    "actor_of_session",
    "confirm_address",
    "invitation",
    "open_share",
    "request_confirmation",
    "request_reset",
    "reset_password",
    "sign_in",
    "sign_in_elsewhere",
    "sign_up",
    "unlock_share",
    "use_elsewhere",
    // Duties.
    "compute_health",
    "database_health",
    "dispatch_due",
    "mail_sent",
    "now",
    "poll_due",
    "resign",
    "roll_up",
    "run_progressed",
    "run_reported",
    "storage_health",
    "sweep",
    "take_mail",
    // Whoever runs the program.
    "appoint",
    "bring_batch",
    "bring_children",
    "bring_jobs",
    "brought_before",
    "children_brought_before",
];

/// The sources below a folder of the repository, by their path in it, less the tests in them.
pub fn sources(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    gather(folder.as_ref(), "", &mut found);
    found
}

fn gather(folder: &Path, above: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            gather(&path, &format!("{above}{name}/"), found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            found.insert(format!("{above}{name}"), text.to_owned());
        }
    }
}

/// The files of a folder that have such a line.
fn with(folder: &str, is_so: impl Fn(&str) -> bool) -> Vec<String> {
    let found = sources(folder).into_iter();
    let found = found.filter(|(_, text)| text.lines().map(str::trim_start).any(&is_so));
    found.map(|(file, _)| file).collect()
}

/// Whoever has an actor may do what it may.
#[test]
fn no_other_file_makes_an_actor() {
    let makes = |line: &str| {
        let is_made = line.contains("Actor::local()") || line.contains("Actor::reading_for(");
        let is_written = line.contains("Actor {")
            && ["impl ", "fn ", "struct "]
                .iter()
                .all(|word| !line.contains(word));
        is_made || is_written
    };
    let makers = ["services/sessions.rs", "services/shares/reading.rs"];
    assert_eq!(with("../src", makes), makers);
    assert_eq!(with("../app/src", makes), [""; 0]);
    assert_eq!(with("src", makes), ["session.rs"]);
}

#[test]
fn no_other_file_changes_an_actor() {
    let fields = [
        "user",
        "owner",
        "reads_only",
        "member",
        "roles",
        "session",
        "key",
    ];
    let changes = |line: &str| {
        fields.iter().any(|field| {
            let changed = [" = ", ".push(", ".extend(", ".insert(", ".replace("];
            let mut changed = changed.iter();
            changed.any(|change| line.contains(&format!("actor.{field}{change}")))
        })
    };
    assert_eq!(with("../src", changes), ["services/sessions.rs"]);
    for folder in ["../app/src", "src"] {
        assert_eq!(with(folder, changes), [""; 0], "{folder}");
    }
}

#[test]
fn every_other_use_case_takes_the_actor() {
    let mut without = Vec::new();
    let mut taking = 0;
    for text in sources("../src/services").into_values() {
        let blocks = text.split("\nimpl Services {").skip(1);
        let blocks = blocks.filter_map(|block| block.split("\n}\n").next());
        for use_case in blocks.flat_map(|block| block.split("\n    pub async fn ").skip(1)) {
            let (name, rest) = use_case.split_once('(').unwrap();
            let (parameters, _) = rest.split_once(')').unwrap();
            if ["&Actor", "&Shared"]
                .iter()
                .any(|who| parameters.contains(who))
            {
                taking += 1;
            } else {
                without.push(name.to_owned());
            }
        }
    }
    without.sort();
    let mut known = WITHOUT_ACTOR;
    known.sort_unstable();
    assert!(taking > 60, "{taking}");
    assert_eq!(without, known);
}
