//! Sound as files and streams, judged by players and by a recogniser of speech.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use futures_util::StreamExt;
use shared::speech::audio::{Format, mp3, stream};
use shared::speech::engine::{Failure, Pcm};
use tests::require;
use tokio::sync::mpsc;

use super::voice::{engines, hear, pause, say, script, speak, voice};

/// Rates of MPEG, and two that it does not have.
const RATES: [u32; 11] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 18_900, 37_800];

const SENTENCES: [&str; 10] = [
    "The train to the airport leaves in ten minutes.",
    "Please turn left at the next corner.",
    "It was a cold day in the middle of the winter.",
    "The children are playing in the garden.",
    "She bought three red apples and a loaf of bread.",
    "We will meet again tomorrow morning.",
    "The old man walked slowly down the street.",
    "There is a small house near the river.",
    "He opened the door and looked into the room.",
    "My brother works in a large hospital.",
];

/// Something like a voice: a tone of 200 Hz that swells, in chunks.
#[allow(clippy::cast_possible_truncation)]
fn tone(rate: u32, seconds: f64) -> (Vec<i16>, Pcm) {
    let count = (f64::from(rate) * seconds) as usize;
    let sample = |at: usize| {
        let time = at as f64 / f64::from(rate);
        let swell = 0.6 + 0.4 * (time * 19.0).sin();
        let voice = (time * 200.0 * std::f64::consts::TAU).sin() + 0.3 * (time * 1400.0 * std::f64::consts::TAU).sin();
        (voice * swell * 12_000.0) as i16
    };
    let samples: Vec<i16> = (0..count).map(sample).collect();
    (samples.clone(), pcm(rate, samples.chunks(3000).map(|chunk| Ok(chunk.to_vec())).collect()))
}

fn pcm(sample_rate: u32, items: Vec<Result<Vec<i16>, Failure>>) -> Pcm {
    let (sender, samples) = mpsc::channel(items.len().max(1));
    for item in items {
        sender.try_send(item).unwrap();
    }
    Pcm { sample_rate, samples }
}

async fn collect(pcm: Pcm, format: Format) -> (Vec<u8>, bool) {
    let mut items = Box::pin(stream(pcm, format));
    let mut bytes = Vec::new();
    while let Some(item) = items.next().await {
        match item {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(_) => return (bytes, false),
        }
    }
    (bytes, true)
}

/// What a program says to a file, and whether it is content.
fn asked(program: &str, arguments: &[&str], file: &Path) -> (bool, String) {
    let arguments = arguments.iter().map(|word| if *word == "FILE" { file.to_str().unwrap() } else { word });
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Every player takes it without a word of complaint.
fn is_fine(file: &Path, what: &str) {
    let (fine, said) = asked("ffmpeg", &["-v", "error", "-xerror", "-i", "FILE", "-f", "null", "-"], file);
    assert!(fine && said.is_empty(), "{what}: ffmpeg: {said}");
    let (fine, said) = asked("mpg123", &["-q", "-t", "FILE"], file);
    assert!(fine && said.is_empty(), "{what}: mpg123: {said}");
    let (fine, said) = asked("mp3val", &["FILE"], file);
    // It wants ten frames of anything, and a tag of everything: a short track and a stream have not.
    let about = ["Too few MPEG frames", "No supported tags"];
    let complaints = said.lines().filter(|line| line.starts_with("WARNING") || line.starts_with("ERROR"));
    let complaints: Vec<_> = complaints.filter(|line| !about.iter().any(|words| line.contains(words))).collect();
    assert!(fine && complaints.is_empty(), "{what}: mp3val: {complaints:?}");
}

fn probed(file: &Path, entry: &str) -> String {
    let arguments = ["-v", "error", "-show_entries", entry, "-of", "default=noprint_wrappers=1:nokey=1", "FILE"];
    asked("ffprobe", &arguments, file).1.trim().to_owned()
}

fn tools() -> bool {
    ["ffmpeg", "ffprobe", "mpg123", "mp3val"].iter().all(|name| require::tool(name).is_some())
}

#[tokio::test]
async fn tracks_are_what_every_player_takes() {
    if !tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("track.mp3");
    for rate in RATES {
        for seconds in [0.5, 3.21, 30.0] {
            let (samples, pcm) = tone(rate, seconds);
            let track = mp3(pcm, "Title, заголовок, 标题").await.unwrap();
            assert!((track.seconds - samples.len() as f64 / f64::from(rate)).abs() < 1e-9);
            std::fs::write(&file, &track.bytes).unwrap();
            let what = format!("{rate} Hz, {seconds} s");
            is_fine(&file, &what);
            let length: f64 = probed(&file, "format=duration").parse().unwrap();
            let nearest = RATES[..9].iter().min_by_key(|known| known.abs_diff(rate)).unwrap();
            // It counts whole frames, and what the encoder puts before (1105 samples); players leave that out.
            let frame = if *nearest < 32_000 { 576 } else { 1152 };
            let around = f64::from(1105 + frame) / f64::from(*nearest);
            assert!((0.0..=around).contains(&(length - seconds)), "{what}: {length}");
            assert!(seconds < 30.0 || length / seconds < 1.02, "{what}: {length}");
            assert_eq!(probed(&file, "stream=sample_rate,channels"), format!("{nearest}\n1"), "{what}");
            assert_eq!(probed(&file, "format_tags=title"), "Title, заголовок, 标题");
            assert_eq!(probed(&file, "format_tags=TLEN"), format!("{:.0}", seconds * 1000.0));
        }
    }
}

/// Also to a player that counts frames, if there is silence at the end to make room for what LAME adds.
#[tokio::test]
async fn a_track_lasts_as_long_as_its_sound() {
    let Some(_) = require::tool("ffprobe") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("track.mp3");
    for rate in &RATES[..9] {
        for seconds in [1.0, 2.0, 4.0, 9.7] {
            let (mut samples, _) = tone(*rate, seconds);
            samples.resize(samples.len() + usize::try_from(rate / 5).unwrap(), 20);
            let lasts = samples.len() as f64 / f64::from(*rate);
            let track =
                mp3(pcm(*rate, samples.chunks(3000).map(|chunk| Ok(chunk.to_vec())).collect()), "").await.unwrap();
            assert!((track.seconds - lasts).abs() < 1e-9);
            std::fs::write(&file, &track.bytes).unwrap();
            let length: f64 = probed(&file, "format=duration").parse().unwrap();
            // Half a frame is all that cannot be had, which is 36 ms at 8 kHz.
            let frame = if *rate < 32_000 { 576.0 } else { 1152.0 };
            let within = 0.02_f64.max(0.52 * frame / f64::from(*rate) / lasts);
            assert!((length / lasts - 1.0).abs() < within, "{rate} Hz, {lasts} s: {length}");
        }
    }
}

#[tokio::test]
async fn a_track_sounds_like_what_it_was_made_of() {
    if !tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, decoded) = (folder.path().join("track.mp3"), folder.path().join("track.raw"));
    for rate in [8_000, 16_000, 22_050, 48_000] {
        let (samples, pcm) = tone(rate, 2.0);
        std::fs::write(&file, mp3(pcm, "").await.unwrap().bytes).unwrap();
        let raw = decoded.to_str().unwrap();
        let (fine, said) = asked("ffmpeg", &["-v", "error", "-y", "-i", "FILE", "-f", "s16le", raw], &file);
        assert!(fine, "{said}");
        let bytes = std::fs::read(&decoded).unwrap();
        let heard: Vec<i16> = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(heard.len(), samples.len(), "{rate} Hz: to the sample");
        let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|sample| sample * sample).sum::<f64>();
        let error = power(&mut heard.iter().zip(&samples).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        let signal = power(&mut samples.iter().map(|sample| f64::from(*sample)));
        assert!(error / signal < 0.05, "{rate} Hz: {}", error / signal);
    }
}

#[tokio::test]
async fn streams_play_while_they_come() {
    if !tools() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stream.mp3");
    for rate in RATES {
        let (bytes, whole) = collect(tone(rate, 3.0).1, Format::Mp3).await;
        assert!(whole && bytes[0] == 0xFF, "{rate} Hz: begins with a frame");
        std::fs::write(&file, &bytes).unwrap();
        is_fine(&file, &format!("{rate} Hz"));
        let length: f64 = probed(&file, "format=duration").parse().unwrap();
        assert!((length / 3.0 - 1.0).abs() < 0.06, "{rate} Hz: {length}");
    }
    let (samples, pcm) = tone(22_050, 3.0);
    let (bytes, whole) = collect(pcm, Format::Wav).await;
    assert!(whole && bytes.starts_with(b"RIFF"));
    let wav = folder.path().join("stream.wav");
    std::fs::write(&wav, &bytes).unwrap();
    let raw = folder.path().join("stream.raw");
    let arguments = ["-v", "error", "-i", "FILE", "-f", "s16le", raw.to_str().unwrap()];
    let (fine, said) = asked("ffmpeg", &arguments, &wav);
    assert!(fine, "{said}");
    let expected: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    assert!(std::fs::read(&raw).unwrap() == expected, "the samples as they are");
}

#[tokio::test]
async fn the_first_sound_is_sent_early() {
    let (sender, samples) = mpsc::channel(4);
    let mut items = Box::pin(stream(Pcm { sample_rate: 16_000, samples }, Format::Mp3));
    sender.send(Ok(tone(16_000, 0.5).0)).await.unwrap();
    let first: Bytes = items.next().await.unwrap().unwrap();
    assert!(!first.is_empty(), "while the engine goes on");
    drop(items);
    assert!(sender.is_closed(), "who drops the stream stops the engine");
}

#[tokio::test]
async fn a_failure_in_the_middle_is_no_end() {
    let failing = || {
        let failure = Failure { reason: "own failed".to_owned(), source: None, passing: true };
        pcm(16_000, vec![Ok(tone(16_000, 1.0).0), Err(failure)])
    };
    assert_eq!(mp3(failing(), "x").await.err().unwrap().reason, "own failed");
    for format in [Format::Mp3, Format::Wav] {
        assert!(!collect(failing(), format).await.1, "{format:?}");
    }
}

#[tokio::test]
async fn no_sound_is_longer_than_four_hours() {
    let pieces = vec![say("One."), pause(5 * 3600 * 1000)];
    let mut pcm = engines("").speak(&voice("flite", "kal16", "en"), &script(pieces), 1.0).await.unwrap();
    let mut made = 0;
    let failure = loop {
        match pcm.samples.recv().await.expect("it does not end") {
            Ok(chunk) => made += chunk.len(),
            Err(failure) => break failure,
        }
    };
    assert!(made <= 4 * 3600 * 16_000 && failure.reason.contains("longer than four hours"), "{failure}");
}

/// The words of a sentence, in small letters.
fn words(text: &str) -> Vec<String> {
    let letters = |word: &str| word.chars().filter(|letter| letter.is_alphabetic()).collect::<String>();
    text.split_whitespace().map(|word| letters(word).to_lowercase()).filter(|word| !word.is_empty()).collect()
}

/// How many words of `said` are in `heard`, in their order.
fn in_order(said: &[String], heard: &[String]) -> usize {
    let mut row = vec![0; heard.len() + 1];
    for word in said {
        let mut corner = 0;
        for (at, other) in heard.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == other { corner + 1 } else { above.max(row[at]) };
            corner = above;
        }
    }
    row[heard.len()]
}

/// A recogniser understands three words of four.
#[tokio::test]
async fn speech_is_understood() {
    let Some(recogniser) = require::tool("pocketsphinx_continuous") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("speech.wav");
    let (mut understood, mut all) = (0, 0);
    for sentence in SENTENCES {
        let pieces = script(vec![pause(300), say(sentence), pause(300)]);
        let pcm = engines("").speak(&voice("flite", "kal16", "en"), &pieces, 1.0).await.unwrap();
        let (mut bytes, _) = collect(pcm, Format::Wav).await;
        // It looks at the length.
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[4..8].copy_from_slice(&(length - 8).to_le_bytes());
        bytes[40..44].copy_from_slice(&(length - 44).to_le_bytes());
        std::fs::write(&file, &bytes).unwrap();
        let output =
            Command::new(&recogniser).arg("-infile").arg(&file).args(["-logfn", "/dev/null"]).output().unwrap();
        let (said, heard) = (words(sentence), words(&String::from_utf8_lossy(&output.stdout)));
        understood += in_order(&said, &heard);
        all += said.len();
    }
    assert!(understood * 4 >= all * 3, "{understood} of {all} words");
}

#[tokio::test]
async fn a_silent_track_is_one() {
    let engines = engines("");
    let said = speak(&engines, &voice("flite", "kal16", "en"), vec![pause(1000)]).await.unwrap();
    assert_eq!(said.samples.len(), 16_000);
    let pcm = engines.speak(&voice("flite", "kal16", "en"), &script(vec![pause(1000)]), 1.0).await.unwrap();
    assert_eq!(mp3(pcm, "").await.unwrap().seconds, 1.0);
    assert!(hear(pcm_of_nothing()).await.unwrap().samples.is_empty());
    assert!(!mp3(pcm_of_nothing(), "").await.unwrap().bytes.is_empty());
}

fn pcm_of_nothing() -> Pcm {
    pcm(16_000, Vec::new())
}
