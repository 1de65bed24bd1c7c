//! An archive, written file by file as it is read: only one file is in memory at a time.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::{StreamExt, stream};
use zip::ZipWriter;
use zip::write::{SimpleFileOptions, StreamWriter};

use crate::ports::blobs::{self, Blobs, BlobsError, Content};

/// A file of an archive.
pub(super) enum Entry {
    /// Made here.
    Text {
        /// Its name in the archive.
        name: String,
        /// Its content.
        text: String,
    },
    /// Lies in the file store.
    Stored {
        /// Its name in the archive.
        name: String,
        /// Its path there.
        path: String,
    },
}

/// The archive of these files, in their order.
pub(super) fn archive(blobs: Arc<dyn Blobs>, entries: Vec<Entry>) -> Content {
    let buffer = Buffer::default();
    let writer = ZipWriter::new_stream(buffer.clone());
    let start = State {
        blobs,
        entries: entries.into_iter(),
        writer: Some(writer),
        buffer,
    };
    stream::unfold(start, |mut state| async move {
        let piece = state.next().await?;
        Some((piece, state))
    })
    .boxed()
}

struct State {
    blobs: Arc<dyn Blobs>,
    entries: std::vec::IntoIter<Entry>,
    /// Gone once the archive is closed, or has failed.
    writer: Option<ZipWriter<StreamWriter<Buffer>>>,
    buffer: Buffer,
}

impl State {
    async fn next(&mut self) -> Option<Result<Bytes, BlobsError>> {
        let mut writer = self.writer.take()?;
        let written = match self.entries.next() {
            Some(entry) => match self.content(entry).await {
                Ok((name, content)) => {
                    add(&mut writer, &name, &content).map(|()| self.writer = Some(writer))
                }
                Err(failed) => return Some(Err(failed)),
            },
            None => writer.finish().map(drop).map_err(io::Error::from),
        };
        Some(
            written
                .map(|()| self.buffer.take())
                .map_err(|failed| BlobsError::Refused(Box::new(failed))),
        )
    }

    async fn content(&self, entry: Entry) -> Result<(String, Bytes), BlobsError> {
        match entry {
            Entry::Text { name, text } => Ok((name, text.into())),
            Entry::Stored { name, path } => Ok((name, blobs::read(&*self.blobs, &path).await?)),
        }
    }
}

fn add(writer: &mut ZipWriter<StreamWriter<Buffer>>, name: &str, content: &[u8]) -> io::Result<()> {
    writer.start_file(name, SimpleFileOptions::default())?;
    writer.write_all(content)
}

/// What was written and not yet sent.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.bytes()).into()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
