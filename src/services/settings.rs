//! What the operator chose, as far as use cases need to know.

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the gateway reaches the hub, without a slash at the end.
    pub callback_url: String,
}
