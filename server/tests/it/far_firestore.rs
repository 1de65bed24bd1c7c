//! A Firestore far away that says no: it answers nothing at all, or one fault whatever is asked. The emulator knows no
//! wrong project, no permissions and no indexes.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::SendResponse;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::net::{TcpListener, TcpStream};

/// A message of gRPC without any field: nothing was found, and what was to be written is written.
const EMPTY: &[u8] = &[0; 5];

/// A fault of gRPC: its number, and what is said.
pub type Fault = (u8, &'static str);

/// A Firestore that answers all alike.
pub struct FarFirestore {
    /// Host and port, as `FIRESTORE_EMULATOR_HOST` names them.
    pub host: String,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl FarFirestore {
    /// One that answers so, until it is told otherwise.
    pub async fn start(fault: Option<Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let fault = Arc::new(Mutex::new(fault));
        let answers = fault.clone();
        tokio::spawn(async move {
            while let Ok((line, _)) = listener.accept().await {
                tokio::spawn(serve(line, answers.clone()));
            }
        });
        Self { host, fault }
    }

    /// Answers so from now on.
    pub fn answers(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }
}

/// Answers what is asked on a line, until whoever asks hangs up.
async fn serve(line: TcpStream, fault: Arc<Mutex<Option<Fault>>>) {
    let Ok(mut asked) = h2::server::handshake(line).await else {
        return;
    };
    while let Some(Ok((_, answer))) = asked.accept().await {
        let fault = *fault.lock().unwrap();
        // Nobody may be there to hear it any more.
        let _ = send(answer, fault);
    }
}

fn send(mut answer: SendResponse<Bytes>, fault: Option<Fault>) -> Result<(), h2::Error> {
    let mut head = axum::http::Response::new(());
    let kind = HeaderValue::from_static("application/grpc");
    head.headers_mut().insert("content-type", kind);
    let mut body = answer.send_response(head, false)?;
    let (number, said) = fault.unwrap_or((0, ""));
    if fault.is_none() {
        body.send_data(Bytes::from_static(EMPTY), false)?;
    }
    let said = utf8_percent_encode(said, NON_ALPHANUMERIC).to_string();
    let mut end = HeaderMap::new();
    end.insert("grpc-status", HeaderValue::from(u16::from(number)));
    end.insert("grpc-message", said.parse().unwrap());
    body.send_trailers(end)
}
