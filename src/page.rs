//! Pages of a list: which one is asked for, and the token that stands for a place in it. It does not know what is listed.

use data_encoding::BASE64URL_NOPAD;

use crate::error::{Error, Result};

/// The number of a page at most, whatever a token says.
const MAX_NUMBER: u32 = 100_000_000;
/// Rows of a page when nothing else is asked.
pub const USUAL_PER_PAGE: u32 = 20;
/// Rows of a page at most.
pub const MAX_PER_PAGE: u32 = 100;
/// Pages that can be asked for by number; beyond that only a token leads.
pub const MAX_PAGE: u32 = 100;
/// Characters of a token at most; ours stay far below.
const MAX_TOKEN: usize = 2_000;

/// A place in an order: the page begins after it, or, when `back`, ends before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken {
    /// The order's key there.
    pub value: String,
    /// The id there.
    pub id: String,
    /// Number of the page that the token leads to, from 1.
    pub page: u32,
    /// Whether the page lies before the place.
    pub back: bool,
}

impl PageToken {
    /// As it travels in an address.
    pub fn encode(&self) -> String {
        let parts = serde_json::json!([self.value, self.id, self.page, u8::from(self.back)]);
        BASE64URL_NOPAD.encode(parts.to_string().as_bytes())
    }

    /// Reads what [`Self::encode`] wrote; anything else is a bad request.
    pub fn decode(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::bad_request(
                "page_token",
                "this is not a page token of this list; begin again at the first page",
            )
        })
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_TOKEN {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (value, id, page, back): (String, String, u32, u8) =
            serde_json::from_slice(&bytes).ok()?;
        ((1..=MAX_NUMBER).contains(&page) && back <= 1).then_some(Self {
            value,
            id,
            page,
            back: back == 1,
        })
    }
}

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows of the page, 1 to 100.
    pub per_page: u32,
    /// The place it begins or ends at; the first page when there is neither token nor number.
    pub token: Option<PageToken>,
    /// Its number, 1 to 100.
    pub page: Option<u32>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            per_page: USUAL_PER_PAGE,
            token: None,
            page: None,
        }
    }
}

impl PageRequest {
    /// Reads `per_page`, `page_token` and `page`; other parameters are not looked at, empty ones count as absent.
    ///
    /// Errors are [`Error::BadRequest`] and name the parameter.
    pub fn from_query(pairs: &[(String, String)]) -> Result<Self> {
        let given = |name: &str| {
            let value = pairs
                .iter()
                .rev()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.trim());
            value.filter(|value| !value.is_empty())
        };
        let per_page = match given("per_page") {
            None => USUAL_PER_PAGE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| (1..=MAX_PER_PAGE).contains(number))
                .ok_or_else(|| {
                    Error::bad_request("per_page", "per_page must be a whole number from 1 to 100")
                })?,
        };
        let token = given("page_token").map(PageToken::decode).transpose()?;
        let page = given("page").map(page_number).transpose()?;
        if token.is_some() && page.is_some() {
            return Err(Error::bad_request(
                "page",
                "give either page or page_token, not both",
            ));
        }
        Ok(Self {
            per_page,
            token,
            page,
        })
    }

    /// The number of the page that is asked for, from 1.
    pub fn number(&self) -> u32 {
        self.page
            .or(self.token.as_ref().map(|token| token.page))
            .unwrap_or(1)
    }
}

fn page_number(text: &str) -> Result<u32> {
    let faulty = |message| Err(Error::bad_request("page", message));
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return faulty("page must be a whole number from 1 to 100");
    }
    match text.parse() {
        Ok(0) => faulty("pages are counted from 1"),
        Ok(number) if number <= MAX_PAGE => Ok(number),
        // So long that it is no u32 is above 100 too.
        _ => faulty("page above 100: use page_token"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(pairs: &[(&str, &str)]) -> Result<PageRequest> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        PageRequest::from_query(&pairs)
    }

    #[test]
    fn nothing_asked_is_the_first_page_of_twenty() {
        assert_eq!(
            ask(&[("status", "failed"), ("page", "")]).unwrap(),
            PageRequest::default()
        );
        assert_eq!(ask(&[]).unwrap().number(), 1);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let message = |key, value| {
            let error = ask(&[(key, value)]).unwrap_err();
            assert_eq!(error.status(), 400);
            assert_eq!(error.faults()[0].field, key);
            error.faults()[0].message.clone()
        };
        for value in ["0", "101", "-1", "1.5", "many", "99999999999"] {
            assert!(message("per_page", value).contains("from 1 to 100"));
        }
        assert_eq!(message("page", "101"), "page above 100: use page_token");
        assert_eq!(
            message("page", "99999999999999999999"),
            "page above 100: use page_token"
        );
        assert_eq!(message("page", "0"), "pages are counted from 1");
        assert!(message("page", "+3").contains("whole number"));
        assert!(message("page_token", "???").contains("first page"));
    }

    #[test]
    fn a_token_and_a_number_contradict() {
        let token = PageToken {
            value: "v".into(),
            id: "a".into(),
            page: 3,
            back: false,
        };
        assert_eq!(ask(&[("page_token", &token.encode())]).unwrap().number(), 3);
        assert!(ask(&[("page_token", &token.encode()), ("page", "3")]).is_err());
        assert_eq!(
            ask(&[("page", "100"), ("per_page", "100")])
                .unwrap()
                .number(),
            100
        );
    }

    #[test]
    fn a_token_with_anything_more_is_refused() {
        for json in [
            r#"["v","a",0,0]"#,
            r#"["v","a",1,2]"#,
            r#"["v","a",1]"#,
            r#"["v","a",1,0] x"#,
            "{}",
            "",
        ] {
            assert!(
                PageToken::decode(&BASE64URL_NOPAD.encode(json.as_bytes())).is_err(),
                "{json}"
            );
        }
    }

    proptest! {
        #[test]
        fn tokens_come_back_and_are_safe_in_addresses(value: String, id in "[a-z0-9-]{1,48}", page in 1..=MAX_NUMBER, back: bool) {
            prop_assume!(value.len() < 200);
            let token = PageToken { value, id, page, back };
            let text = token.encode();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
            prop_assert_eq!(PageToken::decode(&text).unwrap(), token);
        }

        #[test]
        fn any_text_is_answered(text: String) {
            if let Err(error) = PageToken::decode(&text) {
                prop_assert_eq!(error.status(), 400);
            }
        }
    }
}
