//! The form of a draft as it comes in: streamed, each file kept up to its limit and not beyond.

use axum::body::Bytes;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use hub::Error;
use hub::draft::DraftForm;
use hub::ligand::MAX_FILE_BYTES;
use hub::services::{DraftUpload, Upload};

use crate::problem::Problem;

/// What is said of a larger one.
pub const TOO_LARGE: &str = "this file is larger than the 10 MB that are taken";
/// Bytes that are read and thrown away, so that a browser gets to see why a file is refused.
const MAX_BODY: usize = 512 * 1024 * 1024;
/// Parts of the form at most.
const MAX_PARTS: usize = 64;

/// A form that was read.
pub struct Form {
    /// What it holds. A file that is too large is cut just above its limit.
    pub upload: DraftUpload,
    /// Names of the fields whose content was cut.
    pub too_large: Vec<&'static str>,
    /// The named setting that was chosen in place of an exhaustiveness.
    setting: String,
}

/// A part, cut just above its limit when it is larger.
struct Part {
    name: String,
    file_name: Option<String>,
    bytes: Vec<u8>,
}

/// Reads the form to its end.
pub async fn read(mut multipart: Multipart) -> Result<Form, Problem> {
    let upload = DraftUpload {
        form: DraftForm::default(),
        receptor: None,
        ligands: None,
        previous: None,
    };
    let mut form = Form {
        upload,
        too_large: Vec::new(),
        setting: String::new(),
    };
    let mut left = MAX_BODY;
    for _ in 0..MAX_PARTS {
        let Some(field) = multipart.next_field().await.map_err(broken)? else {
            return Ok(form.with_setting());
        };
        let part = read_part(field, &mut left).await?;
        form.take(part)?;
    }
    Err(Error::bad_request("body", "the form has too many parts").into())
}

async fn read_part(mut field: Field<'_>, left: &mut usize) -> Result<Part, Problem> {
    let name = field.name().unwrap_or_default().to_owned();
    let file_name = field.file_name().map(base_name);
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        *left = left
            .checked_sub(chunk.len())
            .ok_or_else(|| Error::TooLarge("this upload is far too large".into()))?;
        let room = (MAX_FILE_BYTES + 1).saturating_sub(bytes.len());
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(Part {
        name,
        file_name,
        bytes,
    })
}

/// Some browsers send a whole path.
fn base_name(path: &str) -> String {
    path.rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn broken(failed: MultipartError) -> Problem {
    Error::bad_request(
        "body",
        format!("the form cannot be read: {}", failed.body_text()),
    )
    .into()
}

impl Form {
    /// A named setting says more than the number beside it, which is always sent.
    fn with_setting(mut self) -> Self {
        if let Some(exhaustiveness) = app::new::page::exhaustiveness_of(&self.setting) {
            self.upload.form.exhaustiveness = exhaustiveness.to_owned();
        }
        self
    }

    fn take(&mut self, part: Part) -> Result<(), Error> {
        let known = FIELDS.iter().find(|field| **field == part.name);
        if part.bytes.len() > MAX_FILE_BYTES {
            self.too_large.extend(known);
        }
        match (part.name.as_str(), part.file_name) {
            // No file was chosen.
            (_, Some(name)) if name.is_empty() && part.bytes.is_empty() => {}
            ("receptor_file", Some(file_name)) => {
                self.upload.receptor = Some(Upload {
                    file_name,
                    bytes: part.bytes.into(),
                })
            }
            ("ligands_file", Some(file_name)) => {
                self.upload.ligands = Some(Upload {
                    file_name,
                    bytes: part.bytes.into(),
                })
            }
            (_, Some(_)) => {}
            (name, None) => self.take_text(name, part.bytes.into())?,
        }
        Ok(())
    }

    fn take_text(&mut self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let text = String::from_utf8(bytes.into())
            .map_err(|_| Error::invalid(name, "this is not text in UTF-8"))?;
        let form = &mut self.upload.form;
        let [x, y, z, width, height, depth] = &mut form.search_box;
        let slot = match name {
            "name" => &mut form.name,
            "target_kind" => &mut form.target_kind,
            "named" => &mut form.named,
            "center_x" => x,
            "center_y" => y,
            "center_z" => z,
            "size_x" => width,
            "size_y" => height,
            "size_z" => depth,
            "chains" => &mut form.chains,
            "keep" => &mut form.keep,
            "ligands" => &mut form.ligands,
            "smiles_column" => &mut form.smiles_column,
            "exhaustiveness" => &mut form.exhaustiveness,
            "setting" => &mut self.setting,
            "seed" => &mut form.seed,
            "poses" => &mut form.poses,
            "previous" if !text.is_empty() => {
                let faulty = |_| Error::invalid("previous", "this is no draft's id");
                self.upload.previous = Some(text.parse().map_err(faulty)?);
                return Ok(());
            }
            // A later version of the form may know more.
            _ => return Ok(()),
        };
        if name != "ligands" && text.len() > MAX_TEXT_BYTES {
            let message = format!("this is longer than the {MAX_TEXT_BYTES} bytes that are taken");
            return Err(Error::invalid(name, message));
        }
        *slot = text;
        Ok(())
    }
}

/// Bytes of a field at most; that of the ligands is as long as a file.
const MAX_TEXT_BYTES: usize = 2_000;

/// Fields whose content has a limit that can be told at the field.
const FIELDS: [&str; 3] = ["receptor_file", "ligands_file", "ligands"];

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use axum::extract::{DefaultBodyLimit, FromRequest, Request};
    use axum::http::header;
    use axum::response::IntoResponse;
    use futures::{Stream, StreamExt, stream};

    use super::*;

    const CHUNK_BYTES: usize = 1024 * 1024;

    async fn read_body(body: impl Stream<Item = Bytes> + Send + 'static) -> Result<Form, Problem> {
        // A line is quiet now and then, and what has come by then is read.
        let body = body.then(async |chunk| {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(chunk)
        });
        let body = Body::from_stream(body);
        let kind = "multipart/form-data; boundary=parting";
        let request = Request::builder().header(header::CONTENT_TYPE, kind);
        let mut request = request.body(body).unwrap();
        DefaultBodyLimit::disable().apply(&mut request);
        read(Multipart::from_request(request, &()).await.unwrap()).await
    }

    /// What stands before the content of a part.
    fn head(name: &str, file: bool) -> Bytes {
        let file = if file { "; filename=\"a.pdb\"" } else { "" };
        format!("--parting\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").into()
    }

    fn chunks(number: usize) -> impl Stream<Item = Bytes> + Send + 'static {
        let chunk = Bytes::from(vec![b'A'; CHUNK_BYTES]);
        stream::iter((0..number).map(move |_| chunk.clone()))
    }

    fn text(text: &'static str) -> impl Stream<Item = Bytes> + Send + 'static {
        stream::iter([Bytes::from_static(text.as_bytes())])
    }

    #[tokio::test]
    async fn of_a_file_that_is_too_large_no_more_is_kept_than_tells_so() {
        let large = stream::iter([head("receptor_file", true)]).chain(chunks(40));
        let small = stream::iter([Bytes::from_static(b"\r\n"), head("name", false)]);
        let body = large.chain(small).chain(text("mine\r\n--parting--\r\n"));
        let form = read_body(body).await.ok().unwrap();
        let receptor = form.upload.receptor.unwrap();
        assert_eq!(receptor.bytes.len(), MAX_FILE_BYTES + 1);
        assert_eq!(form.too_large, ["receptor_file"]);
        assert_eq!(form.upload.form.name, "mine", "what comes after is read");
    }

    #[tokio::test]
    async fn an_upload_without_end_is_given_up() {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = sent.clone();
        let endless = chunks(usize::MAX).inspect(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let body = stream::iter([head("a field of a later form", false)]).chain(endless);
        let refused = read_body(body).await.err().unwrap().into_response();
        assert_eq!(refused.status(), 413);
        let most = MAX_BODY / CHUNK_BYTES;
        let sent = sent.load(Ordering::SeqCst);
        assert!((most..most + 4).contains(&sent), "{sent}");
    }

    #[tokio::test]
    async fn a_form_has_sixty_three_parts_at_most() {
        let form = |parts: usize| {
            let part = [head("name", false), Bytes::from_static(b"mine\r\n")];
            let parts = (0..parts).flat_map(move |_| part.clone());
            read_body(stream::iter(parts).chain(text("--parting--\r\n")))
        };
        assert!(form(MAX_PARTS - 1).await.is_ok());
        for parts in [MAX_PARTS, 1_000] {
            let refused = form(parts).await.err().unwrap().into_response();
            assert_eq!(refused.status(), 400, "{parts}");
        }
    }
}
