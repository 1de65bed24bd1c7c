//! What an address names: made for a row of the table, and anew when somebody who may has ended it.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use hub::actor::Actor;
use serde_json::{Value, json};

use super::standing::{Person, Standing, maker};
use crate::hub::{Hub, form};
use crate::people::{PASSWORD, ask, enter, me, member, token};

/// Everybody, and who they are to each other.
pub struct World {
    pub people: Vec<Person>,
    /// Whoever made it, as use cases know them.
    pub maker: Actor,
    /// Somebody in no organisation.
    bystander: String,
    /// The organisation.
    organization: String,
}

impl World {
    pub async fn new(hub: &Hub) -> Self {
        let people = super::people(hub).await;
        let maker = maker(hub, &people).await;
        let who = token(hub, "bystander@x.org").await;
        Self {
            bystander: text(&me(hub, &who).await.json(), "user_id"),
            organization: maker
                .owner
                .to_string()
                .split(':')
                .nth(1)
                .unwrap()
                .to_owned(),
            maker,
            people,
        }
    }

    /// The id that stands in a path, unless a job or batch does.
    pub async fn thing(&self, hub: &Hub, path: &str) -> String {
        let own = &self.people.last().unwrap().bearer;
        if path.contains("/admin/users/") {
            return self.bystander.clone();
        }
        if path.contains("/admin/organizations/") {
            return self.organization.clone();
        }
        if path.contains("/admin/models/") {
            return "chai1".to_owned();
        }
        if path.contains("/members/") {
            let mut people = self.people.iter();
            let owner = people.rfind(|who| who.standing == Standing::Lead).unwrap();
            let email = format!("{}@member.org", hub::id::random_text());
            let who = member(hub, &owner.bearer, &email, "member").await;
            return text(&me(hub, &who).await.json(), "user_id");
        }
        if path.contains("sessions/") {
            enter(hub, "maker@x.org", PASSWORD)
                .await
                .expect(StatusCode::OK);
            let all = ask(hub, Method::GET, "/api/v1/sessions", own, &Value::Null).await;
            let all = all.expect(StatusCode::OK);
            let mut others = all["results"].as_array().unwrap().iter();
            let other = others.find(|session| session["current"] == false);
            return text(other.unwrap(), "id");
        }
        if path.contains("api-keys/") {
            let key = json!({"name": "to be ended", "scope": "read"});
            return made(hub, "/api/v1/api-keys", own, &key, "id").await;
        }
        if path.contains("shares/") {
            let (single, _) = super::made(hub, &self.maker).await;
            let link = json!({ "job_id": single });
            return made(hub, "/api/v1/shares", own, &link, "id").await;
        }
        if path.contains("drafts/") {
            return draft(hub, own).await;
        }
        "made-up".to_owned()
    }
}

async fn made(hub: &Hub, path: &str, who: &str, body: &Value, id: &str) -> String {
    let made = ask(hub, Method::POST, path, who, body).await;
    text(&made.expect(StatusCode::CREATED), id)
}

async fn draft(hub: &Hub, who: &str) -> String {
    let parts: [(&str, Option<&str>, &[u8]); 4] = [
        ("target_kind", None, b"named"),
        ("named", None, b"ABL1"),
        ("exhaustiveness", None, b"1"),
        ("ligands", None, b"CCO ethanol"),
    ];
    let request = hub
        .request(Method::POST, "/api/v1/drafts")
        .header(header::ACCEPT, "application/json")
        .header(
            header::CONTENT_TYPE,
            "multipart/form-data; boundary=parting",
        )
        .header(header::AUTHORIZATION, format!("Bearer {who}"));
    let answer = hub
        .send(request.body(Body::from(form(&parts))).unwrap())
        .await;
    text(&answer.expect(StatusCode::CREATED), "id")
}

fn text(json: &Value, field: &str) -> String {
    json[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {json}"))
        .to_owned()
}
