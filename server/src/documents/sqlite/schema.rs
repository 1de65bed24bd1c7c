//! Tables, indexes and triggers, made from the table of query shapes. What of them is missing or changed in a file is
//! made when it is opened, and what no query needs any more is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hub::ports::documents::Collection;
use hub::ports::shapes::{SHAPES, Shape};
use rusqlite::{Connection, Transaction};

/// The name of everything that is derived from shapes begins with the collection's and this.
const OURS: &str = "__";

/// The generated column of a field, as SQL.
pub fn column(field: &str) -> String {
    format!("\"$.{field}\"")
}

/// The name of the index over `equal`, in the order of `order`.
pub fn index_name(collection: Collection, equal: &[&str], order: &str) -> String {
    format!(
        "{}{OURS}{}",
        collection.name(),
        [equal, &[order]].concat().join(OURS)
    )
}

/// The name of the table that a shape looks terms up in.
pub fn terms_table(shape: &Shape, list: &str) -> String {
    let equal: String = shape.equal.iter().flat_map(|field| [field, OURS]).collect();
    format!(
        "{}{OURS}{list}{OURS}{equal}by{OURS}{}",
        shape.collection.name(),
        shape.order
    )
}

/// Something in the file: its name and the SQL that makes it.
type Objects = BTreeMap<String, String>;

/// Makes what is missing, drops what is obsolete.
pub fn bring_up_to_date(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS store (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL);
         INSERT OR IGNORE INTO store VALUES (1, 0);",
    )?;
    for collection in Collection::ALL {
        make_collection(&transaction, collection)?;
    }
    // A table of terms that is made anew is filled before its triggers keep it; indexes and triggers come last.
    let (tables, fillings) = wanted_tables();
    let others = wanted_others();
    drop_obsolete(&transaction, "table", &tables)?;
    for made in make_missing(&transaction, &tables)? {
        transaction.execute_batch(&fillings[&made])?;
    }
    for kind in ["index", "trigger"] {
        drop_obsolete(&transaction, kind, &others)?;
    }
    make_missing(&transaction, &others)?;
    transaction.commit()
}

/// Makes a collection's table and the columns of the fields that shapes name.
fn make_collection(transaction: &Transaction<'_>, collection: Collection) -> rusqlite::Result<()> {
    let table = collection.name();
    transaction.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, json TEXT NOT NULL)"
    ))?;
    let there: BTreeSet<String> = transaction
        .prepare("SELECT name FROM pragma_table_xinfo(?1)")?
        .query_map([table], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for field in fields(collection)
        .into_iter()
        .filter(|field| !there.contains(&format!("$.{field}")))
    {
        let column = column(field);
        transaction.execute_batch(&format!(
            "ALTER TABLE {table} ADD COLUMN {column} AS (json_extract(json, '$.{field}')) VIRTUAL"
        ))?;
    }
    Ok(())
}

/// Every field that a query of the collection may name.
fn fields(collection: Collection) -> BTreeSet<&'static str> {
    let shapes = SHAPES.iter().filter(|shape| shape.collection == collection);
    shapes
        .flat_map(|shape| {
            shape
                .equal
                .iter()
                .chain(shape.optional)
                .chain([&shape.order])
        })
        .copied()
        .collect()
}

/// The tables of terms, and what fills each from the documents that are there.
fn wanted_tables() -> (Objects, Objects) {
    let mut tables = Objects::new();
    let mut fillings = Objects::new();
    for (shape, list) in SHAPES
        .iter()
        .filter_map(|shape| Some((shape, shape.contains?)))
    {
        let terms = Terms { shape, list };
        tables.insert(terms.table(), terms.create_table());
        fillings.insert(terms.table(), terms.fill());
    }
    (tables, fillings)
}

/// The indexes, and the triggers that keep the tables of terms.
fn wanted_others() -> Objects {
    let mut wanted = Objects::new();
    for shape in SHAPES {
        match shape.contains {
            Some(list) => wanted.extend(Terms { shape, list }.triggers()),
            None => wanted.extend(indexes(shape)),
        }
    }
    wanted
}

fn indexes(shape: &Shape) -> impl Iterator<Item = (String, String)> {
    shape.combinations().into_iter().map(move |equal| {
        let (collection, order) = (shape.collection, column(shape.order));
        let name = index_name(collection, &equal, shape.order);
        let table = collection.name();
        // A document without one of the fields is in no answer, so it is not in the index either.
        let there = equal
            .iter()
            .map(|field| column(field))
            .chain([order.clone()])
            .map(|field| format!("{field} IS NOT NULL"));
        let there = there.collect::<Vec<_>>().join(" AND ");
        let equal: String = equal.iter().map(|field| column(field) + ", ").collect();
        let sql = format!("CREATE INDEX \"{name}\" ON {table} ({equal}{order}, id) WHERE {there}");
        (name, sql)
    })
}

fn ours(name: &str) -> bool {
    Collection::ALL
        .iter()
        .any(|collection| name.starts_with(&format!("{}{OURS}", collection.name())))
}

fn drop_obsolete(
    transaction: &Transaction<'_>,
    kind: &str,
    wanted: &Objects,
) -> rusqlite::Result<()> {
    for (name, sql) in there(transaction, kind)? {
        if ours(&name) && wanted.get(&name) != Some(&sql) {
            tracing::info!(kind, name, "dropping what no query needs");
            transaction.execute_batch(&format!("DROP {kind} \"{name}\""))?;
        }
    }
    Ok(())
}

/// Makes what is not there, and answers the names of it.
fn make_missing(transaction: &Transaction<'_>, wanted: &Objects) -> rusqlite::Result<Vec<String>> {
    let mut missing = wanted.clone();
    for kind in ["table", "index", "trigger"] {
        for name in there(transaction, kind)?.into_keys() {
            missing.remove(&name);
        }
    }
    for sql in missing.values() {
        transaction.execute_batch(sql)?;
    }
    Ok(missing.into_keys().collect())
}

fn there(transaction: &Transaction<'_>, kind: &str) -> rusqlite::Result<Objects> {
    transaction
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = ?1 AND sql IS NOT NULL")?
        .query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The side table of a shape that looks a term up: a row for each term of each document, with the fields that narrow
/// what the term finds, so that a rare filter on a common term reads no document in vain.
struct Terms<'a> {
    shape: &'a Shape,
    list: &'a str,
}

impl Terms<'_> {
    fn table(&self) -> String {
        terms_table(self.shape, self.list)
    }

    fn create_table(&self) -> String {
        let equal: String = self
            .shape
            .equal
            .iter()
            .map(|field| column(field) + ", ")
            .collect();
        let optional: String = self
            .shape
            .optional
            .iter()
            .map(|field| column(field) + ", ")
            .collect();
        let (table, order) = (self.table(), column(self.shape.order));
        format!(
            "CREATE TABLE \"{table}\" ({equal}term, {order}, id, {optional}PRIMARY KEY ({equal}term, {order}, id)) \
             WITHOUT ROWID"
        )
    }

    /// Fields of the row of `document`, which is `new`, `old`, or the collection's table.
    fn fields(&self, document: &str, fields: &[&str]) -> String {
        fields.iter().fold(String::new(), |mut sql, field| {
            let _ = write!(sql, "{document}.{}, ", column(field));
            sql
        })
    }

    /// `INSERT .. SELECT` of the rows of the documents in `from`.
    fn insert(&self, document: &str, from: &str) -> String {
        let Shape {
            equal,
            optional,
            order,
            ..
        } = self.shape;
        let present = equal
            .iter()
            .chain([order])
            .map(|field| format!("{document}.{} IS NOT NULL", column(field)));
        format!(
            "INSERT INTO \"{}\" SELECT DISTINCT {}term.value, {document}.{}, {document}.id{} \
             FROM {from}json_each({document}.json, '$.{}') AS term WHERE term.type = 'text' AND {};",
            self.table(),
            self.fields(document, equal),
            column(order),
            optional
                .iter()
                .map(|field| format!(", {document}.{}", column(field)))
                .collect::<String>(),
            self.list,
            present.collect::<Vec<_>>().join(" AND "),
        )
    }

    fn fill(&self) -> String {
        let documents = self.shape.collection.name();
        self.insert(documents, &format!("{documents}, "))
    }

    fn delete(&self) -> String {
        let Shape { equal, order, .. } = self.shape;
        let same = equal
            .iter()
            .chain([order])
            .map(|field| format!("{0} = old.{0}", column(field)));
        format!(
            "DELETE FROM \"{}\" WHERE {} AND id = old.id AND term IN (SELECT value FROM json_each(old.json, '$.{}'));",
            self.table(),
            same.collect::<Vec<_>>().join(" AND "),
            self.list,
        )
    }

    /// Triggers, so that no way of writing a document can forget its terms.
    fn triggers(&self) -> [(String, String); 3] {
        let Shape {
            equal,
            optional,
            order,
            ..
        } = self.shape;
        let (documents, table, list) = (self.shape.collection.name(), self.table(), self.list);
        let fields = equal.iter().chain(*optional).chain([order]);
        // Most updates change none of these: a batch's counts move every second.
        let changed: String = fields
            .map(|field| format!("old.{0} IS NOT new.{0} OR ", column(field)))
            .collect();
        let lists =
            format!("json_extract(old.json, '$.{list}') IS NOT json_extract(new.json, '$.{list}')");
        let (insert, delete) = (self.insert("new", ""), self.delete());
        let trigger = |event: &str, sql: String| {
            let name = format!("{table}{OURS}{event}");
            let sql = format!("CREATE TRIGGER \"{name}\" AFTER {event} ON {documents} {sql}");
            (name, sql)
        };
        [
            trigger("INSERT", format!("BEGIN {insert} END")),
            trigger(
                "UPDATE",
                format!("WHEN {changed}{lists} BEGIN {delete} {insert} END"),
            ),
            trigger("DELETE", format!("BEGIN {delete} END")),
        ]
    }
}

#[cfg(test)]
mod tests;
