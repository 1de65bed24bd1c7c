//! Search lines, addresses, chips and terms.

use proptest::prelude::*;

use super::*;

fn pairs(query: &[(&str, &str)]) -> Vec<(String, String)> {
    query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn read(query: &[(&str, &str)]) -> Filters {
    Filters::from_query(&pairs(query)).unwrap()
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_line_with_everything() {
    let line = r#"status:failed,running model:vina task:docking after:2026-05 before:2026-06-01 Kinase screen -old "two words""#;
    let (filters, problems) = Filters::parse_line(line);
    assert_eq!(problems, [""; 0]);
    assert_eq!(filters.status, [Status::Running, Status::Failed]);
    assert_eq!(
        (filters.model.as_slice(), filters.task.as_slice()),
        (&[Model::Vina][..], &[Task::Docking][..])
    );
    assert_eq!(
        filters.from.unwrap().to_string(),
        "2026-05-01T00:00:00.000000Z"
    );
    assert_eq!(
        filters.until.unwrap().to_string(),
        "2026-06-01T00:00:00.000000Z"
    );
    assert_eq!(filters.words, ["Kinase", "screen", "two words"]);
    assert_eq!(filters.without, ["old"]);
    let canonical = [
        ("status", "running,failed"),
        ("model", "vina"),
        ("task", "docking"),
        ("date_from", "2026-05-01"),
        ("date_to", "2026-05-31"),
        ("search", r#"Kinase screen "two words" -old"#),
    ];
    assert_eq!(filters.to_query(), pairs(&canonical));
    assert_eq!(read(&canonical), filters);
}

#[test]
fn what_a_line_says_in_vain_is_told() {
    let (filters, problems) =
        Filters::parse_line("status:lost after:soon -model:vina task: ABL1:imatinib 5\" - \"\"");
    assert_eq!(problems.len(), 4);
    assert!(
        problems[0].contains("\"lost\"") && problems[0].contains("partially_completed"),
        "{}",
        problems[0]
    );
    assert!(problems[1].contains("2026-05-04"), "{}", problems[1]);
    assert!(
        problems[2].contains("model cannot be excluded"),
        "{}",
        problems[2]
    );
    assert_eq!(
        filters.words,
        ["ABL1:imatinib", "5\""],
        "a colon and an inch mark are parts of words"
    );
    assert!(filters.without.is_empty());
    assert_eq!(Filters::parse_line(&"a ".repeat(300)).1.len(), 1);
}

#[test]
fn statuses_in_old_words_and_any_case() {
    assert_eq!(
        read(&[("status", "QUEUED, error")]).status,
        [Status::Pending, Status::Failed]
    );
    assert_eq!(
        read(&[("status", "partially_completed")]).status,
        [Status::PartiallyCompleted]
    );
}

#[test]
fn keys_in_the_search_join_their_parameters() {
    let filters = read(&[
        ("status", "failed"),
        ("search", "status:cancelled Model:VINA kinase"),
        ("sort", "-created_at"),
    ]);
    assert_eq!(filters.status, [Status::Failed, Status::Cancelled]);
    assert_eq!(filters.model, [Model::Vina]);
    assert_eq!(filters.words, ["kinase"]);
}

#[test]
fn a_faulty_parameter_is_named_with_what_is_allowed() {
    for (name, value, hint) in [
        ("status", "lost", "pending, running, completed"),
        ("model", "gpt", "vina, boltz2"),
        ("task", "Docking!", "docking, protein_ligand_binding"),
        ("date_from", "yesterday", "a day (2026-05-04)"),
        ("date_to", "2026-02-30", "a day (2026-05-04)"),
        ("search", "status:lost", "pending, running, completed"),
    ] {
        let error = Filters::from_query(&pairs(&[(name, value)])).unwrap_err();
        assert_eq!(error.status(), 400);
        assert_eq!(error.faults()[0].field, name);
        assert!(
            error.faults()[0].message.contains(hint),
            "{}",
            error.faults()[0].message
        );
    }
    assert!(
        Filters::from_query(&pairs(&[("date_from", "2026-06"), ("date_to", "2026-05")])).is_err()
    );
    assert!(
        Filters::from_query(&pairs(&[
            ("date_from", "2026-05"),
            ("date_to", "2026-05-01")
        ]))
        .is_ok()
    );
    assert_eq!(
        read(&[("status", ""), ("search", "  ")]),
        Filters::default()
    );
}

#[test]
fn date_to_is_part_of_the_span() {
    let until = |value| read(&[("date_to", value)]).until.unwrap().to_string();
    assert_eq!(until("2026-05-04"), "2026-05-05T00:00:00.000000Z");
    assert_eq!(until("2026-05"), "2026-06-01T00:00:00.000000Z");
    assert_eq!(until("2026-05-04T10:00:00Z"), "2026-05-04T10:00:00.000001Z");
}

#[test]
fn a_chip_takes_one_filter_away() {
    let filters = read(&[
        ("status", "failed,cancelled"),
        ("search", "köln -\"a b\""),
        ("date_to", "2026-05"),
    ]);
    let chips: Vec<_> = filters
        .chips()
        .into_iter()
        .map(|chip| (chip.label, chip.without))
        .collect();
    let expected = [
        (
            "status: failed",
            "status=cancelled&date_to=2026-05-31&search=k%C3%B6ln+-%22a+b%22",
        ),
        (
            "status: cancelled",
            "status=failed&date_to=2026-05-31&search=k%C3%B6ln+-%22a+b%22",
        ),
        (
            "to 2026-05-31",
            "status=failed,cancelled&search=k%C3%B6ln+-%22a+b%22",
        ),
        (
            "köln",
            "status=failed,cancelled&date_to=2026-05-31&search=-%22a+b%22",
        ),
        (
            "without a b",
            "status=failed,cancelled&date_to=2026-05-31&search=k%C3%B6ln",
        ),
    ];
    assert_eq!(chips, pairs(&expected));
    assert!(Filters::default().chips().is_empty());
}

#[test]
fn terms_are_words_and_their_beginnings() {
    assert_eq!(
        terms_of(&["ABL1 screen", "in Köln"]),
        [
            "abl1", "screen", "köln", "abl", "scr", "scre", "scree", "köl"
        ]
    );
    assert_eq!(terms_of(&["a bc - !"]), [""; 0]);
    let long = "x".repeat(60);
    assert_eq!(terms_of(&[&long])[0], "x".repeat(24));
    let many: String = (0..500).map(|number| format!("word{number} ")).collect();
    assert_eq!(terms_of(&[&many]).len(), 200);
    assert_eq!(
        lookup_word(&texts(&["of", "abl1-screening", "x"])),
        Some("screening".to_owned())
    );
    assert_eq!(
        lookup_word(&texts(&["alpha", "gamma"])),
        Some("alpha".to_owned()),
        "the first of equals"
    );
    assert_eq!(lookup_word(&texts(&["of", "a-b"])), None);
    assert_eq!(lookup_word(&[long]), Some("x".repeat(24)));
}

#[test]
fn a_lookup_is_enough_for_one_word_that_is_stored_whole() {
    for words in [&[][..], &["abl1"], &["-"], &["Köl,"]] {
        assert!(lookup_is_enough(&texts(words)), "{words:?}");
    }
    let long = "x".repeat(25);
    for words in [
        &["abl1-screen"][..],
        &["abl1 screen"],
        &["abl1", "screen"],
        &["ab"],
        &[&long],
    ] {
        assert!(!lookup_is_enough(&texts(words)), "{words:?}");
    }
}

#[test]
fn further_words_phrases_and_exclusions() {
    let name = ["Kinase screen, ABL1 (second try)", "AutoDock Vina"];
    let finds = |line: &str| Filters::parse_line(line).0.matches(&name);
    for line in [
        "",
        "kin",
        "KINASE scr",
        "abl1-sec",
        "\"abl1 second\"",
        "try kinase vina",
        "- \"\" ++",
        "kinase -trypsin",
    ] {
        assert!(finds(line), "{line}");
    }
    for line in [
        "inase",
        "\"kinase abl1\"",
        "\"kin screen\"",
        "kinase -screen",
        "-vin",
        "try autodocker",
    ] {
        assert!(!finds(line), "{line}");
    }
}

fn times() -> impl Strategy<Value = Option<Timestamp>> {
    prop_oneof![
        Just(None),
        (1i64..4_000_000_000_000_000).prop_map(|micros| Some(Timestamp::from_micros(micros))),
        (1i64..40_000).prop_map(|day| Some(Timestamp::from_micros(day * DAY_S * 1_000_000))),
    ]
}

proptest! {
    #[test]
    fn an_address_says_all_of_a_filter(
        scope in prop_oneof![Just(Scope::Mine), Just(Scope::Organization), Just(Scope::All)],
        status in proptest::sample::subsequence(Status::ALL.to_vec(), 0..=6),
        model in proptest::sample::subsequence(Model::ALL.to_vec(), 0..=4),
        task in proptest::sample::subsequence(Task::ALL.to_vec(), 0..=12),
        from in times(),
        until in times(),
        line in "([a-zé:\"-]{0,6}|status:|-| |\"x y\"){0,9}",
    ) {
        let (from, until) = match (from, until) {
            (Some(from), Some(until)) if from >= until => (Some(from), None),
            other => other,
        };
        let (typed, _) = Filters::parse_line(&line);
        let filters = Filters { scope, status, model, task, from, until, words: typed.words, without: typed.without };
        prop_assert_eq!(Filters::from_query(&filters.to_query()).unwrap(), filters);
    }

    #[test]
    fn any_line_is_answered_and_written_back(line: String) {
        let (filters, _) = Filters::parse_line(&line);
        let search = filters.to_query().into_iter().find(|(name, _)| name == "search").map_or(String::new(), |(_, text)| text);
        let (again, problems) = Filters::parse_line(&search);
        // Quotation marks may lengthen a line beyond its limit.
        if problems.is_empty() {
            prop_assert_eq!((again.words, again.without), (filters.words, filters.without));
        } else {
            prop_assert!(search.chars().count() > 500, "{:?}", problems);
        }
    }

    #[test]
    fn what_is_looked_up_is_stored_with_what_matches(name in "\\PC{0,60}", from in 0usize..10, length in 1usize..10) {
        let words = terms::words_of(&name);
        let Some(word) = words.get(from) else { return Ok(()) };
        let typed: Vec<String> = vec![word.chars().take(length).collect()];
        if let Some(term) = lookup_word(&typed) {
            prop_assert!(terms_of(&[&name]).contains(&term), "{} in {}", term, name);
            let filters = Filters { words: typed, ..Filters::default() };
            prop_assert!(filters.matches(&[&name]));
        }
    }
}
