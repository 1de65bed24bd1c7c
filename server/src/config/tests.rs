//! What settings are taken, and in what words others are refused.

use clap::{CommandFactory as _, FromArgMatches as _};

use super::{Auth, BlobsAt, Cli, Command, Config, DocumentsAt, Environment};

/// What the settings on a command line come to, whatever the environment of the tests holds.
fn check(arguments: &[&str]) -> Result<Config, Vec<String>> {
    let usual = [
        "omtx-hub",
        "--gateway-url",
        "http://127.0.0.1:9",
        "--gateway-secret",
        "a secret of some length",
    ];
    parsed(usual.iter().chain(arguments)).settings.check()
}

fn parsed<'a>(arguments: impl IntoIterator<Item = &'a &'a str>) -> Cli {
    let command =
        Cli::command().mut_args(|argument| argument.env(clap::builder::Resettable::Reset));
    let matches = command.try_get_matches_from(arguments).unwrap();
    Cli::from_arg_matches(&matches).unwrap()
}

fn faults(arguments: &[&str]) -> Vec<String> {
    check(arguments).err().unwrap_or_default()
}

#[test]
fn little_needs_to_be_said() {
    let config = check(&[]).ok().unwrap();
    assert_eq!(config.bind.to_string(), "127.0.0.1:3000");
    assert_eq!(config.documents, DocumentsAt::Sqlite("data/hub.db".into()));
    assert_eq!(config.blobs, BlobsAt::Directory("data/files".into()));
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.origin(3000).to_string(), "http://127.0.0.1:3000");
}

#[test]
fn what_is_said_is_taken() {
    let given = [
        "--port",
        "0",
        "--documents-url",
        "sqlite:/x/y.db",
        "--blobs-url",
        "file:/x/z",
        "--bind",
        "::1",
    ];
    let config = check(&given).ok().unwrap();
    assert_eq!(config.bind.to_string(), "[::1]:0");
    assert_eq!(config.documents, DocumentsAt::Sqlite("/x/y.db".into()));
    assert_eq!(config.blobs, BlobsAt::Directory("/x/z".into()));
    let config = check(&["--public-url", "https://hub.example.org/"])
        .ok()
        .unwrap();
    assert_eq!(config.origin(3000).to_string(), "https://hub.example.org");
}

#[test]
fn the_health_question_needs_no_settings() {
    let cli = parsed(&["omtx-hub", "health"]);
    assert_eq!(cli.command, Some(Command::Health));
}

#[test]
fn a_command_that_asks_nothing_of_a_gateway_names_none() {
    let alone = |arguments: &[&str]| parsed([&"omtx-hub"].into_iter().chain(arguments)).settings;
    let faults = alone(&[]).check().err().unwrap();
    assert!(
        faults.iter().all(|fault| fault.contains("GATEWAY")),
        "{faults:?}"
    );
    assert!(alone(&[]).without_gateway().check().is_ok());
    let wrong = alone(&["--gateway-url", "ftp://x"]).without_gateway();
    assert!(wrong.check().err().unwrap()[0].contains("ftp://x"));
}

#[test]
fn every_fault_is_named_at_once() {
    let given = [
        "--port",
        "many",
        "--bind",
        "here",
        "--env",
        "prod",
        "--auth",
        "none",
        "--blobs-url",
        "s3:x",
        "--trusted-proxies",
        "10",
    ];
    let faults = faults(&given);
    for name in [
        "PORT",
        "BIND",
        "ENV",
        "AUTH",
        "BLOBS_URL",
        "TRUSTED_PROXIES",
    ] {
        assert_eq!(
            faults
                .iter()
                .filter(|fault| fault.starts_with(name))
                .count(),
            1,
            "{name} in {faults:?}"
        );
    }
    assert_eq!(faults.len(), 6);
}

#[test]
fn local_visitors_are_let_in_on_this_machine_only() {
    let open = ["--bind", "0.0.0.0", "--auth", "local"];
    assert!(faults(&open)[0].contains("would let others in"));
    let auth = |arguments: &[&str]| check(arguments).ok().unwrap().auth;
    assert!(auth(&["--bind", "127.0.0.2"]) == Auth::Local);
    assert!(auth(&["--bind", "0.0.0.0"]) == Auth::Accounts(Vec::new()));
    assert!(auth(&["--auth", "accounts"]) == Auth::Accounts(Vec::new()));
}

#[test]
fn keys_of_sessions_are_long_and_the_first_one_signs() {
    let (new, old) = ("n".repeat(32), "o".repeat(40));
    let given = [
        "--auth",
        "accounts",
        "--jwt-secret",
        &new,
        "--jwt-old-secrets",
        &format!("{old}, "),
    ];
    assert!(check(&given).ok().unwrap().auth == Auth::Accounts(vec![new, old]));
    let short = faults(&[
        "--auth",
        "accounts",
        "--jwt-secret",
        "short",
        "--jwt-old-secrets",
        "too",
    ]);
    assert_eq!(short.len(), 2, "{short:?}");
}

#[test]
fn production_refuses_what_suits_a_desk() {
    let faults = faults(&[
        "--env",
        "production",
        "--firestore-emulator-host",
        "localhost:1",
    ]);
    for text in [
        "JWT_SECRET",
        "DOCUMENTS_URL",
        "BLOBS_URL",
        "GATEWAY_URL",
        "GATEWAY_SECRET",
        "PUBLIC_URL",
        "FIRESTORE_EMULATOR_HOST",
    ] {
        assert!(
            faults.iter().any(|fault| fault.starts_with(text)),
            "{text} in {faults:?}"
        );
    }
}

/// All that production needs but a gateway.
const PRODUCTION: &[&str] = &[
    "--env",
    "production",
    "--jwt-secret",
    "0123456789abcdef0123456789abcdef",
    "--documents-url",
    "firestore://p-1",
    "--blobs-url",
    "gs://hub-files",
    "--public-url",
    "https://hub.example.org",
];

const GATEWAY: &[&str] = &[
    "--gateway-url",
    "https://gateway.example.org",
    "--gateway-secret",
    "0123456789abcdef0123456789abcdef",
];

#[test]
fn production_signs_nobody_in_as_the_owner() {
    // All else suits production, so that nothing but this is said.
    let faults = |who: &[&str]| check_alone(&[PRODUCTION, GATEWAY, who].concat());
    let said = faults(&["--auth", "local"]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("AUTH=local") && said[0].contains("production"),
        "{said:?}"
    );
    for who in [&[][..], &["--auth", "accounts"]] {
        assert!(faults(who).is_empty(), "{who:?}");
    }
}

#[test]
fn in_production_too_a_command_that_asks_nothing_of_a_gateway_names_none() {
    let alone = parsed([&"omtx-hub"].into_iter().chain(PRODUCTION)).settings;
    let faults = alone.without_gateway().check().err().unwrap_or_default();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn a_database_of_firestore_is_named_by_its_project() {
    let place = |arguments: &[&str]| match check(arguments).ok().unwrap().documents {
        DocumentsAt::Firestore(place) => (place.database, place.emulator),
        DocumentsAt::Sqlite(path) => panic!("{path:?}"),
    };
    for (url, database) in [
        (
            "firestore://p-1/(default)",
            "projects/p-1/databases/(default)",
        ),
        ("firestore://p-1", "projects/p-1/databases/(default)"),
        ("firestore://p-1/hub", "projects/p-1/databases/hub"),
        (
            "firestore://example.org:p/hub",
            "projects/example.org:p/databases/hub",
        ),
    ] {
        let named = place(&["--documents-url", url]);
        assert_eq!(named, (database.to_owned(), None));
    }
    let url = ["--documents-url", "firestore://p-1"];
    let emulated = [
        url.as_slice(),
        &["--firestore-emulator-host", "localhost:8080"],
    ]
    .concat();
    assert_eq!(place(&emulated).1.as_deref(), Some("localhost:8080"));
    for host in ["localhost", "http://localhost:8080", "localhost:port"] {
        let odd = [url.as_slice(), &["--firestore-emulator-host", host]].concat();
        assert!(
            faults(&odd)[0].starts_with("FIRESTORE_EMULATOR_HOST"),
            "{host}"
        );
    }
    for url in [
        "firestore:",
        "firestore://",
        "firestore://a/b/c",
        "firestore://A B",
        "postgres://p",
    ] {
        assert!(
            faults(&["--documents-url", url])[0].starts_with("DOCUMENTS_URL"),
            "{url}"
        );
    }
}

#[test]
fn files_are_kept_in_a_bucket_of_cloud_storage() {
    for (url, bucket) in [
        ("gs://hub-files", "hub-files"),
        ("gs://files.example.org/", "files.example.org"),
        ("gs://0_1", "0_1"),
    ] {
        let config = check(&["--blobs-url", url]).ok().unwrap();
        assert_eq!(config.blobs, BlobsAt::CloudStorage(bucket.to_owned()));
        let public = ["--env", "production", "--blobs-url", url];
        let refused = faults(&public).into_iter();
        assert_eq!(
            refused
                .filter(|fault| fault.starts_with("BLOBS_URL"))
                .count(),
            0
        );
    }
    for url in [
        "gs:",
        "gs://",
        "gs:bucket",
        "gs://a",
        "gs://Files",
        "gs://-ab",
        "gs://ab.",
        "gs://files/folder",
        "gs://fi les",
        "s3://files",
        "file:",
    ] {
        assert!(
            faults(&["--blobs-url", url])[0].starts_with("BLOBS_URL"),
            "{url}"
        );
    }
}

#[test]
fn a_secret_is_never_told() {
    for arguments in [
        ["--gateway-secret", "short-one"],
        ["--jwt-secret", "short-one"],
    ] {
        let faults = check_alone(&arguments);
        assert!(
            !faults.is_empty() && faults.iter().all(|fault| !fault.contains("short-one")),
            "{faults:?}"
        );
    }
}

fn check_alone(arguments: &[&str]) -> Vec<String> {
    parsed(["omtx-hub"].iter().chain(arguments))
        .settings
        .check()
        .err()
        .unwrap_or_default()
}

#[test]
fn mails_go_by_a_server_that_keeps_them_to_itself() {
    let given = |url: &str, from: &str| {
        check(&["--smtp-url", url, "--mail-from", from]).map(|config| config.mail.is_some())
    };
    let from = "OMTX-Hub <hub@example.org>";
    for url in [
        "smtps://user:pass%40word@mail.example.org",
        "smtps://mail.example.org:465",
        "smtp://user:password@mail.example.org:587?tls=required",
        "smtp://127.0.0.1:2525",
        "smtp://[::1]:2525",
    ] {
        assert_eq!(given(url, from), Ok(true), "{url}");
        assert!(
            crate::mail::Mailer::to(
                &check(&["--smtp-url", url, "--mail-from", from])
                    .ok()
                    .unwrap()
                    .mail
                    .unwrap()
            )
            .is_ok()
        );
    }
    assert_eq!(check(&[]).map(|config| config.mail.is_some()), Ok(false));
    for (url, from) in [
        ("smtp://user:secret-word@mail.example.org", from),
        (
            "smtp://user:secret-word@mail.example.org?tls=opportunistic",
            from,
        ),
        ("smtps://user@mail.example.org", from),
        ("https://mail.example.org", from),
        ("mail.example.org", from),
        ("smtp://127.0.0.1:2525", "nobody"),
        ("smtp://127.0.0.1:2525", ""),
        ("", from),
    ] {
        let faults = given(url, from).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(!faults[0].contains("secret-word"), "{faults:?}");
    }
}

#[test]
fn people_sign_in_elsewhere_by_https() {
    let given = |issuer: &str, more: &[&str]| {
        let usual = [
            "--auth",
            "accounts",
            "--openid-issuer",
            issuer,
            "--openid-client-id",
            "hub",
            "--openid-client-secret",
            "a-secret",
        ];
        check(&[&usual, more].concat()).map(|config| config.openid.map(|there| there.name))
    };
    let name = |name: &str| Ok(Some(name.to_owned()));
    assert_eq!(
        given("https://login.example.org/", &[]),
        name("login.example.org")
    );
    assert_eq!(
        given(
            "https://login.example.org",
            &["--openid-name", "University"]
        ),
        name("University")
    );
    assert_eq!(given("http://127.0.0.1:4000", &[]), name("127.0.0.1"));
    for issuer in [
        "http://login.example.org",
        "https://login.example.org?x=1",
        "login.example.org",
        "",
    ] {
        assert_eq!(given(issuer, &[]).unwrap_err().len(), 1, "{issuer}");
    }
    let there = ["--openid-issuer", "https://login.example.org"];
    assert_eq!(faults(&there).len(), 2, "client and secret go with it");
    let all = [
        &there[..],
        &[
            "--openid-client-id",
            "hub",
            "--openid-client-secret",
            "a-secret",
        ],
    ];
    assert!(faults(&all.concat())[0].contains("AUTH=accounts"));
    let production = given("http://127.0.0.1:4000", &["--env", "production"]);
    assert!(
        production
            .unwrap_err()
            .iter()
            .any(|fault| fault.starts_with("OPENID_ISSUER"))
    );
}

#[test]
fn the_token_of_modals_door_is_whole() {
    let faults = faults(&["--modal-key", "wk-1"]);
    assert!(
        faults[0].starts_with("MODAL_KEY and MODAL_SECRET"),
        "{faults:?}"
    );
    let config = check(&["--modal-key", "wk-1", "--modal-secret", "ws-2"]);
    assert!(config.ok().unwrap().gateway.door.is_some());
}
