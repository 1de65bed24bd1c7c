//! One's own account: its name, and the mails that one wants.

use axum::http::{Method, StatusCode};
use hub::services::Post;
use serde_json::{Value, json};

use crate::far_gateway::FarGateway;
use crate::hub::{Chosen, Hub};
use crate::mails::{confirmed, mailed, unconfirm};
use crate::people::{ask, me, token};
use crate::sign_in::{cookie, open, send, text};

async fn change(hub: &Hub, who: &str, body: &Value) -> crate::hub::Answer {
    ask(hub, Method::PATCH, "/api/v1/me", who, body).await
}

/// A hub that works and sends mail.
async fn start() -> Hub {
    let hub = Hub::start_as(Chosen {
        gateway: Some(FarGateway::start().await),
        accounts: true,
        post: Some(Post::Sent),
        ..Chosen::default()
    })
    .await;
    hub.work();
    hub
}

/// A batch that has ended.
async fn ended(hub: &Hub, who: &str, name: &str) -> String {
    let body = json!({"task": "docking", "name": name, "target": {"named": "ABL1"}, "parameters": {"exhaustiveness": 1},
        "ligands": [{"name": "ethanol", "smiles": "CCO"}, {"name": "propane", "smiles": "CCC"}]});
    let made = ask(hub, Method::POST, "/api/v1/batches", who, &body).await;
    let id = made.expect(StatusCode::CREATED)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/jobs/{id}");
    for _ in 0..300 {
        let read = ask(hub, Method::GET, &path, who, &Value::Null).await;
        if read.json()["status"] == "completed" {
            return id;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the batch never ends");
}

#[tokio::test]
async fn whoever_wants_it_is_told_once_that_a_batch_ended() {
    let hub = start().await;
    let ada = confirmed(&hub, "ada@example.org").await;
    ended(&hub, &ada, "quiet").await;
    assert_eq!(
        hub.services.take_mail().await.unwrap(),
        None,
        "off by default"
    );

    let on = json!({"notices": {"batch_ended": true}});
    change(&hub, &ada, &on).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        me(&hub, &ada).await.json()["account"]["notices"],
        on["notices"]
    );
    let id = ended(&hub, &ada, "told").await;
    let letter = mailed(&hub).await;
    assert_eq!(
        (letter.to.as_str(), letter.subject.as_str()),
        ("ada@example.org", "told has ended")
    );
    assert!(
        letter.text.contains("2 of 2 completed")
            && letter.text.contains(&format!("/batches/{id}\n"))
    );
    assert!(!letter.text.contains("ethanol") && !letter.text.contains("kcal"));
    hub.later(60);
    ended(&hub, &ada, "another").await;
    assert_eq!(mailed(&hub).await.subject, "another has ended");
    assert_eq!(hub.services.take_mail().await.unwrap(), None);

    unconfirm(&hub, &ada).await;
    ended(&hub, &ada, "unconfirmed").await;
    assert_eq!(hub.services.take_mail().await.unwrap(), None);
}

#[tokio::test]
async fn the_account_is_changed_by_the_api_and_by_its_page() {
    let hub = Hub::start_with_mail().await;
    let ada = confirmed(&hub, "ada@example.org").await;
    change(&hub, &ada, &json!({"name": " Ada Lovelace "}))
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(
        me(&hub, &ada).await.json()["account"]["name"],
        "Ada Lovelace"
    );
    for wrong in [json!({"name": ""}), json!({"name": "a\nb"})] {
        let faults = change(&hub, &ada, &wrong).await.problem(422, "invalid");
        assert_eq!(faults[0].0, "name");
    }
    let unknown = change(&hub, &ada, &json!({"roles": ["admin"]})).await;
    assert!((400..=422).contains(&unknown.status), "{unknown:?}");

    let form = "email=ada%40example.org&password=ligand-pose-box";
    let session = cookie(&send(&hub, "/login", form, "").await);
    let post = async |form: &str| send(&hub, "/account", form, &session).await;
    let renamed = post("act=profile&name=Countess").await;
    assert!(text(&renamed).contains("Your name is changed"));
    assert_eq!(me(&hub, &ada).await.json()["account"]["name"], "Countess");
    let wrong = post("act=profile&name=").await;
    assert!(wrong.status == 422 && text(&wrong).contains("id=\"own-name-wrong\""));
    assert!(
        !text(&wrong).contains("id=\"name-wrong\""),
        "the fault stands at its form alone"
    );
    post("act=notices&batch_ended=on").await;
    let page = text(&open(&hub, "/account", &session).await);
    assert!(page.contains("checked"), "{page}");
    post("act=notices").await;
    assert_eq!(
        me(&hub, &ada).await.json()["account"]["notices"]["batch_ended"],
        false
    );
}

#[tokio::test]
async fn a_hub_that_sends_no_mail_promises_none() {
    let hub = Hub::start_with_accounts().await;
    let ada = token(&hub, "ada@example.org").await;
    let on = json!({"notices": {"batch_ended": true}});
    change(&hub, &ada, &on).await.problem(409, "conflict");
    let local = Hub::start_alone().await;
    let path = "/api/v1/me";
    local
        .send_json(Method::PATCH, path, &json!({"name": "x"}), &[])
        .await
        .problem(409, "conflict");
}
