//! What goes wrong between the hub and Cloud Storage, in words for the operator, who reads them in the log.

use std::error::Error;
use std::time::Duration;

use hub::ports::blobs::BlobsError;
use reqwest::StatusCode;
use serde::Deserialize;

use super::client::Place;
use crate::blobs::path::BlobPath;

/// Most characters that are told of what Cloud Storage said.
const MAX_SAID: usize = 500;

/// Cloud Storage did not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{words}")]
pub struct Fault {
    kind: Kind,
    words: String,
    retry_after: Option<Duration>,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It may be done, or not.
    Open,
    /// It was not done, and may be in a moment.
    Busy,
    /// The upload that was to be continued is not known any more.
    Lost,
    /// What was expected of the object is not so.
    Unmet,
    /// There is no such object.
    Absent,
    /// The object ends before the part that was asked for.
    Beyond,
    /// An operator must mend something.
    Shut,
    /// We asked for something that is none.
    Wrong,
}

impl Fault {
    fn new(kind: Kind, words: String) -> Self {
        Self {
            kind,
            words,
            retry_after: None,
        }
    }

    /// What an answer comes to that says no.
    pub fn of(status: StatusCode, said: &str, place: &Place) -> Self {
        let said = message(said);
        let no_bucket = said.contains("bucket does not exist");
        let (kind, words) = match status.as_u16() {
            404 if no_bucket => (
                Kind::Shut,
                format!("there is no {place}; make the bucket, or name another one: {said}"),
            ),
            404 => (Kind::Absent, format!("{place} has no such file: {said}")),
            401 => (
                Kind::Shut,
                format!("{place} does not take the credentials of the hub: {said}"),
            ),
            403 => (Kind::Shut, denied(place, &said)),
            410 => (Kind::Lost, format!("{place} gave up an upload: {said}")),
            412 => (Kind::Unmet, format!("{place} has that file: {said}")),
            416 => (Kind::Beyond, format!("{place} has no such part: {said}")),
            429 => (Kind::Busy, format!("{place} asks for a pause: {said}")),
            408 | 500.. => (Kind::Open, format!("{place} answers {status}: {said}")),
            _ => (Kind::Wrong, format!("{place} answers {status}: {said}")),
        };
        Self::new(kind, words)
    }

    /// There is no answer, or it broke off.
    pub fn unanswered(error: reqwest::Error, place: &Place) -> Self {
        // The address of an upload lets in whoever has it.
        let words = chain(&error.without_url());
        Self::new(Kind::Open, format!("{place} cannot be reached: {words}"))
    }

    /// No answer came in time.
    pub fn late(place: &Place) -> Self {
        Self::new(Kind::Open, format!("{place} did not answer in time"))
    }

    /// A file came to an end before its end.
    pub fn cut_short(place: &Place) -> Self {
        Self::new(Kind::Open, format!("a file of {place} did not come whole"))
    }

    /// The answer is none that Cloud Storage gives.
    pub fn strange(what: &str, place: &Place) -> Self {
        Self::new(Kind::Wrong, format!("{place} answers strangely: {what}"))
    }

    /// There are no credentials that could be asked with or, when it `passes`, none at this moment.
    pub fn without_credentials(error: &dyn Error, passes: bool, place: &Place) -> Self {
        let kind = if passes { Kind::Open } else { Kind::Shut };
        let words = format!(
            "there are no credentials for {place}; on Google Cloud attach a service account, elsewhere set \
             GOOGLE_APPLICATION_CREDENTIALS to the key of one: {}",
            chain(error)
        );
        Self::new(kind, words)
    }

    /// The account of the hub may not do something there.
    pub fn without_permission(permissions: &[&str], place: &Place) -> Self {
        let words = denied(place, &format!("it lacks {}", permissions.join(", ")));
        Self::new(Kind::Shut, words)
    }

    /// No address can be signed.
    pub fn unsigned(error: &dyn Error, place: &Place) -> Self {
        let words = format!(
            "the account of the hub cannot sign addresses of files in {place}; on Google Cloud it needs the role \
             roles/iam.serviceAccountTokenCreator on itself, elsewhere GOOGLE_APPLICATION_CREDENTIALS must name the key of \
             a service account: {}",
            chain(error)
        );
        Self::new(Kind::Shut, words)
    }

    /// The same, with the time that was asked for until the next try.
    pub fn after(mut self, pause: Option<Duration>) -> Self {
        self.retry_after = pause;
        self
    }

    /// How long to wait at least before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same may go well in a moment.
    pub fn passes(&self) -> bool {
        matches!(self.kind, Kind::Open | Kind::Busy)
    }

    /// Whether only reading tells if it was done: it may have been, by a request whose answer nobody saw.
    pub fn leaves_open(&self) -> bool {
        matches!(self.kind, Kind::Open | Kind::Lost | Kind::Unmet)
    }

    /// The same, when what it said not to know was an upload.
    pub fn of_upload(mut self) -> Self {
        if self.kind == Kind::Absent {
            self.kind = Kind::Lost;
        }
        self
    }

    /// Whether there is no such object.
    pub fn is_absent(&self) -> bool {
        self.kind == Kind::Absent
    }

    /// Whether the object ends before the part that was asked for.
    pub fn is_beyond(&self) -> bool {
        self.kind == Kind::Beyond
    }

    /// The same in the words of the port. What an operator can mend may go well later.
    pub fn about(self, path: &BlobPath) -> BlobsError {
        match self.kind {
            Kind::Absent => path.not_found(),
            Kind::Unmet => path.exists(),
            Kind::Open | Kind::Busy | Kind::Lost | Kind::Shut => {
                BlobsError::Unavailable(self.into())
            }
            Kind::Beyond | Kind::Wrong => BlobsError::Refused(self.into()),
        }
    }
}

fn denied(place: &Place, said: &str) -> String {
    format!(
        "the account of the hub may not use {place}; it needs the role roles/storage.objectUser there: {said}"
    )
}

/// What an answer says, as JSON has it, else its beginning.
fn message(said: &str) -> String {
    #[derive(Deserialize)]
    struct Body {
        error: Told,
    }
    #[derive(Deserialize)]
    struct Told {
        message: String,
    }
    let told = serde_json::from_str::<Body>(said).map(|body| body.error.message);
    let told = told.unwrap_or_else(|_| said.trim().to_owned());
    told.chars().take(MAX_SAID).collect()
}

/// An error with those that caused it.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_reads_which_setting_to_look_at() {
        let place = Place::bucket("hub-files", "BLOBS_URL");
        let json = |message: &str| format!(r#"{{"error": {{"code": 1, "message": "{message}"}}}}"#);
        for (status, said, words) in [
            (
                403,
                json("hub@p does not have storage.objects.get access"),
                &[
                    "storage.objectUser",
                    "hub@p does not have storage.objects.get",
                ][..],
            ),
            (
                404,
                json("The specified bucket does not exist."),
                &["there is no gs://hub-files"],
            ),
            (
                401,
                json("Invalid Credentials"),
                &["credentials", "Invalid"],
            ),
            (503, "We are sorry".to_owned(), &["503", "We are sorry"]),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let fault = Fault::of(status, &said, &place);
            let told = fault.to_string();
            for word in [words, &["gs://hub-files", "BLOBS_URL"]].concat() {
                assert!(told.contains(word), "{word}: {told}");
            }
            let error = fault.about(&BlobPath::new("a").unwrap());
            assert!(matches!(error, BlobsError::Unavailable(_)), "{error:?}");
        }
    }

    #[test]
    fn an_absent_file_is_not_an_absent_bucket() {
        let place = Place::bucket("hub-files", "BLOBS_URL");
        let fault = Fault::of(StatusCode::NOT_FOUND, "No such object: hub-files/a", &place);
        assert!(fault.is_absent() && !fault.passes());
        let fault = Fault::of(
            StatusCode::NOT_FOUND,
            "The specified bucket does not exist.",
            &place,
        );
        assert!(!fault.is_absent() && !fault.passes());
    }
}
