//! The commit thread: the only writer of the index.
//!
//! It drains whatever jobs are queued into one durable transaction (group commit): while one batch is
//! being synced to disk the next one gathers. A job decides inside the transaction, so two racing
//! conditional writes see each other whatever their batch. An answer is sent only after the commit is
//! durable; blobs are removed only after that; events are sent in commit order.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use s3s::{S3Error, S3Result};
use tokio::sync::{mpsc, oneshot};

use super::blobs::Blobs;
use super::error::{Refusal, internal};
use super::event::Subscribers;
use super::index::Index;
use super::writer::{Effects, Writer};

/// Jobs that may wait; a job carries at most one inline body (64 KiB), so 64 MiB at the worst.
const QUEUE_LIMIT: usize = 1024;
/// Jobs in one transaction.
const BATCH_LIMIT: usize = 512;

/// Works inside the shared transaction; answers what has to happen when its fate is known.
type Job = Box<dyn FnOnce(&mut Writer<'_>) -> Result<Answer, redb::Error> + Send>;
/// Sends the answer, or the error when the commit failed.
type Answer = Box<dyn FnOnce(Result<(), S3Error>) + Send>;

/// The door to the commit thread.
pub(super) struct Commits {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Commits {
    pub(super) fn start(index: Index, blobs: Arc<Blobs>, subscribers: Arc<Subscribers>) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE_LIMIT);
        let committer = Committer { index, blobs, subscribers, jobs };
        let thread = std::thread::Builder::new().name("store-commit".into()).spawn(move || committer.run())?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    /// Runs `job` in the next transaction and waits until that is durable.
    ///
    /// # Errors
    /// What the job refuses with, or `InternalError` when the transaction could not be committed.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> S3Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |writer| match job(writer) {
            Ok(value) => Ok(Box::new(|fate: Result<(), S3Error>| drop(sender.send(fate.map(|()| value))))),
            Err(Refusal::Request(error)) => Ok(Box::new(|_| drop(sender.send(Err(error))))),
            Err(Refusal::Storage(error)) => Err(error),
        });
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or_else(|| internal("the store is closed"))?;
        queue.send(job).await.map_err(|_| internal("the commit thread has ended"))?;
        receiver.await.map_err(|_| internal("the transaction failed"))?
    }

    /// Lets the queued jobs finish and stops the thread; a second call waits for nothing.
    pub(super) fn stop(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the commit thread panicked");
        }
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Committer {
    index: Index,
    blobs: Arc<Blobs>,
    subscribers: Arc<Subscribers>,
    jobs: mpsc::Receiver<Job>,
}

impl Committer {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_LIMIT);
        while self.jobs.blocking_recv_many(&mut batch, BATCH_LIMIT) > 0 {
            // A batch that fails drops its jobs, and with them the callers' receivers: they hear an
            // internal error. Its new blobs stay: whether their rows are on disk is not known.
            if let Err(error) = self.commit(batch.drain(..)) {
                tracing::error!(%error, "a transaction of the store failed");
            }
        }
    }

    fn commit(&self, batch: impl Iterator<Item = Job>) -> Result<(), redb::Error> {
        let transaction = self.index.begin_write()?;
        let (answers, effects) = apply(&transaction, batch)?;
        if !effects.changed {
            transaction.abort()?;
            answers.into_iter().for_each(|answer| answer(Ok(())));
            return Ok(());
        }
        let fate = transaction.commit();
        effects.kept.into_iter().for_each(super::blobs::NewBlob::keep);
        fate?;
        answers.into_iter().for_each(|answer| answer(Ok(())));
        self.subscribers.publish(effects.events);
        self.blobs.discard(&effects.freed);
        Ok(())
    }
}

fn apply(
    transaction: &redb::WriteTransaction,
    batch: impl Iterator<Item = Job>,
) -> Result<(Vec<Answer>, Effects), redb::Error> {
    let mut writer = match Writer::open(transaction) {
        Ok(writer) => writer,
        Err(Refusal::Storage(error)) => return Err(error),
        Err(Refusal::Request(_)) => return Ok((Vec::new(), Effects::default())),
    };
    let answers = batch.map(|job| job(&mut writer)).collect::<Result<_, _>>()?;
    Ok((answers, writer.effects))
}
