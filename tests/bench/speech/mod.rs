//! Speech: texts to stored tracks, beside `espeak-ng | lame`; the first byte of what is streamed; many at once.

mod client;
mod pipeline;
mod texts;

use std::time::Instant;

use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use serde_json::json;

use self::client::Pannier;
use self::pipeline::{Pipeline, Run};
use self::texts::{CHINESE, ENGLISH, Prose, RUSSIAN};
use crate::figures::{line, median, ratio, row, table};
use crate::process::{cpu_seconds_with_children, peak_memory, resident_memory};

/// How often each is asked in turn, after a round that warms up.
const ROUNDS: usize = 3;

/// Characters of a long text: as many as are taken.
const LONG: usize = 5_000;

/// Routes at once, and characters of each.
const ROUTES: usize = 100;
const SHORT: usize = 300;

/// Runs all parts, or those named.
pub(crate) async fn run(parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("long") {
        long().await;
    }
    if wanted("first-byte") {
        first_byte().await;
    }
    if wanted("routes") {
        routes().await;
    }
}

/// Texts of the largest size, one after the other: from the request to the track in the store.
async fn long() {
    let (Some(pipeline), pannier) = (Pipeline::new(), Pannier::start().await) else { return };
    table(
        &format!("{LONG} characters to a stored MP3"),
        &["text", "by", "audio, s", "wall, ms", "x realtime", "CPU-ms", "Pannier is, by wall", "by CPU"],
    );
    for prose in [ENGLISH, RUSSIAN, CHINESE] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let text = prose.text(round, LONG);
            let (own, other) = (speak(&pannier, &text).await, pipeline.speak(&prose, &[text], 1).await);
            if round > 0 {
                ours.push(own);
                theirs.push(other);
            }
        }
        rows(&prose, &ours, &theirs);
    }
}

/// One text through the server.
async fn speak(pannier: &Pannier, text: &str) -> Run {
    let (before, started) = (cpu_seconds_with_children(pannier.pid()), Instant::now());
    pannier.say("long", text).await;
    pannier.finished("long").await;
    let wall = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds_with_children(pannier.pid()) - before;
    Run { audio: pannier.seconds("long").await, wall, cpu }
}

fn rows(prose: &Prose, ours: &[Run], theirs: &[Run]) {
    let all = |runs: &[Run], figure: fn(&Run) -> f64| runs.iter().map(figure).collect::<Vec<_>>();
    for (name, runs) in [("Pannier", ours), ("espeak-ng, lame", theirs)] {
        // What is spoken in a second: the two do not speak equally fast.
        let speed = |runs: &[Run]| all(runs, |run| run.audio / run.wall);
        let work = |runs: &[Run]| all(runs, |run| run.audio / run.cpu);
        row(&[
            prose.name.to_owned(),
            name.to_owned(),
            format!("{:.0}", median(all(runs, |run| run.audio))),
            format!("{:.0}", median(all(runs, |run| run.wall)) * 1e3),
            format!("{:.0}", median(speed(runs))),
            format!("{:.0}", median(all(runs, |run| run.cpu)) * 1e3),
            format!("{:.2} x", ratio(&speed(ours), &speed(runs))),
            format!("{:.2} x", ratio(&work(ours), &work(runs))),
        ]);
    }
}

/// The first bytes of `POST /v1/audio/speech`, and all of them.
async fn first_byte() {
    let pannier = Pannier::start().await;
    table(
        &format!("POST /v1/audio/speech with {LONG} characters"),
        &["text", "format", "first byte, ms", "slowest, ms", "all, ms"],
    );
    for prose in [ENGLISH, RUSSIAN, CHINESE] {
        for format in ["mp3", "wav"] {
            let (mut first, mut all) = (Vec::new(), Vec::new());
            for round in 0..=3 * ROUNDS {
                let document = json!({ "model": "tts-1", "voice": "alloy", "input": prose.text(round, LONG),
                                       "response_format": format });
                let started = Instant::now();
                let mut body = pannier.open("/v1/audio/speech", &document).await.into_body();
                let frame = body.frame().await.expect("a body").expect("a frame");
                let began = started.elapsed();
                assert!(!frame.into_data().expect("data").is_empty());
                body.collect().await.expect("the whole of it");
                if round > 0 {
                    first.push(began.as_secs_f64() * 1e3);
                    all.push(started.elapsed().as_secs_f64() * 1e3);
                }
            }
            row(&[
                prose.name.to_owned(),
                format.to_owned(),
                format!("{:.1}", median(first.iter().copied())),
                format!("{:.1}", first.iter().copied().fold(0.0, f64::max)),
                format!("{:.0}", median(all)),
            ]);
        }
    }
}

/// Many different routes at once.
async fn routes() {
    let Some(pipeline) = Pipeline::new() else { return };
    let processors = std::thread::available_parallelism().expect("a number").get();
    table(
        &format!("{ROUTES} routes of {SHORT} characters at once, on {processors} processors"),
        &["text", "by", "audio, s", "wall, ms", "x realtime", "CPU-ms", "Pannier is, by wall", "by CPU"],
    );
    let mut most: f64 = 0.0;
    for prose in [ENGLISH, RUSSIAN, CHINESE] {
        let pannier = Pannier::start().await;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let texts: Vec<String> = (0..ROUTES).map(|route| prose.text(round * ROUTES + route, SHORT)).collect();
            let idle = resident_memory(pannier.pid());
            let own = at_once(&pannier, round, &texts).await;
            most = most.max(peak_memory(pannier.pid()) - idle);
            let other = pipeline.speak(&prose, &texts, processors).await;
            if round > 0 {
                ours.push(own);
                theirs.push(other);
            }
        }
        rows(&prose, &ours, &theirs);
    }
    line(&format!("\nThe server held at most {most:.0} MB more than before; its engines are processes of their own."));
}

async fn at_once(pannier: &Pannier, round: usize, texts: &[String]) -> Run {
    let (before, started) = (cpu_seconds_with_children(pannier.pid()), Instant::now());
    let names: Vec<String> = (0..texts.len()).map(|route| format!("{round} {route}")).collect();
    let asked = names.iter().zip(texts).map(|(name, text)| pannier.say(name, text));
    stream::iter(asked).buffer_unordered(texts.len()).collect::<()>().await;
    for name in &names {
        pannier.finished(name).await;
    }
    let wall = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds_with_children(pannier.pid()) - before;
    let mut audio = 0.0;
    for name in &names {
        audio += pannier.seconds(name).await;
    }
    Run { audio, wall, cpu }
}
