//! Texts as they may stand inside an element, for the places that Leptos 0.8 writes as they are: `<title>` and
//! `<textarea>`.

/// A text without tags or entities.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_tag_gets_out() {
        assert_eq!(
            escaped("a</title><script>&"),
            "a&lt;/title&gt;&lt;script&gt;&amp;"
        );
    }
}
