//! Sends an archive: walks the pieces of its layout and fetches contents a little ahead.
//!
//! Frames of a large object go through untouched. Small objects, headers and records are gathered into
//! frames of some size, so that an archive of many small files costs few writes. The window ahead is
//! bounded in count and bytes; nothing else is held, however large the archive. Dropping the stream
//! aborts every read under way.

use std::collections::HashMap;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt, stream};
use http_body_util::BodyDataStream;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::ahead::{Ahead, Content};
use super::checksums::IDLE_LIMIT;
use super::layout::{self, BLOCK, Form, Part, Piece, Pieces, block_header};
use super::plan::{Entry, Plan};
use crate::error::BoxError;
use crate::http::Body;
use crate::storage::Fetched;

/// Gathered bytes are sent on once they are as many as this.
const GATHER: usize = 64 * 1024;

/// A frame up to this size is gathered: copying it costs less than a write of its own.
const SMALL_FRAME: usize = 16 * 1024;

/// How often the rest of one object is asked for after its connection broke.
const REOPEN_LIMIT: u32 = 3;

/// Where contents come from and checksums go to.
pub trait Contents: Clone + Send + Sync + 'static {
    /// Starts to read an entry's object, in the version of the plan, or a range of it.
    fn fetch(
        &self,
        entry: &Entry,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Fetched, BoxError>> + Send + 'static;

    /// Records a CRC-32 that was not known before.
    fn learned(&self, entry: &Entry, crc32: u32) -> impl Future<Output = Result<(), BoxError>> + Send + 'static;

    /// Fails unless these entries' objects are still there in the version of the plan.
    fn unchanged(&self, plan: Arc<Plan>, sent: Range<usize>) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// The bytes of a range of an archive. An `Err` means that an object has changed, vanished or stalled:
/// what was sent so far is then no archive and must not look like one. A part of an archive that is not
/// settled yet ([`Plan::is_settled`]) is an `Err` at once: its bytes do not exist.
pub fn send<C: Contents>(
    plan: Arc<Plan>,
    contents: C,
    range: Range<u64>,
    delay: Duration,
) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    let exists = range == (0..plan.layout.total()) || plan.is_settled();
    let sending = Box::new(Sending {
        left: range.end - range.start,
        sent: None,
        pieces: Pieces::new(&plan.layout, range.clone()),
        ahead: Ahead::new(Pieces::new(&plan.layout, range)),
        plan,
        contents,
        state: State::Between,
        gathered: BytesMut::new(),
        waiting: None,
        held: None,
        learned: HashMap::new(),
        records: JoinSet::new(),
    });
    let chunks = stream::try_unfold(sending, move |mut sending| async move {
        if !exists {
            return Err("a part of what is not settled".into());
        }
        let chunk = sending.next().await?;
        Ok(chunk.map(|chunk| (chunk, sending)))
    });
    paced(chunks, delay)
}

struct Sending<C> {
    plan: Arc<Plan>,
    contents: C,
    /// Bytes still to be sent.
    left: u64,
    /// The entries that bytes were sent of.
    sent: Option<Range<usize>>,
    pieces: Pieces,
    ahead: Ahead,
    state: State,
    /// Bytes on their way out.
    gathered: BytesMut,
    /// A large frame that follows the gathered bytes.
    waiting: Option<Bytes>,
    /// The content of a small object whose header had to wait for its CRC-32.
    held: Option<Bytes>,
    /// CRC-32s found while sending, by entry.
    learned: HashMap<usize, u32>,
    /// Their records being written.
    records: JoinSet<Result<(), BoxError>>,
}

enum State {
    /// The next piece is to be looked at.
    Between,
    /// This piece needs the content in front of the window.
    Waiting(Piece),
    /// An object is passing through.
    Streaming(Passing),
}

impl<C: Contents> Sending<C> {
    /// The next chunk; `None` at the end. The last one is only let go when every object it belongs to is
    /// still what it was: a store may finish a read that began before a change as if nothing had happened.
    async fn next(&mut self) -> Result<Option<Bytes>, BoxError> {
        let Some(chunk) = self.make().await? else {
            return if self.left == 0 { Ok(None) } else { Err("the archive is shorter than its layout".into()) };
        };
        self.left = self.left.checked_sub(chunk.len() as u64).ok_or("the archive is longer than its layout")?;
        if let (0, Some(sent)) = (self.left, &self.sent) {
            self.contents.unchanged(self.plan.clone(), sent.clone()).await?;
        }
        Ok(Some(chunk))
    }

    async fn make(&mut self) -> Result<Option<Bytes>, BoxError> {
        loop {
            if self.gathered.len() >= GATHER || (self.waiting.is_some() && !self.gathered.is_empty()) {
                return Ok(Some(self.gathered.split().freeze()));
            }
            if let Some(frame) = self.waiting.take() {
                return Ok(Some(frame));
            }
            match std::mem::replace(&mut self.state, State::Between) {
                State::Streaming(passing) => self.pass(passing).await?,
                State::Waiting(piece) => {
                    self.ahead.fill(&self.plan, &self.contents);
                    if !self.gathered.is_empty() && !self.ahead.is_ready() {
                        // Nothing is kept from the reader while the store is being waited for.
                        self.state = State::Waiting(piece);
                        return Ok(Some(self.gathered.split().freeze()));
                    }
                    let content = self.ahead.take().await?;
                    self.begin(piece, content)?;
                }
                State::Between => {
                    let plan = &self.plan;
                    match self.pieces.next(&plan.layout, |index| plan.member(index)) {
                        Some(piece) => self.piece(piece).await?,
                        None if self.gathered.is_empty() => return Ok(None),
                        None => return Ok(Some(self.gathered.split().freeze())),
                    }
                }
            }
        }
    }

    /// Writes a piece, or waits for the content that it needs.
    async fn piece(&mut self, piece: Piece) -> Result<(), BoxError> {
        if let Part::Header(index) | Part::Content(index) = piece.part {
            self.sent = Some(self.sent.as_ref().map_or(index, |sent| sent.start)..index + 1);
        }
        match piece.part {
            Part::Header(index) if self.plan.entries[index].is_buffered() => self.state = State::Waiting(piece),
            Part::Content(_) => match self.held.take() {
                Some(content) => self.emit(content),
                None => self.state = State::Waiting(piece),
            },
            Part::End => {
                self.finish_records().await;
                self.write(&piece)?;
            }
            _ => self.write(&piece)?,
        }
        Ok(())
    }

    /// Goes on with a piece whose content has come.
    fn begin(&mut self, piece: Piece, content: Content) -> Result<(), BoxError> {
        match (piece.part, content) {
            (Part::Header(index), Content::Whole(bytes)) => {
                self.learn(index, crc32fast::hash(&bytes));
                self.held = Some(bytes);
                self.write(&piece)
            }
            (Part::Content(index), Content::Whole(bytes)) => {
                if piece.whole {
                    self.verify(index, crc32fast::hash(&bytes))?;
                }
                self.emit(bytes);
                Ok(())
            }
            (Part::Content(index), Content::Stream(body)) => {
                let (form, member) = (self.plan.entries[index].form(), self.plan.member(index));
                let empty_block = member.ends_in_empty_block();
                // What is fetched is content; the block headers of the other form are added here.
                let rest = if form == Form::Blocks { 0..member.size } else { piece.bytes };
                let (left, end) = (rest.end - rest.start, rest.end);
                let frames = BodyDataStream::new(body);
                let crc32 = piece.whole.then(crc32fast::Hasher::new);
                let passing = Passing { index, frames, left, end, reopened: 0, crc32, form, block: 0, empty_block };
                self.state = State::Streaming(passing);
                Ok(())
            }
            (part, Content::Stream(_)) => Err(format!("{part:?} cannot wait for a stream").into()),
            (part, Content::Whole(_)) => Err(format!("{part:?} has no content").into()),
        }
    }

    /// Takes the next frame of an object through.
    async fn pass(&mut self, mut passing: Passing) -> Result<(), BoxError> {
        let frame = match tokio::time::timeout(IDLE_LIMIT, passing.frames.try_next()).await {
            Ok(Ok(Some(frame))) => frame,
            Ok(Ok(None)) if passing.left == 0 => return self.passed(passing),
            Ok(Ok(None)) => return self.reopen(passing, "an object's body is short".into()).await,
            Ok(Err(cause)) => return self.reopen(passing, cause).await,
            Err(stalled) => return self.reopen(passing, stalled.into()).await,
        };
        passing.left = passing.left.checked_sub(frame.len() as u64).ok_or("an object's body is long")?;
        if let Some(crc32) = &mut passing.crc32 {
            crc32.update(&frame);
        }
        if passing.left == 0 && passing.form == Form::Stored {
            // Before its last bytes are let go: in a range that ends with them nothing follows that
            // could still break.
            passing.crc32.take().map_or(Ok(()), |crc32| self.verify(passing.index, crc32.finalize()))?;
        }
        match passing.form {
            Form::Stored => self.emit(frame),
            Form::Blocks => passing.write_blocks(&frame, &mut self.gathered),
        }
        self.state = State::Streaming(passing);
        Ok(())
    }

    /// Asks again for the rest of an object whose connection broke: a store ends one whose reader pauses.
    /// What is joined is of one version (`If-Match`), and its CRC-32 is still to be right.
    async fn reopen(&mut self, mut passing: Passing, cause: BoxError) -> Result<(), BoxError> {
        if passing.left == 0 || passing.reopened >= REOPEN_LIMIT {
            return Err(cause);
        }
        passing.reopened += 1;
        let (index, rest) = (passing.index, passing.end - passing.left..passing.end);
        debug!(index, ?rest, %cause, "an object is read on");
        let fetched = self.contents.fetch(&self.plan.entries[index], Some(rest)).await?;
        if fetched.length != passing.left {
            return Err("an object is not of its listed length".into());
        }
        passing.frames = BodyDataStream::new(fetched.body);
        self.state = State::Streaming(passing);
        Ok(())
    }

    fn passed(&mut self, passing: Passing) -> Result<(), BoxError> {
        if passing.empty_block {
            self.gathered.extend_from_slice(&block_header(0, true));
        }
        match passing.crc32 {
            Some(crc32) if passing.form == Form::Blocks => self.learn(passing.index, crc32.finalize()),
            _ => (),
        }
        Ok(())
    }

    /// Sends content on, gathered if it is small.
    fn emit(&mut self, content: Bytes) {
        if content.len() <= SMALL_FRAME {
            self.gathered.extend_from_slice(&content);
        } else {
            self.waiting = Some(content);
        }
    }

    /// Writes a piece that is not content.
    fn write(&mut self, piece: &Piece) -> Result<(), BoxError> {
        let entry = match piece.part {
            Part::Header(index) | Part::Content(index) | Part::Descriptor(index) | Part::Record(index) => {
                Some((self.plan.member(index), self.crc32(index)))
            }
            Part::End => None,
        };
        let start = self.gathered.len();
        layout::write(piece.part, &self.plan.layout, entry, &mut self.gathered);
        if !piece.whole {
            let bytes = piece.bytes.clone();
            let part = self.gathered.split_off(start);
            let (from, to) = (usize::try_from(bytes.start)?, usize::try_from(bytes.end)?);
            self.gathered.extend_from_slice(part.get(from..to).ok_or("a piece is not of its length")?);
        }
        Ok(())
    }

    /// Of an entry, as far as it is known; in a header before its blocks it is not needed.
    fn crc32(&self, index: usize) -> u32 {
        self.plan.entries[index].crc32.or_else(|| self.learned.get(&index).copied()).unwrap_or(0)
    }

    fn verify(&self, index: usize, found: u32) -> Result<(), BoxError> {
        if self.crc32(index) == found { Ok(()) } else { Err("an object's content is not what its CRC-32 says".into()) }
    }

    fn learn(&mut self, index: usize, crc32: u32) {
        self.learned.insert(index, crc32);
        self.records.spawn(self.contents.learned(&self.plan.entries[index], crc32));
        // Collects what is done already, so that the set stays small.
        while let Some(outcome) = self.records.try_join_next() {
            log_failure(outcome);
        }
    }

    /// Records are complete before the last byte is: who asks again after a download has ranges.
    async fn finish_records(&mut self) {
        while let Some(outcome) = self.records.join_next().await {
            log_failure(outcome);
        }
    }
}

/// An object passing through.
struct Passing {
    index: usize,
    frames: BodyDataStream<Body>,
    /// Bytes still to come.
    left: u64,
    /// Where in the object they end.
    end: u64,
    /// How often its rest was asked for.
    reopened: u32,
    /// Of the bytes so far, where all of them pass.
    crc32: Option<crc32fast::Hasher>,
    form: Form,
    /// Bytes still to come of the current block.
    block: u64,
    /// Whether one without content follows the blocks.
    empty_block: bool,
}

impl Passing {
    /// Writes a frame in stored deflate blocks. `left` no longer counts the frame.
    fn write_blocks(&mut self, frame: &[u8], out: &mut BytesMut) {
        let mut rest = frame;
        while !rest.is_empty() {
            if self.block == 0 {
                let left = self.left + rest.len() as u64;
                self.block = left.min(BLOCK);
                let last = left <= BLOCK && !self.empty_block;
                out.extend_from_slice(&block_header(u16::try_from(self.block).unwrap_or(u16::MAX), last));
            }
            let fits = usize::try_from(self.block).map_or(rest.len(), |block| block.min(rest.len()));
            let (head, tail) = rest.split_at(fits);
            out.extend_from_slice(head);
            self.block -= head.len() as u64;
            rest = tail;
        }
    }
}

fn log_failure(outcome: Result<Result<(), BoxError>, tokio::task::JoinError>) {
    // The archive is right without the record; only the next request has no ranges.
    if let Err(cause) = outcome.map_err(BoxError::from).and_then(|recorded| recorded) {
        warn!(%cause, "a CRC-32 was not recorded");
    }
}

/// Waits before each chunk but the first.
fn paced<S>(chunks: S, delay: Duration) -> impl Stream<Item = Result<Bytes, BoxError>> + Send
where
    S: Stream<Item = Result<Bytes, BoxError>> + Send,
{
    let mut first = true;
    chunks.and_then(move |chunk| {
        let pause = if std::mem::take(&mut first) { Duration::ZERO } else { delay };
        async move {
            if !pause.is_zero() {
                // The pause is the point: `--delay` simulates a slow download.
                #[allow(clippy::disallowed_methods)]
                tokio::time::sleep(pause).await;
            }
            Ok(chunk)
        }
    })
}
