//! What changes while a page is open: one stream of events per page, whose rows are handed to whoever shows them.

use hub::list::JobRow;
use leptos::__reexports::send_wrapper::SendWrapper;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

/// Watches the stream of events at `url`, when there is one, for as long as the page stands; the browser connects again
/// by itself. Does nothing on the server.
pub fn watch(
    url: impl Fn() -> Option<String> + 'static,
    on_row: impl Fn(JobRow) + Clone + 'static,
) {
    Effect::new(move |_| {
        let Some(Ok(source)) = url().map(|url| EventSource::new(&url)) else {
            return;
        };
        let on_row = on_row.clone();
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let text = event.data().as_string().unwrap_or_default();
            // A row that cannot be read comes from another version of the hub: the page stays as it is.
            if let Ok(row) = serde_json::from_str(&text) {
                on_row(row);
            }
        });
        // Only a name that is no text is refused.
        let _ = source.add_event_listener_with_callback("job", heard.as_ref().unchecked_ref());
        let open = SendWrapper::new((source, heard));
        on_cleanup(move || open.take().0.close());
    });
}

/// Whether what was asked for last has not been answered; false on the server.
///
/// In place of `set_pending` of `<Transition>`, which works on the server too, for nobody, and panics there when two
/// threads look at once.
pub fn awaits(asked: impl Fn() + 'static, answered: impl Fn() + 'static) -> ReadSignal<bool> {
    let (awaiting, set_awaiting) = signal(false);
    Effect::new(move |_| {
        asked();
        set_awaiting.set(true);
    });
    Effect::new(move |_| {
        answered();
        set_awaiting.set(false);
    });
    awaiting
}

/// Calls `act` soon, and at most once in `pause_ms` milliseconds, however often it is asked to.
pub fn at_most_every(
    pause_ms: u64,
    act: impl Fn() + Clone + 'static,
) -> impl Fn() + Clone + 'static {
    let (waiting, again) = (StoredValue::new(false), StoredValue::new(false));
    move || {
        if waiting.get_value() {
            again.set_value(true);
            return;
        }
        waiting.set_value(true);
        act();
        let act = act.clone();
        let after = move || {
            // Nothing is left to do when the page is gone.
            let asked = again.try_update_value(std::mem::take).unwrap_or_default();
            let _ = waiting.try_set_value(false);
            if asked {
                act();
            }
        };
        set_timeout(after, std::time::Duration::from_millis(pause_ms));
    }
}

/// Calls `act` when the page is looked at: at once, or as soon as its tab is opened again, however often it is asked to.
pub fn when_seen(act: impl Fn() + Clone + 'static) -> impl Fn() + Clone + 'static {
    let missed = StoredValue::new(false);
    let opened = act.clone();
    Effect::new(move |_| {
        let opened = opened.clone();
        let listener = window_event_listener_untyped("visibilitychange", move |_| {
            let asked = !document().hidden() && missed.get_value();
            if asked {
                missed.set_value(false);
                opened();
            }
        });
        on_cleanup(move || listener.remove());
    });
    move || {
        if document().hidden() {
            missed.set_value(true);
        } else {
            act();
        }
    }
}

/// A clock that a page which is open goes by: the moment it was made, then every half minute the browser's own.
pub fn clock(made: Signal<hub::time::Timestamp>) -> Signal<hub::time::Timestamp> {
    let ticked = RwSignal::new(None);
    Effect::new(move |_| {
        let tick = move || ticked.set(Some(crate::time::browser_now()));
        if let Ok(timer) = set_interval_with_handle(tick, std::time::Duration::from_secs(30)) {
            on_cleanup(move || timer.clear());
        }
    });
    Signal::derive(move || ticked.get().unwrap_or_else(|| made.get()))
}
