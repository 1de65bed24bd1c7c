//! What travels: a call with a text for a body, and its answer, read whole. Nothing else is needed by JSON and forms.

use futures::{Stream, stream};
use http::Method;
use leptos::server_fn::Bytes;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::request::ClientReq;
use leptos::server_fn::response::ClientRes;
use wasm_bindgen::JsValue;
use web_sys::{AbortSignal, Headers, RequestInit};

/// A call of a server function.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) url: String,
    method: Method,
    content_type: String,
    accept: String,
    body: Option<String>,
}

impl Call {
    pub(super) fn init(&self, timeout_ms: u32) -> Result<RequestInit, JsValue> {
        let headers = Headers::new()?;
        headers.set("Accept", &self.accept)?;
        headers.set("Content-Type", &self.content_type)?;
        let init = RequestInit::new();
        init.set_method(self.method.as_str());
        init.set_headers(&headers);
        init.set_signal(Some(&AbortSignal::timeout_with_u32(timeout_ms)));
        if let Some(body) = &self.body {
            init.set_body(&JsValue::from_str(body));
        }
        Ok(init)
    }
}

fn refused<T, E: FromServerFnError>(what: &str) -> Result<T, E> {
    Err(E::from_server_fn_error(
        ServerFnErrorErr::UnsupportedRequestMethod(format!("no call of the hub sends {what}")),
    ))
}

impl<E: FromServerFnError> ClientReq<E> for Call {
    type FormData = String;

    fn try_new_req_query(
        path: &str,
        content_type: &str,
        accepts: &str,
        query: &str,
        method: Method,
    ) -> Result<Self, E> {
        let (content_type, accept) = (content_type.to_owned(), accepts.to_owned());
        Ok(Self {
            url: format!("{path}?{query}"),
            method,
            content_type,
            accept,
            body: None,
        })
    }

    fn try_new_req_text(
        path: &str,
        content_type: &str,
        accepts: &str,
        body: String,
        method: Method,
    ) -> Result<Self, E> {
        let (content_type, accept) = (content_type.to_owned(), accepts.to_owned());
        Ok(Self {
            url: path.to_owned(),
            method,
            content_type,
            accept,
            body: Some(body),
        })
    }

    /// JSON comes as bytes.
    fn try_new_req_bytes(
        path: &str,
        content_type: &str,
        accepts: &str,
        body: Bytes,
        method: Method,
    ) -> Result<Self, E> {
        match String::from_utf8(body.into()) {
            Ok(text) => {
                <Self as ClientReq<E>>::try_new_req_text(path, content_type, accepts, text, method)
            }
            Err(_) => refused("bytes that are no text"),
        }
    }

    fn try_new_req_form_data(
        path: &str,
        accepts: &str,
        content_type: &str,
        body: String,
        method: Method,
    ) -> Result<Self, E> {
        <Self as ClientReq<E>>::try_new_req_text(path, content_type, accepts, body, method)
    }

    fn try_new_req_multipart(_: &str, _: &str, _: String, _: Method) -> Result<Self, E> {
        refused("parts")
    }

    fn try_new_req_streaming(
        _: &str,
        _: &str,
        _: &str,
        _: impl Stream<Item = Bytes> + Send + 'static,
        _: Method,
    ) -> Result<Self, E> {
        refused("a stream")
    }
}

/// The answer to a call.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) status_text: String,
    pub(super) location: String,
    pub(super) redirects: bool,
    pub(super) body: String,
}

impl<E: FromServerFnError> ClientRes<E> for Answer {
    async fn try_into_string(self) -> Result<String, E> {
        Ok(self.body)
    }

    async fn try_into_bytes(self) -> Result<Bytes, E> {
        Ok(self.body.into())
    }

    fn try_into_stream(
        self,
    ) -> Result<impl Stream<Item = Result<Bytes, Bytes>> + Send + Sync + 'static, E> {
        Ok(stream::iter([Ok(Bytes::from(self.body))]))
    }

    fn status(&self) -> u16 {
        self.status
    }

    fn status_text(&self) -> String {
        self.status_text.clone()
    }

    fn location(&self) -> String {
        self.location.clone()
    }

    fn has_redirect(&self) -> bool {
        self.redirects
    }
}
