//! A file of an earlier hub gets the indexes of this one.

use hub::ports::documents::{Collection, Direction, Query};
use rusqlite::{Connection, params_from_iter};

use super::{bring_up_to_date, wanted_others};
use crate::documents::sqlite::statement::Statement;

fn objects(connection: &Connection) -> Vec<(String, Option<String>)> {
    let mut all = connection
        .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
        .unwrap();
    let rows = all
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn opening_again_changes_nothing() {
    let mut connection = Connection::open_in_memory().unwrap();
    bring_up_to_date(&mut connection).unwrap();
    let first = objects(&connection);
    let changes: i64 = connection
        .query_row("PRAGMA schema_version", [], |row| row.get(0))
        .unwrap();
    bring_up_to_date(&mut connection).unwrap();
    assert_eq!(objects(&connection), first);
    assert_eq!(
        connection
            .query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))
            .unwrap(),
        changes
    );
}

#[test]
fn what_is_obsolete_is_dropped_and_what_is_changed_is_made_anew() {
    let mut connection = Connection::open_in_memory().unwrap();
    bring_up_to_date(&mut connection).unwrap();
    let now = objects(&connection);
    let (changed, _) = wanted_others()
        .into_iter()
        .find(|(_, sql)| sql.starts_with("CREATE INDEX"))
        .unwrap();
    connection
        .execute_batch(&format!(
            "CREATE INDEX jobs__color__created_at ON jobs (json_extract(json, '$.color'));
             CREATE INDEX of_the_operator ON jobs (version);
             DROP INDEX \"{changed}\";
             CREATE INDEX \"{changed}\" ON jobs (version);"
        ))
        .unwrap();
    bring_up_to_date(&mut connection).unwrap();
    let mut then = objects(&connection);
    then.retain(|(name, _)| name != "of_the_operator");
    assert_eq!(then, now, "and an index of somebody else is left alone");
}

#[test]
fn terms_of_documents_that_are_there_already_are_found() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            r#"CREATE TABLE jobs (id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, json TEXT NOT NULL);
               INSERT INTO jobs VALUES
                 ('one', 1, '{"shelf": "user:a", "created_at": "2026-01", "terms": ["kinase"]}'),
                 ('two', 2, '{"shelf": "user:a", "created_at": "2026-02", "terms": ["kinase", "kinase", 5]}'),
                 ('old', 3, '{"shelf": "user:a", "terms": ["kinase"]}'),
                 ('none', 4, '{"shelf": "user:a", "created_at": "2026-03"}');"#,
        )
        .unwrap();
    bring_up_to_date(&mut connection).unwrap();
    let query = Query::new(Collection::Jobs, "created_at", Direction::Descending, 10)
        .equal("shelf", "user:a");
    let found = |query: &Query| {
        let Statement { sql, parameters } = Statement::select(query).unwrap().unwrap();
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement
            .query_map(params_from_iter(parameters), |row| row.get(1))
            .unwrap();
        rows.collect::<Result<Vec<String>, _>>().unwrap()
    };
    assert_eq!(found(&query), ["none", "two", "one"]);
    assert_eq!(found(&query.contains("terms", "kinase")), ["two", "one"]);
}
