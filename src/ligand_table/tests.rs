//! Tables as people have them, whole-file faults, and what no input may do.

use proptest::prelude::*;

use super::*;

fn table(text: &str) -> LigandTable {
    read(text.as_bytes(), None, None).unwrap()
}

fn fault(text: &str) -> TableFault {
    read(text.as_bytes(), None, None).unwrap_err()
}

/// Line, name and SMILES of each row.
fn rows(table: &LigandTable) -> Vec<(u32, &str, &str)> {
    table
        .rows
        .iter()
        .map(|row| (row.line, row.name.as_str(), row.smiles.as_str()))
        .collect()
}

/// Line and message of each fault.
fn faults(table: &LigandTable) -> Vec<(u32, &str)> {
    table
        .faults
        .iter()
        .map(|fault| (fault.line, fault.message.as_str()))
        .collect()
}

#[test]
fn a_pasted_list() {
    let table = table(
        "CCO ethanol\n\n# a comment\nc1ccccc1\r\nCC(=O)O\tacetic acid, glacial\t64-19-7\rCC(\n",
    );
    assert_eq!(table.format, TableFormat::Smiles);
    assert_eq!(
        rows(&table),
        [
            (1, "ethanol", "CCO"),
            (4, "row 2", "c1ccccc1"),
            (5, "acetic acid, glacial", "CC(=O)O")
        ]
    );
    assert_eq!(table.rows[2].extra["column 3"], "64-19-7");
    assert_eq!(table.columns, ["column 3"]);
    assert_eq!(
        faults(&table),
        [(6, "the round bracket at position 3 is not closed")]
    );
    assert_eq!(
        (
            table.faults[0].name.as_str(),
            table.faults[0].smiles.as_str()
        ),
        ("row 4", "CC(")
    );
}

#[test]
fn names_with_delimiters_do_not_make_a_table() {
    let table = table("C1CC methyl,ethyl\nCCO 1,2-x;y\nCCN a\tb\n");
    assert_eq!(table.format, TableFormat::Smiles);
    assert_eq!(rows(&table), [(2, "1,2-x;y", "CCO"), (3, "a", "CCN")]);
    assert_eq!(table.faults.len(), 1);
}

#[test]
fn a_smi_file_with_a_heading() {
    let table = read(b"SMILES Name\nCCO ethanol\n", Some("x.SMI"), None).unwrap();
    assert_eq!(rows(&table), [(2, "ethanol", "CCO")]);
}

#[test]
fn a_csv_with_everything() {
    let text = "\u{feff}Compound Name,\"SMILES\",IC50,Notes,\r\n\
                \"Smith's \"\"best\"\", no. 1\",CCO,12,\"two\nlines\",\r\n\
                ,,,,\r\n\
                pyridine,c1ccncc1\r\n\
                \"empty\",,1,2,\r\n\
                shifted,CCO,1,2,3,4\r\n\
                \"bad\nname\",CCO\r\n";
    let table = table(text);
    assert_eq!(table.format, TableFormat::Csv);
    assert_eq!(
        table.columns,
        ["Compound Name", "SMILES", "IC50", "Notes", "column 5"]
    );
    assert_eq!(table.smiles_column.as_deref(), Some("SMILES"));
    assert_eq!(table.name_column.as_deref(), Some("Compound Name"));
    assert_eq!(
        rows(&table),
        [
            (2, "Smith's \"best\", no. 1", "CCO"),
            (5, "pyridine", "c1ccncc1")
        ]
    );
    let extra: Vec<_> = table.rows[0]
        .extra
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
        .collect();
    assert_eq!(
        extra,
        [("IC50", "12"), ("Notes", "two\nlines"), ("column 5", "")]
    );
    assert_eq!(
        faults(&table),
        [
            (6, "there is no SMILES here"),
            (
                7,
                "this row has 6 fields, the table 5: put a text with a delimiter in it in quotation marks"
            ),
            (8, "the name has control characters"),
        ]
    );
    assert_eq!(table.faults[2].name, "bad name");
}

#[test]
fn tabs_semicolons_and_every_line_end() {
    for (delimiter, format) in [
        ('\t', TableFormat::Tsv),
        (';', TableFormat::Semicolon),
        (',', TableFormat::Csv),
    ] {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["id,canonical_smiles,x", "a,CCO,\"1.5\"", "b,CCN,2"]
                .join(end)
                .replace(',', &delimiter.to_string());
            let table = table(&text);
            assert_eq!(table.format, format, "{text:?}");
            assert_eq!(rows(&table), [(2, "a", "CCO"), (3, "b", "CCN")], "{text:?}");
        }
    }
    assert_eq!(
        table("name;smiles;value, unit\na;CCO;1,5\n").format,
        TableFormat::Semicolon
    );
}

#[test]
fn columns_found_by_content() {
    let found = table("class,drawing,label\nI,CCO,a\nN,c1ccccc1,b\nC,CCN,c\n");
    assert_eq!(found.smiles_column.as_deref(), Some("drawing"));
    assert_eq!(rows(&found)[0], (2, "row 1", "CCO"));
    let headless = table("ethanol,CCO\npyridine,c1ccncc1\n");
    assert_eq!(headless.columns, ["column 1", "column 2"]);
    assert_eq!(
        rows(&headless),
        [(1, "ethanol", "CCO"), (2, "pyridine", "c1ccncc1")]
    );
    let headless = table("CC(,broken\nCCO,whole\nCCN,whole\n");
    assert_eq!(
        faults(&headless),
        [(1, "the round bracket at position 3 is not closed")]
    );
    assert_eq!(headless.rows.len(), 2);
}

#[test]
fn a_chosen_column() {
    let text = "name,smiles,product\na,CCO,CCN\n";
    let chosen = read(text.as_bytes(), Some("a.csv"), Some(" Product ")).unwrap();
    assert_eq!(rows(&chosen), [(2, "a", "CCN")]);
    assert_eq!(
        chosen.rows[0].extra["smiles (column 2)"], "CCO",
        "a ligand has one field \"smiles\""
    );
    let fault = read(text.as_bytes(), Some("a.csv"), Some("educt")).unwrap_err();
    assert_eq!(
        fault.message,
        "there is no column \"educt\"; the columns are: name, smiles, product"
    );
    let headless = read(b"x,CCO,CCN\n", None, Some("column 3")).unwrap();
    assert_eq!(rows(&headless), [(1, "x", "CCN")]);
}

#[test]
fn a_table_without_smiles_names_its_columns() {
    let fault = fault("name,weight\naspirin,180.2\n");
    assert_eq!(
        (fault.code, fault.columns.join(" ")),
        ("no_smiles_column", "name weight".to_owned())
    );
    assert!(
        fault
            .message
            .contains("the columns are: name, weight. Choose"),
        "{}",
        fault.message
    );
}

#[test]
fn files_that_are_no_tables() {
    for (bytes, code, hint) in [
        (&b""[..], "empty", "empty"),
        (b" \r\n \n", "empty", "empty"),
        (b"\xef\xbb\xbf", "empty", "empty"),
        (b"smiles,name\n", "empty", "headings"),
        (b"PK\x03\x04\x14\0", "not_text", "Excel"),
        (b"\x1f\x8b\x08", "not_text", "unpack"),
        (b"\xff\xfeC\0C\0O\0", "not_text", "UTF-16"),
        (b"CCO\0", "not_text", "not a text file"),
        (b"CCO a\nCCN b\xe9ta\n", "not_text", "line 2"),
        (b"name,smiles\n\"a,CCO\nb,CCN\n", "open_quote", "line 2"),
    ] {
        let fault = read(bytes, Some("x.csv"), None).unwrap_err();
        assert_eq!(fault.code, code, "{bytes:?}");
        assert!(fault.message.contains(hint), "{}", fault.message);
    }
    assert_eq!(fault("# nothing\n").code, "empty");
    let wide = format!("{}smiles\n{}CCO\n", "x,".repeat(500), "1,".repeat(500));
    assert_eq!(
        fault(&wide).message,
        "the table has 501 columns; at most 500 are taken"
    );
    let large = vec![b'C'; MAX_FILE_BYTES + 1];
    assert_eq!(read(&large, None, None).unwrap_err().code, "too_large");
}

#[test]
fn fifteen_hundred_rows_are_the_most() {
    let list = |rows: usize| "CCO\n".repeat(rows);
    let csv = |rows: usize| format!("smiles,x\n{}", "CCO,1\n".repeat(rows));
    let sdf = |rows: usize| METHANE.repeat(rows);
    for text in [list(1_500), csv(1_500), sdf(1_500)] {
        assert_eq!(table(&text).rows.len(), 1_500);
    }
    for text in [list(1_501), csv(1_501), sdf(1_501)] {
        assert_eq!(
            fault(&text).message,
            "there are 1501 rows; at most 1500 are taken: split the file into several screens"
        );
    }
}

#[test]
fn names_and_further_columns_have_limits() {
    let long = format!(
        "name,smiles,note\n{},CCO,\nb,CCO,{}\n",
        "x".repeat(101),
        "y".repeat(20_001)
    );
    let table = table(&long);
    assert_eq!(
        table.faults[0].message,
        "the name has 101 characters; at most 100 are taken"
    );
    assert_eq!(table.faults[0].name.chars().count(), 100);
    assert!(
        table.faults[1].message.contains("20005 bytes"),
        "{}",
        table.faults[1].message
    );
}

#[test]
fn a_list_of_tabs_makes_no_columns() {
    let list = format!("C a{}x\nCC b\tkept\n", "\t".repeat(600));
    let table = read(list.as_bytes(), Some("tabs.smi"), None).unwrap();
    assert_eq!(table.rows.len(), 1);
    assert!(
        table.faults[0].message.contains("600 further columns"),
        "{}",
        table.faults[0].message
    );
    assert!(table.columns.len() <= 500);
}

const METHANE: &str = "methane\n  drawn\n\n  1  0  0  0  0  0            999 V2000\n    0.0000    0.0000    0.0000 C   0  0\nM  END\n$$$$\n";

#[test]
fn an_sdf_with_fields() {
    let text = METHANE.replace(
        "$$$$",
        ">  <IC50>  (1)\n12\n\n> <note>\ntwo\nlines\n> <name>\nmarsh gas\n\n$$$$",
    );
    let text = format!("{text}{}", METHANE.replace("methane", ""));
    for text in [
        text.clone(),
        text.replace('\n', "\r\n"),
        text.trim_end_matches("$$$$\n").replace('\n', "\r"),
    ] {
        let table = read(text.as_bytes(), Some("x.sdf"), None).unwrap();
        assert_eq!(table.columns, ["IC50", "note", "name (field)"]);
        assert_eq!(rows(&table), [(1, "methane", ""), (17, "row 2", "")]);
        let extra: Vec<_> = table.rows[0]
            .extra
            .values()
            .map(|value| value.as_str().unwrap())
            .collect();
        assert_eq!(extra, ["12", "two\nlines", "marsh gas"]);
        let block = table.rows[0].mol_block.as_deref().unwrap();
        assert!(
            METHANE.starts_with(block) && block.ends_with("M  END\n"),
            "{block}"
        );
    }
}

#[test]
fn records_that_cannot_be_used_are_named() {
    let cut = METHANE.replace("M  END\n", "");
    let none = METHANE.replace("  1  0  0", "  0  0  0");
    let v3000 = METHANE.replace("V2000", "V3000");
    let table = table(&format!("{METHANE}{cut}{none}{v3000}hello\n$$$$\n$$$$\n"));
    assert_eq!(table.rows.len(), 1);
    let found = faults(&table);
    let expected = [
        (8, "cut off"),
        (14, "no atoms"),
        (21, "V3000"),
        (28, "no mol block"),
        (0, "no mol block"),
    ];
    assert_eq!(found.len(), expected.len());
    for ((line, message), (at, hint)) in found.into_iter().zip(expected) {
        assert!(
            line == at && message.contains(hint),
            "line {line}: {message}"
        );
    }
    assert_eq!(fault(&v3000.repeat(2)).code, "v3000");
}

#[test]
fn a_title_is_taken_from_the_fields_when_missing() {
    let text = METHANE
        .replace("methane", "")
        .replace("$$$$", "> <x>\n1\n\n> <chembl_id>\nCHEMBL17564\n\n$$$$");
    assert_eq!(rows(&table(&text)), [(1, "CHEMBL17564", "")]);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>, name in prop_oneof!["x.csv", "x.smi", "x.sdf", "x.tsv", "x"]) {
        if let Ok(table) = read(&bytes, Some(&name), None) {
            prop_assert!(table.rows.len() + table.faults.len() > 0);
        }
    }

    #[test]
    fn any_text_of_the_right_marks_is_answered(
        text in "([CNO()\\[\\]=1,;\t\"' \r\n]{0,12}|smiles|name|\\$\\$\\$\\$\n|M  END\n|> <a>\n|  1  0 V2000\n){0,12}",
        column in prop_oneof![Just(None), Just(Some("name"))],
    ) {
        if let Ok(table) = read(text.as_bytes(), None, column) {
            let lines = text::line_ends(0, text.as_bytes()) + 1;
            for (line, name) in table.rows.iter().map(|row| (row.line, &row.name)) {
                prop_assert!((1..=lines).contains(&line), "line {} of {}", line, lines);
                prop_assert!(ligand::check_name(name, MAX_NAME).is_ok());
            }
        }
    }

    #[test]
    fn fields_come_back_from_what_is_written(
        cells in proptest::collection::vec(("[a-zA-Z ,\"\n;é]{0,9}[a-z]", "[a-z0-9][a-zA-Z0-9 ,\"\r\n]{0,12}"), 1..20),
    ) {
        let written: String = cells
            .iter()
            .map(|(name, note)| format!("{},CCO,{}\r\n", csv::csv_cell(name), csv::csv_cell(note)))
            .collect();
        let table = read(format!("name,smiles,note\r\n{written}").as_bytes(), Some("x.csv"), None).unwrap();
        prop_assert_eq!(table.rows.len() + table.faults.len(), cells.len());
        for row in &table.rows {
            let (_, note) = cells.iter().find(|(name, note)| name.trim() == row.name && row.extra["note"] == **note)
                .expect("every row was written");
            prop_assert_eq!(&row.extra["note"], note);
        }
    }
}
