//! What the hub needs of the outside: documents, files, and somebody who computes. Three narrow traits; everything typed
//! and rich is written once above them.

pub mod blobs;
pub mod compute;
pub mod documents;
pub mod shapes;

pub use blobs::Blobs;
pub use compute::Compute;
pub use documents::Documents;
