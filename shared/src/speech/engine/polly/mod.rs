//! Amazon Polly: for the cloud, where no other program is. The only module that knows its SDK.
//!
//! Credentials and region come from the usual `AWS_*` variables. Text goes as SSML in groups of sentences, because a call
//! takes 3,000 characters; the sound is handed on while it comes.

mod ssml;
mod voices;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_polly::Client;
use aws_sdk_polly::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_polly::operation::synthesize_speech::SynthesizeSpeechError;
use aws_sdk_polly::primitives::ByteStream;
use aws_sdk_polly::types::{Engine, OutputFormat, TextType, VoiceId};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::sync::OnceCell;

pub(super) use self::voices::voices;

use super::Voice;
use super::sound::{Failure, Sink};
use crate::cloud::{self, Cloud};
use crate::config::PollyKind;
use crate::speech::script::Piece;

/// Of its PCM; it has 8000 besides.
const RATE: u32 = 16_000;

/// Tries of one call, the first included.
const ATTEMPTS: u32 = 3;

/// The longest wait for a connection, and for the head of an answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// See [`CONNECT_LIMIT`].
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// How long nothing may come of the sound.
const STALL_LIMIT: Duration = Duration::from_secs(20);

/// Polly, with its client once it is needed. Cheap to clone.
#[derive(Clone)]
pub(super) struct Polly(Arc<Settings>);

struct Settings {
    name: String,
    kind: PollyKind,
    endpoint: Option<String>,
    cloud: Cloud,
    client: OnceCell<Client>,
}

impl Polly {
    pub(super) fn new(name: &str, kind: PollyKind, endpoint: Option<String>, cloud: Cloud) -> Self {
        Self(Arc::new(Settings { name: name.to_owned(), kind, endpoint, cloud, client: OnceCell::new() }))
    }

    /// Speaks all of it.
    pub(super) async fn speak(
        self,
        voice: Voice,
        pieces: Vec<Piece>,
        speed: f32,
        mut sink: Sink,
    ) -> Result<Sink, Failure> {
        for document in ssml::documents(&pieces, speed, self.0.kind) {
            // Boxed: the SDK's futures are large.
            let sound = Box::pin(self.call(&voice, document)).await?;
            self.hand_on(sound, &mut sink).await?;
        }
        Ok(sink)
    }

    async fn call(&self, voice: &Voice, document: String) -> Result<ByteStream, Failure> {
        let client = self.0.client.get_or_init(|| connect(self.0.cloud, self.0.endpoint.clone())).await;
        let engine = match self.0.kind {
            PollyKind::Standard => Engine::Standard,
            PollyKind::Neural => Engine::Neural,
        };
        let call = client
            .synthesize_speech()
            .engine(engine)
            .output_format(OutputFormat::Pcm)
            .sample_rate(RATE.to_string())
            .text_type(TextType::Ssml)
            .text(document)
            .voice_id(VoiceId::from(voice.name.as_str()));
        let answer = call.send().await.map_err(|error| self.failure(error))?;
        Ok(answer.audio_stream)
    }

    /// 16-bit samples, whose bytes come in pieces of any length.
    async fn hand_on(&self, mut sound: ByteStream, sink: &mut Sink) -> Result<(), Failure> {
        let name = &self.0.name;
        let mut bytes = Vec::new();
        loop {
            let piece = tokio::time::timeout(STALL_LIMIT, sound.try_next()).await;
            let piece = piece.map_err(|elapsed| Failure::passing(format!("{name} stands still")).caused_by(elapsed))?;
            let piece = piece.map_err(|cause| Failure::passing(format!("{name} broke off")).caused_by(cause))?;
            let Some(piece) = piece else { break };
            bytes.extend_from_slice(&piece);
            let whole = bytes.len() - bytes.len() % 2;
            let samples: Vec<i16> =
                bytes[..whole].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            bytes.drain(..whole);
            sink.sound(RATE, &samples).await?;
        }
        if bytes.is_empty() { Ok(()) } else { Err(Failure::passing(format!("{name} broke off"))) }
    }

    /// What an error of the SDK means. Its text may hold no more than Polly said.
    fn failure(&self, error: SdkError<SynthesizeSpeechError>) -> Failure {
        let name = &self.0.name;
        let code = error.code().unwrap_or_default().to_owned();
        let status = error.raw_response().map(|response| response.status().as_u16());
        let busy = code.contains("Throttl") || status == Some(429);
        let failure = match (&error, status) {
            _ if busy => Failure::passing(format!("{name} has too much to do")),
            (SdkError::ServiceError(_), Some(400..=499)) if code.starts_with("Text") || code.contains("Ssml") => {
                Failure::lasting(format!("{name} does not take this text"))
            }
            (SdkError::ServiceError(_), Some(401 | 403)) => Failure::lasting(format!("{name} does not let us in")),
            (SdkError::ServiceError(_), Some(400..=499)) => Failure::lasting(format!("{name} refused to speak")),
            (SdkError::ServiceError(_), _) => Failure::passing(format!("{name} failed")),
            _ => Failure::passing(format!("{name} does not answer")),
        };
        let cause = error.source().map_or_else(|| code.clone(), |source| DisplayErrorContext(source).to_string());
        failure.caused_by(cause)
    }
}

async fn connect(find: Cloud, endpoint: Option<String>) -> Client {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).operation_attempt_timeout(ANSWER_LIMIT);
    let config = find(None).await.into_builder();
    let config =
        config.retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS)).timeout_config(timeouts.build());
    Client::new(&cloud::at(config, endpoint.as_deref()).build())
}
