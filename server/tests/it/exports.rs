//! Exports: their headers, their rows, and what they refuse.

use crate::hub::Hub;
use crate::input;

#[tokio::test]
async fn a_finished_batch_is_saved_as_a_table_poses_and_json() {
    let hub = Hub::start().await;
    let path = input::completed(&hub).await;
    for (format, media_type) in [
        ("csv", "text/csv; charset=utf-8"),
        ("sdf", "chemical/x-mdl-sdfile"),
        ("json", "application/json"),
    ] {
        let answer = hub.get(&format!("{path}/export?format={format}")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, media_type)
        );
        let saved = answer.header("content-disposition");
        assert!(
            saved.starts_with("attachment; filename=\"") && saved.contains(&format!(".{format}\"")),
            "{saved}"
        );
        assert!(!answer.body.is_empty());
    }
    let text = |answer: crate::hub::Answer| String::from_utf8(answer.body.to_vec()).unwrap();
    let table = text(hub.get(&format!("{path}/export")).await);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[1].contains("CCCCCC") && lines[1].contains("-3"),
        "the best comes first: {table}"
    );
    let chosen = text(hub.get(&format!("{path}/export?selection=0")).await);
    assert!(
        chosen.lines().count() == 2 && chosen.contains("CCO") && !chosen.contains("CCCCCC"),
        "{chosen}"
    );
    let poses = text(hub.get(&format!("{path}/export?format=sdf")).await);
    assert_eq!(poses.matches("$$$$").count(), 2, "{poses}");
    hub.get(&format!("{path}/export?format=exe"))
        .await
        .problem(400, "bad-request");
    hub.get(&format!("{path}/export?selection=0,x"))
        .await
        .problem(400, "bad-request");
    let child = path.replace("/batches/", "/jobs/") + "-00001";
    let one = text(hub.get(&format!("{child}/export?format=csv")).await);
    assert!(one.lines().count() == 2 && one.contains("CCCCCC"), "{one}");
}
