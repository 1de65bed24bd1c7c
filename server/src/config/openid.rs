//! Where else people can sign in.

use reqwest::Url;

use crate::request::is_loopback;

/// A provider of OpenID Connect, and what it knows the hub by.
#[derive(Clone, PartialEq, Eq)]
pub struct Provider {
    /// The issuer, as it spells itself.
    pub issuer: String,
    /// What it calls the hub.
    pub client_id: String,
    /// What the hub proves itself by.
    pub client_secret: String,
    /// What people call it.
    pub name: String,
    /// Whether it may be reached without https, on this machine.
    pub allows_loopback: bool,
}

/// Issuer, client and secret, or none of them; the name is the issuer's host when it is not given.
pub fn check(
    given: [Option<&str>; 4],
    production: bool,
    faults: &mut Vec<String>,
) -> Option<Provider> {
    let [issuer, client_id, client_secret, name] = given;
    let needed = [
        ("OPENID_ISSUER", issuer),
        ("OPENID_CLIENT_ID", client_id),
        ("OPENID_CLIENT_SECRET", client_secret),
    ];
    if given.iter().all(Option::is_none) {
        return None;
    }
    for (missing, _) in needed.iter().filter(|(_, value)| value.is_none()) {
        faults.push(format!(
            "{missing} is not set; OPENID_ISSUER, OPENID_CLIENT_ID and OPENID_CLIENT_SECRET go together"
        ));
    }
    if name.is_some_and(|name| name.chars().count() > 40) {
        faults.push("OPENID_NAME has more than 40 characters; it stands on a button".into());
    }
    let issuer = issuer?;
    let url = Url::parse(issuer).ok();
    let plain = |url: &&Url| url.query().is_none() && url.fragment().is_none();
    let url = url
        .as_ref()
        .filter(plain)
        .filter(|url| is_safe(url, !production));
    let Some(url) = url else {
        faults.push(format!(
            "OPENID_ISSUER is {issuer:?}; it must be like https://login.example.org{}",
            if production {
                ""
            } else {
                ", or http:// on this machine"
            }
        ));
        return None;
    };
    Some(Provider {
        issuer: issuer.to_owned(),
        client_id: client_id?.to_owned(),
        client_secret: client_secret?.to_owned(),
        name: name.or(url.host_str()).unwrap_or(issuer).to_owned(),
        allows_loopback: !production,
    })
}

/// Whether what is said there stays between both sides: by https, or, where that is allowed, on this machine.
pub fn is_safe(url: &Url, allows_loopback: bool) -> bool {
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => allows_loopback && is_loopback(host),
        _ => false,
    }
}
