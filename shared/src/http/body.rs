//! Bodies are streams, in both directions, from the socket to the store.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, stream};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyDataStream, BodyExt, Empty, Full, Limited, StreamBody};

use crate::error::{BoxError, Error, Kind, chain};

/// A request or response body. hyper, lambda_http and the store's client all take and give this
/// shape, so an adapter only boxes; no byte is copied.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// No bytes.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Bytes already in memory.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Bytes as they are made. An `Err` breaks the connection: the caller can never take what was sent
/// so far for the whole.
pub fn stream<S>(chunks: S) -> Body
where
    S: Stream<Item = Result<Bytes, BoxError>> + Send + 'static,
{
    StreamBody::new(chunks.map_ok(Frame::data)).boxed_unsync()
}

/// Any body, boxed.
pub fn boxed<B>(body: B) -> Body
where
    B: http_body::Body + Send + 'static,
    B::Data: Buf,
    B::Error: Into<BoxError>,
{
    body.map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
        .map_err(Into::into)
        .boxed_unsync()
}

/// A body that fails, with [`Elapsed`](tokio::time::error::Elapsed), once nothing has come of it for `limit`. Between
/// two frames others get their turn.
pub fn impatient(body: Body, limit: Duration) -> Body {
    let frames = stream::unfold(BodyDataStream::new(body), move |mut frames| async move {
        tokio::task::yield_now().await;
        match tokio::time::timeout(limit, frames.try_next()).await {
            Ok(frame) => Some((frame.transpose()?, frames)),
            Err(elapsed) => Some((Err(BoxError::from(elapsed)), frames)),
        }
    });
    // Some ask again after the end.
    stream(frames.fuse())
}

/// Reads a whole body of at most `limit` bytes; 413 beyond it, 400 when the caller broke off.
pub async fn collect(body: Body, limit: u64) -> Result<Bytes, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Boxed, or the compiler does not see that a handler that awaits this is `Send`.
    match Limited::new(body, limit).collect().boxed().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(cause) => Err(refusal(cause)),
    }
}

/// What to answer when reading a request body failed with `cause`.
pub fn refusal(cause: BoxError) -> Error {
    if cause.is::<http_body_util::LengthLimitError>() {
        Error::new(Kind::TooLarge, "Request body is too large.")
    } else if cause.is::<tokio::time::error::Elapsed>() {
        Error::invalid("The request body stands still.").caused_by(cause)
    } else {
        Error::invalid("The request body ended early.").caused_by(cause)
    }
}

/// A response body that tells `watch` how it went: bytes sent, and whether it reached its end.
pub(super) struct Watched<W: FnOnce(u64, End)> {
    inner: Body,
    /// What Content-Length promised: hyper stops polling there, without asking for the end.
    expected: Option<u64>,
    sent: u64,
    watch: Option<W>,
}

/// How a response body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Every byte was handed to the connection.
    Complete,
    /// The body failed or was short of its promised length; the connection is broken on purpose.
    Aborted(String),
    /// The client went away first.
    Dropped,
}

impl<W: FnOnce(u64, End) + Unpin> Watched<W> {
    pub(super) fn new(inner: Body, expected: Option<u64>, watch: W) -> Self {
        Self { inner, expected, sent: 0, watch: Some(watch) }
    }
}

impl<W: FnOnce(u64, End)> Watched<W> {
    /// How a body that has nothing more to give has gone.
    fn ended(&self) -> End {
        if self.expected.is_none_or(|length| length == self.sent) {
            End::Complete
        } else {
            End::Aborted("shorter than announced".to_owned())
        }
    }

    fn report(&mut self, end: End) {
        if let Some(watch) = self.watch.take() {
            watch(self.sent, end);
        }
    }
}

impl<W: FnOnce(u64, End) + Unpin> http_body::Body for Watched<W> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.inner.is_end_stream() || self.expected == Some(self.sent) {
                    let end = self.ended();
                    self.report(end);
                }
            }
            Poll::Ready(Some(Err(cause))) => self.report(End::Aborted(chain(cause.as_ref()))),
            Poll::Ready(None) => {
                let end = self.ended();
                self.report(end);
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<W: FnOnce(u64, End)> Drop for Watched<W> {
    fn drop(&mut self) {
        let over = http_body::Body::is_end_stream(&self.inner) || self.expected == Some(self.sent);
        let end = if over { self.ended() } else { End::Dropped };
        self.report(end);
    }
}
