//! Sound on its way from an engine: samples at one rate, made ahead by a bounded amount.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::error::{BoxError, Error, Kind};

/// Samples at a time.
const CHUNK: usize = 8192;

/// How many chunks an engine may be ahead of whoever listens: about half a minute, so that the next phrase is made while
/// the last one is encoded.
const AHEAD: usize = 64;

/// How long whoever listens may take nothing: there is half a minute of sound on its way then, and an engine with its
/// process waits.
const LISTENER_LIMIT: Duration = Duration::from_secs(120);

/// The longest sound of one text.
pub(in crate::speech) const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// The rate of a text that has nothing but pauses, in Hz.
const SILENT_RATE: u32 = 16_000;

/// Sound while it is made: mono. Dropping it stops the engine.
pub struct Pcm {
    /// In Hz, 8000-48000.
    pub sample_rate: u32,
    /// Samples, or why there are no more of them.
    pub samples: mpsc::Receiver<Result<Vec<i16>, Failure>>,
}

/// Why an engine did not speak.
#[derive(Debug)]
pub struct Failure {
    /// In words that anybody may read: no path, no argument, no text.
    pub reason: String,
    /// For the log.
    pub source: Option<BoxError>,
    /// Whether another try may do better.
    pub passing: bool,
}

impl Failure {
    /// Another try may do better.
    pub(in crate::speech) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None, passing: true }
    }

    /// It would be the same again.
    pub(in crate::speech) fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None, passing: false }
    }

    /// Adds what happened underneath, for the log.
    pub(in crate::speech) fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// What became of work on a thread of its own.
    pub(in crate::speech) fn of_work(who: &str, error: Error) -> Self {
        match error.kind() {
            Kind::Unavailable => Self::passing(error.message().to_owned()),
            _ => Self::lasting(format!("{who} failed")).caused_by(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

/// Where an engine puts its sound.
pub(super) struct Sink {
    engine: String,
    samples: mpsc::Sender<Result<Vec<i16>, Failure>>,
    /// Told the rate once, when there is sound.
    started: Option<oneshot::Sender<u32>>,
    rate: Option<u32>,
    /// Silence before the rate is known.
    owed: Duration,
    /// Samples so far.
    made: u64,
    /// Whether a phrase had no sound.
    unheard: bool,
}

/// Runs an engine beside the process's other work; returns when there is sound.
///
/// # Errors
/// If it fails before.
pub(super) async fn begin<F>(engine: &str, work: impl FnOnce(Sink) -> F) -> Result<Pcm, Failure>
where
    F: Future<Output = Result<Sink, Failure>> + Send + 'static,
{
    let (samples, mut receiver) = mpsc::channel(AHEAD);
    let (started, rate) = oneshot::channel();
    let sink = Sink {
        engine: engine.to_owned(),
        samples,
        started: Some(started),
        rate: None,
        owed: Duration::ZERO,
        made: 0,
        unheard: false,
    };
    let teller = sink.samples.clone();
    let work = work(sink);
    tokio::spawn(async move {
        let worked = async { work.await?.end().await };
        let outcome = tokio::select! {
            // Whoever listened has left: what the engine holds is dropped, and with it its process.
            () = teller.closed() => return,
            outcome = worked => outcome,
        };
        if let Err(failure) = outcome {
            let _ = teller.send(Err(failure)).await;
        }
    });
    match rate.await {
        Ok(sample_rate) => Ok(Pcm { sample_rate, samples: receiver }),
        Err(_) => match receiver.recv().await {
            Some(Err(failure)) => Err(failure),
            _ => Err(Failure::lasting(format!("{engine} failed"))),
        },
    }
}

impl Sink {
    /// Hands over sound.
    ///
    /// # Errors
    /// If the engine has changed its rate, or there is too much; and where nobody listens any more.
    pub(super) async fn sound(&mut self, rate: u32, samples: &[i16]) -> Result<(), Failure> {
        if self.rate.is_some_and(|before| before != rate) {
            return Err(Failure::lasting(format!("{} changed its sample rate", self.engine)));
        }
        if samples.is_empty() {
            // One phrase of several may have nothing that this voice can read.
            self.unheard = true;
            return Ok(());
        }
        self.begin(rate).await?;
        for chunk in samples.chunks(CHUNK) {
            self.send(chunk.to_vec()).await?;
        }
        Ok(())
    }

    /// Is silent for so long.
    pub(super) async fn silence(&mut self, length: Duration) -> Result<(), Failure> {
        let Some(rate) = self.rate else {
            self.owed = self.owed.saturating_add(length).min(LONGEST);
            return Ok(());
        };
        let mut left = clock::milliseconds(length).saturating_mul(rate.into()) / 1000;
        while left > 0 {
            let chunk = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            self.send(vec![0; chunk]).await?;
            left -= chunk as u64;
        }
        Ok(())
    }

    /// Tells whether anybody listens still.
    pub(super) fn listener(&self) -> mpsc::Sender<Result<Vec<i16>, Failure>> {
        self.samples.clone()
    }

    async fn begin(&mut self, rate: u32) -> Result<(), Failure> {
        let Some(started) = self.started.take() else { return Ok(()) };
        self.rate = Some(rate);
        let _ = started.send(rate);
        Box::pin(self.silence(self.owed)).await
    }

    async fn send(&mut self, samples: Vec<i16>) -> Result<(), Failure> {
        self.made += samples.len() as u64;
        let most = LONGEST.as_secs() * u64::from(self.rate.unwrap_or(SILENT_RATE));
        if self.made > most {
            return Err(Failure::lasting("the sound is longer than four hours"));
        }
        match self.samples.send_timeout(Ok(samples), LISTENER_LIMIT).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Closed(_)) => Err(Failure::passing("nobody listens any more")),
            Err(SendTimeoutError::Timeout(_)) => Err(Failure::passing("nobody took the sound for two minutes")),
        }
    }

    /// When everything was said.
    async fn end(mut self) -> Result<(), Failure> {
        if self.rate.is_none() && (self.unheard || self.owed.is_zero()) {
            return Err(Failure::lasting(format!("{} made no sound", self.engine)));
        }
        self.begin(self.rate.unwrap_or(SILENT_RATE)).await
    }
}

/// Whether it is no silence: less than 50 dB below the loudest.
pub(in crate::speech) fn is_heard(sample: &i16) -> bool {
    sample.unsigned_abs() > 100
}

/// Makes samples louder or softer; what would be too loud is clipped.
pub(super) fn amplify(samples: &mut [i16], factor: f32) {
    if factor == 1.0 {
        return;
    }
    for sample in samples {
        // A cast from float saturates.
        #[allow(clippy::cast_possible_truncation)]
        let amplified = (f32::from(*sample) * factor).round() as i16;
        *sample = amplified;
    }
}
