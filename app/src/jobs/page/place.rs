//! From where a result is looked at, which says where its links lead.

use hub::id::JobId;

/// At home, where a result can be changed, or by a link, where it can only be read.
#[derive(Clone, Debug)]
pub enum Place {
    /// The page of whoever may change it.
    Home,
    /// The page of a link.
    Link {
        /// The address of the link, without a slash at the end.
        base: String,
        /// What the link shows.
        shared: JobId,
    },
}

impl Place {
    /// Whether it can be changed here.
    pub fn is_home(&self) -> bool {
        matches!(self, Self::Home)
    }

    /// The page of a job.
    pub fn job(&self, id: &JobId) -> String {
        match self {
            Self::Home => format!("/jobs/{id}"),
            Self::Link { base, shared } if shared == id => base.clone(),
            Self::Link { base, .. } => format!("{base}/jobs/{id}"),
        }
    }

    /// Where a job's files are read, each under its name.
    pub fn files(&self, id: &JobId) -> String {
        match self {
            Self::Home => format!("/api/v1/jobs/{id}/files"),
            Self::Link { .. } => format!("{}/files", self.job(id)),
        }
    }

    /// The same, said to the 3D view only where it cannot ask the API.
    pub fn files_of_view(&self, id: &JobId) -> Option<String> {
        (!self.is_home()).then(|| self.files(id))
    }
}
