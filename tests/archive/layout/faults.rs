//! Objects that do not keep their word, and readers that go away.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyDataStream, BodyExt};
use shared::archive::plan::{BUFFER_LIMIT, Entry, Plan};
use shared::archive::send::{Contents, send};
use shared::error::BoxError;
use shared::http::body;
use shared::storage::Fetched;
use tests::arbitrary;
use tests::client::PATIENCE;
use tests::memory::{Content, Memory};

use super::{block_on, content, every_kind, plan, receive, whole};

/// How an object can break its word.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It cannot be opened: changed, vanished.
    Refused,
    /// It is announced one byte shorter or longer than it was listed.
    Announced(i64),
    /// Fewer bytes come than announced.
    Short,
    /// More bytes come than announced.
    Long,
    /// The connection breaks, at the start, halfway, or with all bytes there.
    Breaks(u64),
    /// Other bytes come, as many.
    Other,
    /// All of it comes, but by then there is another version of it.
    Changed,
}

/// A folder with one faulty object.
#[derive(Clone)]
struct Faulty {
    sound: Memory,
    key: Box<str>,
    fault: Fault,
}

impl Contents for Faulty {
    fn fetch(
        &self,
        entry: &Entry,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Fetched, BoxError>> + Send + 'static {
        let sound = self.sound.fetch(entry, range);
        let fault = (self.key == entry.key).then_some(self.fault);
        async move {
            let fetched = sound.await?;
            match fault {
                None => Ok(fetched),
                Some(fault) => spoil(fetched, fault).await,
            }
        }
    }

    fn learned(&self, entry: &Entry, crc32: u32) -> impl Future<Output = Result<(), BoxError>> + Send + 'static {
        Contents::learned(&self.sound, entry, crc32)
    }

    async fn unchanged(&self, plan: Arc<Plan>, sent: Range<usize>) -> Result<(), BoxError> {
        let changed =
            matches!(self.fault, Fault::Changed) && plan.entries[sent].iter().any(|entry| entry.key == self.key);
        if changed { Err("another version".into()) } else { Ok(()) }
    }
}

async fn spoil(fetched: Fetched, fault: Fault) -> Result<Fetched, BoxError> {
    let Fetched { body, length, etag, modified, content_type } = fetched;
    let mut bytes = body.collect().await?.to_bytes().to_vec();
    let (mut announced, mut broken) = (length, false);
    match fault {
        Fault::Changed => {}
        Fault::Refused => return Err("412".into()),
        Fault::Announced(by) => announced = length.saturating_add_signed(by),
        Fault::Short => drop(bytes.pop()),
        Fault::Long => bytes.push(0),
        Fault::Breaks(percent) => {
            bytes.truncate(bytes.len() * usize::try_from(percent)? / 100);
            broken = true;
        }
        Fault::Other => *bytes.last_mut().ok_or("nothing to spoil")? ^= 1,
    }
    let frames: Vec<_> = bytes.chunks(100_000).map(|frame| Ok(Bytes::copy_from_slice(frame))).collect();
    let end = broken.then(|| Err("connection reset".into()));
    let body = body::stream(stream::iter(frames.into_iter().chain(end)));
    Ok(Fetched { body, length: announced, etag, modified, content_type })
}

const FAULTS: [Fault; 10] = [
    Fault::Refused,
    Fault::Announced(-1),
    Fault::Announced(1),
    Fault::Short,
    Fault::Long,
    Fault::Breaks(0),
    Fault::Breaks(50),
    Fault::Breaks(100),
    Fault::Other,
    Fault::Changed,
];

#[test]
fn an_object_that_breaks_its_word_breaks_the_archive() {
    let sound = every_kind();
    for known in [true, false] {
        let plan = plan(&sound, &[known]);
        for (index, fault) in faults(&plan, known) {
            let faulty = Faulty { sound: sound.clone(), key: plan.entries[index].key.clone(), fault };
            let sent = block_on(receive(&plan, &faulty, 0..plan.layout.total()));
            let of = format!("{fault:?} of entry {index}, known: {known}");
            assert!(sent.end.is_err(), "{of}: the archive ends as if it were whole");
            // Whoever counts bytes must not be able to take it for whole either.
            assert!((sent.bytes.len() as u64) < plan.layout.total(), "{of}: all bytes were sent");
        }
    }
}

/// Each entry with each fault that it can have. Other bytes of the same length, where no CRC-32 is
/// known, are what the store's `If-Match` excludes.
fn faults(plan: &Plan, known: bool) -> Vec<(usize, Fault)> {
    let indices = (0..plan.entries.len()).filter(|index| plan.entries[*index].size > 0);
    let pairs = indices.flat_map(|index| FAULTS.map(|fault| (index, fault)));
    pairs.filter(|(_, fault)| known || !matches!(fault, Fault::Other)).collect()
}

/// A range that ends with an object's last byte: there is nothing after it that could still break.
#[test]
fn an_object_that_breaks_its_word_breaks_a_range_that_ends_with_it() {
    let sound = every_kind();
    let plan = plan(&sound, &[true]);
    let bytes = block_on(whole(&plan, &sound));
    // Of those the right bytes come, and an error only after them.
    let right = |fault: &Fault| matches!(fault, Fault::Long | Fault::Breaks(100));
    for (index, fault) in faults(&plan, true).into_iter().filter(|(_, fault)| !right(fault)) {
        let entry = &plan.entries[index];
        let content = content(entry, &sound);
        let start = bytes.windows(content.len()).position(|window| window == content).expect("it is in there") as u64;
        for from in [0, start, start + entry.size / 2] {
            let range = from..start + entry.size;
            if from > start && matches!(fault, Fault::Other) {
                // A part of an object cannot be checked against the CRC-32 of all of it.
                continue;
            }
            let faulty = Faulty { sound: sound.clone(), key: entry.key.clone(), fault };
            let sent = block_on(receive(&plan, &faulty, range.clone()));
            let of = format!("{fault:?} of entry {index} in {range:?}");
            assert!(sent.end.is_err(), "{of}: it ends well");
            assert!((sent.bytes.len() as u64) < range.end - range.start, "{of}: all bytes were sent");
        }
    }
}

/// A folder that counts the reads under way. Of a large object only the first frame ever comes.
#[derive(Clone)]
struct Counted {
    sound: Memory,
    live: Arc<Live>,
}

#[derive(Default)]
struct Live {
    now: AtomicUsize,
    most: AtomicUsize,
    ever: AtomicUsize,
}

struct Guard(Arc<Live>);

impl Guard {
    fn new(live: &Arc<Live>) -> Self {
        live.ever.fetch_add(1, Ordering::Relaxed);
        let now = live.now.fetch_add(1, Ordering::Relaxed) + 1;
        live.most.fetch_max(now, Ordering::Relaxed);
        Self(live.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Contents for Counted {
    fn fetch(
        &self,
        entry: &Entry,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Fetched, BoxError>> + Send + 'static {
        let (sound, guard) = (self.sound.fetch(entry, range), Guard::new(&self.live));
        async move {
            let Fetched { body, length, etag, modified, content_type } = sound.await?;
            let stalls = length > BUFFER_LIMIT;
            let frames = BodyDataStream::new(body).enumerate().then(move |(index, frame)| {
                let _held = &guard;
                async move { if stalls && index > 0 { std::future::pending().await } else { frame } }
            });
            Ok(Fetched { body: body::stream(frames), length, etag, modified, content_type })
        }
    }

    fn learned(&self, entry: &Entry, crc32: u32) -> impl Future<Output = Result<(), BoxError>> + Send + 'static {
        Contents::learned(&self.sound, entry, crc32)
    }

    async fn unchanged(&self, plan: Arc<Plan>, sent: Range<usize>) -> Result<(), BoxError> {
        self.sound.unchanged(plan, sent).await
    }
}

/// The objects that may be under way at once for one archive: those ahead, and the one being sent.
const WINDOW: usize = 64 + 1;

/// A number of bytes that comes before the stall: 200 small objects and some of a large one's first frame.
const BEFORE_STALL: usize = 700_000;

#[test]
fn a_reader_that_goes_away_ends_every_read() {
    let small = (0..200).map(|index| (format!("a{index:03}"), Content::Bytes(arbitrary::bytes(index, 3_000))));
    let large = (0..3).map(|index| (format!("b{index}"), Content::Zeros(3 * BUFFER_LIMIT)));
    let sound = Memory::new(small.chain(large).collect());
    for known in [true, false] {
        let plan = plan(&sound, &[known]);
        for bytes in [0, 1, 50_000, 200_000, 400_000, 600_000, BEFORE_STALL] {
            let counted = Counted { sound: sound.clone(), live: Arc::default() };
            let live = counted.live.clone();
            block_on(async {
                let mut sending = Box::pin(send(plan.clone(), counted, 0..plan.layout.total(), Duration::ZERO));
                let mut received = 0;
                while received <= bytes {
                    received += sending.next().await.expect("there is more").expect("nothing is wrong").len();
                }
                drop(sending);
                let all_ended = async {
                    while live.now.load(Ordering::Relaxed) > 0 {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::time::timeout(PATIENCE, all_ended).await.expect("every read ends");
            });
            assert!(live.ever.load(Ordering::Relaxed) > 0, "nothing was read");
            let most = live.most.load(Ordering::Relaxed);
            assert!(most <= WINDOW, "{most} reads at once");
        }
    }
}

/// A folder whose large objects lose their connection on the way, each time it is opened but the last.
#[derive(Clone)]
struct Interrupted {
    sound: Memory,
    left: Arc<AtomicUsize>,
}

impl Contents for Interrupted {
    fn fetch(
        &self,
        entry: &Entry,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Fetched, BoxError>> + Send + 'static {
        let sound = self.sound.fetch(entry, range);
        let breaks = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        async move {
            let fetched = sound.await?;
            let length = fetched.length;
            let fetched = if breaks { spoil(fetched, Fault::Breaks(40)).await? } else { fetched };
            Ok(Fetched { length, ..fetched })
        }
    }

    fn learned(&self, entry: &Entry, crc32: u32) -> impl Future<Output = Result<(), BoxError>> + Send + 'static {
        Contents::learned(&self.sound, entry, crc32)
    }

    async fn unchanged(&self, plan: Arc<Plan>, sent: Range<usize>) -> Result<(), BoxError> {
        self.sound.unchanged(plan, sent).await
    }
}

#[test]
fn the_rest_of_an_object_whose_connection_broke_is_asked_for() {
    let content = arbitrary::bytes(5, 1_000_000);
    let sound = Memory::new(vec![("a".to_owned(), Content::Bytes(content))]);
    for known in [true, false] {
        let plan = plan(&sound, &[known]);
        for (breaks, is_whole) in [(0, true), (1, true), (3, true), (4, false)] {
            let interrupted = Interrupted { sound: sound.clone(), left: Arc::new(AtomicUsize::new(breaks)) };
            let sent = block_on(receive(&plan, &interrupted, 0..plan.layout.total()));
            assert_eq!(sent.end.is_ok(), is_whole, "{breaks} breaks, known: {known}");
            assert!(!is_whole || sent.bytes == block_on(whole(&plan, &sound)), "{breaks} breaks, known: {known}");
        }
    }
}
