//! Clients: they send blocks in any order and size, ask what is missing, and finish what they find complete.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use shared::error::Error;
use shared::storage::Storage;
use shared::uploads::rope::Rope;
use shared::uploads::{Phase, Upload};

use crate::model::gate::Random;

/// Blocks that one client sends before it rests.
const BLOCKS: u64 = 3;

/// Long enough for any schedule.
pub(super) const BUDGET: Duration = Duration::from_secs(600);

/// What one client wrote, and when.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) range: Range<u64>,
    pub(super) client: u64,
    pub(super) began: u64,
    /// When it was acknowledged, if it was.
    pub(super) acknowledged: Option<u64>,
}

/// Everything that was written.
#[derive(Clone, Default)]
pub(super) struct Writes {
    list: Arc<Mutex<Vec<Write>>>,
    clock: Arc<AtomicU64>,
}

impl Writes {
    pub(super) fn list(&self) -> Vec<Write> {
        self.list.lock().unwrap().clone()
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn begin(&self, range: Range<u64>, client: u64) -> usize {
        let began = self.now();
        let mut list = self.list.lock().unwrap();
        list.push(Write { range, client, began, acknowledged: None });
        list.len() - 1
    }

    fn acknowledge(&self, index: usize) {
        let now = self.now();
        self.list.lock().unwrap()[index].acknowledged = Some(now);
    }

    fn acknowledged(&self) -> Vec<Range<u64>> {
        let list = self.list.lock().unwrap();
        list.iter().filter(|write| write.acknowledged.is_some()).map(|write| write.range.clone()).collect()
    }
}

#[derive(Clone)]
pub(super) struct Client {
    pub(super) storage: Storage,
    pub(super) id: String,
    pub(super) number: u64,
    pub(super) content: Bytes,
    pub(super) cancels: bool,
}

impl Client {
    /// Sends some blocks. An error of the store is met like a broken connection: by trying again.
    pub(super) async fn run(self, writes: Writes, seed: u64) {
        let mut random = Random::new(seed ^ (self.number << 40));
        for _ in 0..BLOCKS {
            if let Ok(Phase::Ended { settled: true, .. }) = self.step(&writes, &mut random).await {
                return;
            }
        }
    }

    /// Sends all that is missing, until the upload has ended and everything that follows has happened.
    pub(super) async fn complete(&self, writes: &Writes) -> Phase {
        loop {
            let upload = self.open().await.unwrap();
            let mut standing = upload.standing().await.unwrap();
            if let Phase::Open = standing.phase {
                for range in self.missing(&upload, writes).await.unwrap() {
                    self.write(&upload, writes, range).await.unwrap();
                }
                standing = upload.standing().await.unwrap();
            }
            let phase = upload.proceed(&mut standing, BUDGET).await.unwrap();
            if let Phase::Ended { settled: true, .. } = phase {
                return phase;
            }
        }
    }

    async fn step(&self, writes: &Writes, random: &mut Random) -> Result<Phase, Error> {
        let upload = self.open().await?;
        let mut standing = upload.standing().await?;
        if matches!(standing.phase, Phase::Open) {
            if self.cancels && random.below(4) == 0 {
                return upload.cancel(&mut standing).await;
            }
            let missing = self.missing(&upload, writes).await?;
            let range = self.choose(&missing, random);
            if !range.is_empty() {
                self.write(&upload, writes, range).await?;
                standing = upload.standing().await?;
            }
        }
        upload.proceed(&mut standing, BUDGET).await
    }

    async fn open(&self) -> Result<Upload, Error> {
        Ok(Upload::open(&self.storage, &self.id).await?.expect("the upload exists"))
    }

    /// What is missing; nothing of it was acknowledged before it was asked for.
    async fn missing(&self, upload: &Upload, writes: &Writes) -> Result<Vec<Range<u64>>, Error> {
        let acknowledged = writes.acknowledged();
        let standing = upload.standing().await?;
        if standing.phase != Phase::Open {
            return Ok(Vec::new());
        }
        let missing = upload.missing(&standing, 100).await?;
        for gap in &missing {
            let lost = acknowledged.iter().find(|range| range.start < gap.end && gap.start < range.end);
            assert!(lost.is_none(), "upload {}: {lost:?} was acknowledged and {gap:?} is missing", self.id);
        }
        Ok(missing)
    }

    /// Mostly something that is missing, now and then anything.
    fn choose(&self, missing: &[Range<u64>], random: &mut Random) -> Range<u64> {
        let size = self.content.len() as u64;
        let whole = 0..size;
        let gap = match missing.len() as u64 {
            0 => &whole,
            count if random.below(4) > 0 => &missing[usize::try_from(random.below(count)).unwrap()],
            _ => &whole,
        };
        let start = gap.start + random.below(gap.end - gap.start);
        let far = random.below(3) == 0;
        let length = 1 + random.below(if far { size } else { gap.end - start });
        start..(start + length).min(size)
    }

    async fn write(&self, upload: &Upload, writes: &Writes, range: Range<u64>) -> Result<(), Error> {
        let mut standing = upload.standing().await?;
        if standing.phase != Phase::Open {
            return Ok(());
        }
        let part = self.content.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap());
        let index = writes.begin(range.clone(), self.number);
        upload.write(&mut standing, range.start, &Rope::from(part)).await?;
        writes.acknowledge(index);
        Ok(())
    }
}
