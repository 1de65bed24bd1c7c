//! What the operator chose, as far as use cases need to know.

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the gateway and browsers reach the hub, without a slash at the end.
    pub public_url: String,
    /// What becomes of mails.
    pub post: Post,
    /// What the place is called where people can sign in instead of here.
    pub elsewhere: Option<String>,
}

/// What becomes of mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    /// They are sent.
    Sent,
    /// They are shown in the log, to whoever runs the hub at their desk.
    Shown,
    /// There are none.
    None,
}

impl Post {
    /// Whether an address must be shown to be somebody's own. Without mail there is no way to.
    pub fn confirms(self) -> bool {
        self == Self::Sent
    }
}
