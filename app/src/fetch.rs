//! How the browser calls server functions: within 30 seconds, and reads again when the hub did not answer. A write is
//! never repeated. On the server these types only have to exist.

mod request;

use std::future::Future;

use futures::{Sink, Stream, sink, stream};
use leptos::__reexports::send_wrapper::SendWrapper;
use leptos::prelude::window;
use leptos::reactive::spawn_local;
use leptos::server_fn::Bytes;
use leptos::server_fn::client::Client;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::redirect::REDIRECT_HEADER;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

pub use request::{Answer, Call};

/// Milliseconds that an answer may take.
const TIMEOUT_MS: u32 = 30_000;
/// Milliseconds before the second try, doubled for each further one.
const FIRST_PAUSE_MS: i32 = 500;

/// Calls that change nothing: three tries.
pub type Reads = Browser<3>;
/// Calls that change something: one try.
pub type Writes = Browser<1>;

/// The browser, which tries so many times.
pub struct Browser<const TRIES: u32>;

impl<E: FromServerFnError, I, O, const TRIES: u32> Client<E, I, O> for Browser<TRIES> {
    type Request = Call;
    type Response = Answer;

    fn send(call: Call) -> impl Future<Output = Result<Answer, E>> + Send {
        SendWrapper::new(async move {
            let mut pause_ms = FIRST_PAUSE_MS;
            for _ in 1..TRIES {
                match sent(&call).await {
                    Ok(answer) if !matches!(answer.status, 502..=504) => return Ok(answer),
                    _ => sleep(pause_ms).await,
                }
                pause_ms *= 2;
            }
            sent(&call).await.map_err(|cause| {
                E::from_server_fn_error(ServerFnErrorErr::Request(format!("{cause:?}")))
            })
        })
    }

    fn open_websocket(
        _path: &str,
    ) -> impl Future<
        Output = Result<
            (
                impl Stream<Item = Result<Bytes, Bytes>> + Send + 'static,
                impl Sink<Bytes> + Send + 'static,
            ),
            E,
        >,
    > + Send {
        let refused = ServerFnErrorErr::UnsupportedRequestMethod(
            "no call of the hub uses a web socket".to_owned(),
        );
        async { Err::<(stream::Empty<_>, sink::Drain<_>), _>(E::from_server_fn_error(refused)) }
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        spawn_local(future);
    }
}

/// Sends a call once and reads the whole answer.
async fn sent(call: &Call) -> Result<Answer, JsValue> {
    let response =
        JsFuture::from(window().fetch_with_str_and_init(&call.url, &call.init(TIMEOUT_MS)?))
            .await?;
    let response: web_sys::Response = response.dyn_into()?;
    let header = |name| response.headers().get(name).ok().flatten();
    Ok(Answer {
        status: response.status(),
        status_text: response.status_text(),
        location: header("Location").unwrap_or_else(|| response.url()),
        redirects: header(REDIRECT_HEADER).is_some(),
        body: JsFuture::from(response.text()?)
            .await?
            .as_string()
            .unwrap_or_default(),
    })
}

/// Ends after so many milliseconds.
async fn sleep(milliseconds: i32) {
    let timer = js_sys::Promise::new(&mut |resolve, _| {
        // Without a timer the promise never ends, and neither did the call: the browser is going away.
        let _ =
            window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    // The promise is only ever resolved.
    let _ = JsFuture::from(timer).await;
}
