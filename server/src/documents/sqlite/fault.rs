//! What the hub is told when SQLite fails.

use hub::ports::documents::DocumentsError;
use rusqlite::ErrorCode;

/// A failure of SQLite: of the machine, which may pass, or of the file or the question, which does not.
pub fn of_sqlite(error: rusqlite::Error) -> DocumentsError {
    let passes = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
        )
    );
    if passes {
        DocumentsError::Unavailable(Box::new(error))
    } else {
        DocumentsError::Refused(Box::new(error))
    }
}

/// The thread or the task that should have answered is gone.
pub fn gone(why: &'static str) -> DocumentsError {
    DocumentsError::Unavailable(why.into())
}
