//! The scheduler: every store call of every actor waits here. It lets one go on at a time, and may let it fail, or end its
//! actor, before or after the call took effect; all of it decided by a seed.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// How often one client is started again.
const LIVES: u32 = 4;

/// Rounds in which everyone who can gets to the gate.
const ROUNDS: usize = 12;

/// A generator that depends on its seed alone.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `limit`, 0 if that is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % limit.max(1)
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Pass,
    FailBefore,
    FailAfter,
    EndBefore,
    EndAfter,
}

pub(crate) struct Gate {
    state: Mutex<State>,
    /// A call that was let go on has been carried out.
    done: Notify,
}

struct State {
    random: Random,
    faults: u64,
    waiting: Vec<(u64, oneshot::Sender<Order>)>,
    running: bool,
}

impl Gate {
    pub(crate) fn new(seed: u64, faults: u64) -> Self {
        let state = State { random: Random::new(seed ^ 0xABCD), faults, waiting: Vec::new(), running: false };
        Self { state: Mutex::new(state), done: Notify::new() }
    }

    /// A client of the store whose calls wait here.
    pub(crate) fn client(self: &Arc<Self>, store: SharedHttpClient, actor: u64) -> SharedHttpClient {
        let gate = self.clone();
        http_client_fn(move |settings, components| {
            let store = store.http_connector(settings, components);
            SharedHttpConnector::new(Gated { gate: gate.clone(), store, actor })
        })
    }

    /// Lets one of those that wait go on; whose call it was if the actor is to end, `None` if nobody waits.
    fn release(&self) -> Option<Option<u64>> {
        let mut state = self.state.lock().unwrap();
        state.waiting.retain(|(_, call)| !call.is_closed());
        let count = state.waiting.len() as u64;
        if count == 0 {
            return None;
        }
        let chosen = usize::try_from(state.random.below(count)).unwrap();
        let (actor, call) = state.waiting.swap_remove(chosen);
        let faulty = state.random.below(100) < state.faults;
        let kind = state.random.below(4);
        let order = match kind {
            _ if !faulty => Order::Pass,
            0 => Order::FailBefore,
            1 => Order::FailAfter,
            2 => Order::EndBefore,
            _ => Order::EndAfter,
        };
        state.running = call.send(order).is_ok();
        Some(matches!(order, Order::EndBefore | Order::EndAfter).then_some(actor))
    }

    fn finished(&self) {
        self.state.lock().unwrap().running = false;
        self.done.notify_one();
    }

    async fn quiet(&self) {
        while self.state.lock().unwrap().running {
            self.done.notified().await;
        }
        for _ in 0..ROUNDS {
            tokio::task::yield_now().await;
        }
    }
}

/// Runs actors, by their numbers and their lives, until each has finished or has been ended too often.
pub(crate) async fn schedule(gate: &Arc<Gate>, actors: u64, start: impl Fn(u64, u32) -> JoinHandle<()>) {
    let mut running: Vec<(JoinHandle<()>, u32)> = (0..actors).map(|actor| (start(actor, 0), 0)).collect();
    loop {
        gate.quiet().await;
        match gate.release() {
            Some(None) => {}
            Some(Some(actor)) => {
                gate.quiet().await;
                let index = usize::try_from(actor).unwrap();
                running[index].0.abort();
                let _ = (&mut running[index].0).await;
                running[index].1 += 1;
                let life = running[index].1;
                running[index].0 = if life < LIVES { start(actor, life) } else { tokio::spawn(async {}) };
            }
            None if running.iter().all(|(task, _)| task.is_finished()) => break,
            None => {}
        }
    }
    for (task, _) in running {
        task.await.unwrap();
    }
}

struct Gated {
    gate: Arc<Gate>,
    store: SharedHttpConnector,
    actor: u64,
}

impl fmt::Debug for Gated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gated({})", self.actor)
    }
}

impl HttpConnector for Gated {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (gate, store, actor) = (self.gate.clone(), self.store.clone(), self.actor);
        HttpConnectorFuture::new_boxed(Box::pin(async move {
            // A body may be made of what other calls bring: those come first.
            let mut request = request;
            let body = std::mem::replace(request.body_mut(), SdkBody::taken());
            let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
            *request.body_mut() = SdkBody::from(body);
            let (call, order) = oneshot::channel();
            gate.state.lock().unwrap().waiting.push((actor, call));
            let mut told = Told { gate: &gate, order };
            let Ok(order) = (&mut told.order).await else { return std::future::pending().await };
            let running = Running(&gate);
            let failed = || Err(ConnectorError::user("a fault of the schedule".into()));
            if order == Order::FailBefore {
                return failed();
            }
            if order == Order::EndBefore {
                drop(running);
                return std::future::pending().await;
            }
            let response = store.call(request).await?;
            // All of it now, so that nothing of the call is left to happen later.
            let response = response.map(|body: SdkBody| body.collect());
            let (status, headers) = (response.status(), response.headers().clone());
            let bytes = response.into_body().await.map_err(|cause| ConnectorError::other(cause, None))?.to_bytes();
            let mut whole =
                aws_smithy_runtime_api::client::orchestrator::HttpResponse::new(status, SdkBody::from(bytes));
            *whole.headers_mut() = headers;
            drop(running);
            match order {
                Order::FailAfter => failed(),
                Order::EndAfter => std::future::pending().await,
                _ => Ok(whole),
            }
        }))
    }
}

/// A call that waits for its order. One that is dropped with an order that it did not see is over.
struct Told<'a> {
    gate: &'a Gate,
    order: oneshot::Receiver<Order>,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if self.order.try_recv().is_ok() {
            self.gate.finished();
        }
    }
}

/// A call under way; over when it is dropped, however that comes.
struct Running<'a>(&'a Gate);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.finished();
    }
}
