//! What goes wrong between the hub and Firestore, in words for the operator, who reads them in the log.

use hub::ports::documents::DocumentsError;
use tonic::{Code, Status};

/// Firestore did not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{words}")]
pub struct Fault {
    code: Code,
    words: String,
}

/// Which Firestore is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `projects/P/databases/D`.
    pub database: String,
    /// Host and port of the emulator, when it is one.
    pub emulator: Option<String>,
    /// The setting that names the database, for an operator.
    pub setting: &'static str,
}

impl Fault {
    /// What an answer that is none comes to.
    pub fn of(status: &Status, place: &Place) -> Self {
        let (code, said) = (status.code(), status.message());
        let (database, setting) = (&place.database, place.setting);
        let words = match (code, &place.emulator) {
            (Code::PermissionDenied | Code::Unauthenticated, _) => format!(
                "the account of the hub may not use {database} of {setting}; it needs the role \
                 roles/datastore.user there: {said}"
            ),
            (Code::NotFound, _) => {
                format!("there is no database {database}; look at the project in {setting}: {said}")
            }
            (Code::FailedPrecondition, _) if said.contains("index") => format!(
                "{database} lacks an index; deploy firestore.indexes.json, and wait until it is built: {said}"
            ),
            (Code::Unavailable, Some(host)) => format!(
                "nothing answers at FIRESTORE_EMULATOR_HOST={host}; is the emulator running? {said}"
            ),
            (_, Some(host)) => format!(
                "{database} of {setting}, at FIRESTORE_EMULATOR_HOST={host}, answers {code:?}: {said}"
            ),
            (_, None) => format!("{database} of {setting} answers {code:?}: {said}"),
        };
        Self { code, words }
    }

    /// No answer came in time.
    pub fn late(place: &Place) -> Self {
        let host = place.emulator.as_deref();
        Self {
            code: Code::DeadlineExceeded,
            words: format!(
                "{} of {} did not answer in time{}",
                place.database,
                place.setting,
                host.map_or_else(String::new, |host| format!(
                    " (FIRESTORE_EMULATOR_HOST={host})"
                )),
            ),
        }
    }

    /// There are no credentials that Firestore could be asked with, or, when it `passes`, none at this moment.
    pub fn without_credentials(
        error: &(dyn std::error::Error + 'static),
        passes: bool,
        place: &Place,
    ) -> Self {
        let words = format!(
            "there are no credentials for {} of {}; on Google Cloud attach a service account, elsewhere set \
             GOOGLE_APPLICATION_CREDENTIALS: {error}",
            place.database, place.setting
        );
        let code = if passes {
            Code::Unavailable
        } else {
            Code::Unauthenticated
        };
        Self { code, words }
    }

    /// Whether the same may go well in a moment, nothing having been changed in between.
    pub fn passes(&self) -> bool {
        self.leaves_open() || matches!(self.code, Code::Aborted | Code::ResourceExhausted)
    }

    /// Whether it is unknown if it was done.
    pub fn leaves_open(&self) -> bool {
        use Code::{Cancelled, DeadlineExceeded, Internal, Unavailable, Unknown};
        matches!(
            self.code,
            Unavailable | DeadlineExceeded | Cancelled | Unknown | Internal
        )
    }

    /// Whether what a commit expected may not be true.
    pub fn is_conflict(&self) -> bool {
        use Code::{AlreadyExists, FailedPrecondition, NotFound};
        matches!(self.code, AlreadyExists | FailedPrecondition | NotFound)
    }
}

impl From<Fault> for DocumentsError {
    /// What is wrong with the question is our fault; all else an operator can mend, so that trying again helps.
    fn from(fault: Fault) -> Self {
        match fault.code {
            Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented | Code::DataLoss => {
                Self::Refused(fault.into())
            }
            _ => Self::Unavailable(fault.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: Code, emulator: Option<&str>) -> String {
        let place = Place {
            database: "projects/p/databases/d".to_owned(),
            emulator: emulator.map(str::to_owned),
            setting: "DOCUMENTS_URL",
        };
        Fault::of(&Status::new(code, "an index: https://to/make/it"), &place).to_string()
    }

    #[test]
    fn an_operator_reads_which_setting_to_look_at() {
        for (code, emulator, words) in [
            (
                Code::PermissionDenied,
                None,
                &["DOCUMENTS_URL", "datastore.user"][..],
            ),
            (
                Code::NotFound,
                None,
                &["no database projects/p", "DOCUMENTS_URL"],
            ),
            (
                Code::FailedPrecondition,
                None,
                &["firestore.indexes.json", "https://to/make/it"],
            ),
            (
                Code::Unavailable,
                Some("127.0.0.1:1"),
                &["FIRESTORE_EMULATOR_HOST=127.0.0.1:1"],
            ),
            (Code::Unavailable, None, &["DOCUMENTS_URL", "Unavailable"]),
        ] {
            let told = told(code, emulator);
            assert!(words.iter().all(|word| told.contains(word)), "{told}");
        }
    }
}
