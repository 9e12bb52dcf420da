//! Which engine speaks what, and how: flite, and espeak-ng as it is installed.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use shared::config::Config;
use shared::error::Kind;
use shared::speech::script::{Language, Piece, Script, Style};
use tests::require;

use super::voice::{Said, all_gone, engines, hear, pause, say, script, speak, styled, voice};

const ENGLISH: &str = "The quick brown fox jumps over the lazy dog.";

fn language(tag: &str) -> Language {
    Language::of_tag(tag).unwrap()
}

#[test]
fn a_language_finds_the_first_engine_that_speaks_it() {
    let engines = engines("");
    let chosen = |tag: &str, asked| engines.choose(&language(tag), asked);
    let found = chosen("en", None).unwrap();
    assert_eq!((&*found.engine, &*found.name, &*found.language), ("flite", "kal16", "en"));
    for asked in ["flite", "kal", "flite:KAL", "FLITE:en"] {
        assert_eq!(chosen("en", Some(asked)).unwrap().engine, "flite", "{asked}");
    }
    for (asked, problem) in [
        ("nobody", "Unknown voice: nobody"),
        ("flite:nobody", "Unknown voice: flite:nobody"),
        ("", "Unknown voice: "),
        ("a\nb\u{202e}", "Unknown voice: a\\nb\\u{202e}"),
        ("../../etc", "Unknown voice: ../../etc"),
        ("-v", "Unknown voice: -v"),
    ] {
        let error = chosen("en", Some(asked)).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::Invalid, problem));
    }
    let long = "x".repeat(100_000);
    let long = chosen("en", Some(&long)).unwrap_err();
    assert!(long.message().len() < 100);
    let none = chosen("xx", None).unwrap_err();
    assert_eq!((none.kind(), none.message()), (Kind::Invalid, "No speech engine for language \"xx\"."));
    let other = chosen("ru", Some("flite")).unwrap_err();
    assert_eq!((other.kind(), other.message()), (Kind::Invalid, "The speech engine flite does not speak \"ru\""));
}

#[test]
fn a_missing_program_is_named_with_what_to_install() {
    let missing = engines(
        "[[speech.engine]]\nkind = \"command\"\nname = \"piper\"\ncommand = [\"no-such-program-here\"]\n\
         voices = { en = \"a\", ru = [\"b\", \"c\"] }\ninstall = \"pip package piper-tts\"\n\
         [[speech.engine]]\nkind = \"flite\"\n",
    );
    let error = missing.choose(&language("ru"), None).unwrap_err();
    let words = "The speech engine piper is not installed: install pip package piper-tts";
    assert_eq!((error.kind(), error.message()), (Kind::Unavailable, words));
    let named = missing.choose(&language("en"), Some("piper:c")).unwrap_err();
    assert_eq!(named.message(), words, "whom one asks for is not replaced");
    assert_eq!(missing.choose(&language("en"), None).unwrap().engine, "flite", "whom one does not ask for is");
    let states: Vec<_> = missing.states().collect();
    assert_eq!(states[0], ("piper", Some("not installed: install pip package piper-tts".to_owned())));
    assert_eq!(states[1], ("flite", None));
}

#[test]
fn wrong_settings_are_one_clear_line() {
    let command = |rest: &str| format!("[[speech.engine]]\nkind = \"command\"\nname = \"own\"\n{rest}");
    let full = "command = [\"x\"]\nvoices = { en = \"a\" }\n";
    let cases = [
        ("[speech]\ntext_limit = 0".to_owned(), "speech.text_limit: must be"),
        ("[speech]\nengine = []".to_owned(), "must be 1-16 engines"),
        ("[speech]\ntext = 1".to_owned(), "unknown field `text`"),
        ("[[speech.engine]]\nkind = \"festival\"".to_owned(), "unknown variant `festival`"),
        ("[[speech.engine]]\nkind = \"flite\"\nname = \"x\"".to_owned(), "unknown field `name`"),
        (command(""), "speech.engine \"own\": needs a command and voices"),
        (command("command = [\"x\", \"{vioce}\"]\nvoices = { en = \"a\" }"), "no placeholder {vioce}"),
        (command("command = [\"x\"]\nvoices = { english = \"a\" }"), "voices are listed by language"),
        (command("command = [\"x\"]\nvoices = { en = \"-a\" }"), "does not begin with a dash"),
        (command("command = [\"x\"]\nvoices = { en = [] }"), "a voice is"),
        (command(&format!("{full}time_limit = 0")), "time_limit must be"),
        (command(&format!("{full}shell = true")), "unknown field `shell`"),
        (command(full) + &command(full), "is there twice"),
        (command(full).replace("own", "a b"), "a name is"),
        ("[[speech.engine]]\nkind = \"polly\"\nendpoint = \"ftp://x\"".to_owned(), "must be an http"),
    ];
    let file = tempfile::NamedTempFile::new().unwrap();
    for (document, words) in cases {
        std::fs::write(file.path(), &document).unwrap();
        let error = Config::read(|_| None, Some(file.path())).expect_err(&document).to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{document}: {error}");
    }
    let limited = |text: &str| Config::read(|name| (name == "SPEECH_TEXT_LIMIT").then(|| text.to_owned()), None);
    assert_eq!(limited("70").unwrap().speech.text_limit, 70);
    assert!(limited("many").is_err() && limited("0").is_err() && limited("50000").is_err());
}

#[tokio::test]
async fn flite_follows_the_style() {
    let engines = engines("");
    let plain = speak(&engines, &voice("flite", "kal16", "en"), vec![say(ENGLISH)]).await.unwrap();
    assert_eq!(plain.rate, 16_000);
    assert!((1.5..5.0).contains(&plain.seconds()), "{} s", plain.seconds());
    let low = speak(&engines, &voice("flite", "kal", "en"), vec![say(ENGLISH)]).await.unwrap();
    assert_eq!(low.rate, 8_000);
    let style = |rate, pitch, volume| vec![styled(ENGLISH, Style { rate, pitch, volume })];
    let kal16 = voice("flite", "kal16", "en");
    let fast = speak(&engines, &kal16, style(2.0, 1.0, 1.0)).await.unwrap();
    assert!((fast.seconds() / plain.seconds() - 0.5).abs() < 0.1, "{} s", fast.seconds());
    let twice = hear(engines.speak(&kal16, &script(vec![say(ENGLISH)]), 2.0).await.unwrap()).await.unwrap();
    assert_eq!(twice.samples, fast.samples, "speed and rate are one");
    let soft = speak(&engines, &kal16, style(1.0, 1.0, 0.5)).await.unwrap();
    assert_eq!(soft.samples.len(), plain.samples.len());
    assert!(soft.peak().abs_diff(plain.peak() / 2) <= 1);
    let loud = speak(&engines, &kal16, style(1.0, 1.0, 50.0)).await.unwrap();
    assert_eq!(loud.peak(), 32_768, "clipped, not wrapped");
    let high = speak(&engines, &kal16, style(1.0, 1.5, 1.0)).await.unwrap();
    let (height, higher) = (pitch(&plain), pitch(&high));
    assert!((80.0..140.0).contains(&height) && (1.3..1.7).contains(&(higher / height)), "{height} and {higher} Hz");
    let silent = speak(&engines, &kal16, style(1.0, 1.0, 0.0)).await.unwrap();
    assert_eq!(silent.peak(), 0);
}

/// The height of a voice in Hz: where the sound is most like itself a little later.
fn pitch(said: &Said) -> f64 {
    // What is higher than a voice goes first.
    let samples: Vec<f64> = said.samples.windows(40).map(|near| near.iter().map(|at| f64::from(*at)).sum()).collect();
    let likeness = |lag: usize| samples.iter().zip(&samples[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let lag = (70..230).max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap();
    f64::from(said.rate) / lag as f64
}

#[tokio::test]
async fn pauses_are_as_long_as_they_say() {
    let engines = engines("");
    let kal16 = voice("flite", "kal16", "en");
    let one = speak(&engines, &kal16, vec![say("One.")]).await.unwrap();
    let pieces = vec![pause(250), say("One."), pause(1500), say("One."), pause(100)];
    let all = speak(&engines, &kal16, pieces).await.unwrap();
    assert_eq!(all.samples.len(), 2 * one.samples.len() + 16 * 1850);
    assert!(all.samples[..4000].iter().all(|sample| *sample == 0));
    let nothing = speak(&engines, &kal16, vec![pause(500)]).await.unwrap();
    assert_eq!((nothing.seconds(), nothing.peak()), (0.5, 0), "only silence");
}

#[tokio::test]
async fn flite_survives_what_it_cannot_read() {
    let engines = engines("");
    let kal16 = voice("flite", "kal16", "en");
    for text in ["Привет, мир", "世界", "\u{1F600} x 1", "ß", "naïve café", "٣٤٥", "ａｂｃ"] {
        let said = speak(&engines, &kal16, vec![say(text)]).await;
        match said {
            Ok(said) => assert!(said.peak() > 0, "{text}"),
            Err(failure) => {
                assert_eq!((&*failure.reason, failure.passing), ("flite made no sound", false), "{text}");
            }
        }
    }
    // Whatever the text: no panic, and sound that ends.
    let mut seed = 1u64;
    let alphabet: Vec<char> =
        "aZ09 .,:;!?'\"-$%&/()=+*#@<>[]{}|\\~^_\u{e9}\u{2019}\u{416}\u{4e16}\u{200d}".chars().collect();
    for _ in 0..300 {
        let mut text = String::new();
        for _ in 0..60 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push(alphabet[usize::try_from(seed >> 33).unwrap() % alphabet.len()]);
        }
        let pieces = vec![say(&text), say("end")];
        let said = speak(&engines, &kal16, pieces).await;
        let said = said.unwrap_or_else(|failure| panic!("{text:?}: {failure} {:?}", failure.source));
        assert!(said.seconds() < 120.0, "{text:?}");
    }
}

#[tokio::test]
async fn whoever_leaves_stops_the_engine() {
    let engines = engines("");
    let long: Vec<Piece> = (0..2000).map(|_| say(ENGLISH)).collect();
    let mut pcm = engines.speak(&voice("flite", "kal16", "en"), &script(long), 1.0).await.unwrap();
    assert!(pcm.samples.recv().await.is_some());
    assert!(pcm.samples.len() <= 64, "no more than half a minute ahead");
}

#[tokio::test]
async fn espeak_speaks_russian_and_chinese() {
    if require::tool("espeak-ng").is_none() {
        return;
    }
    let engines = engines("");
    for (tag, name, text) in [
        ("ru", "ru", "Привет, мир. Это проверка речи."),
        ("zh", "cmn-latn-pinyin", "你好，世界。我们在北京学习中文。"),
        ("de", "de", "Guten Tag, wie geht es Ihnen?"),
    ] {
        let chosen = engines.choose(&language(tag), None).unwrap();
        assert_eq!((&*chosen.engine, &*chosen.name), ("espeak-ng", name));
        let said = speak(&engines, &chosen, vec![say(text), pause(100), say(text)]).await.unwrap();
        assert_eq!(said.rate, 22_050);
        assert!((3.0..12.0).contains(&said.seconds()) && said.peak() > 5000, "{tag}: {} s", said.seconds());
        let fast = hear(engines.speak(&chosen, &script(vec![say(text), pause(100), say(text)]), 2.0).await.unwrap());
        assert!(fast.await.unwrap().seconds() < said.seconds() * 0.75, "{tag}");
    }
    let british = engines.choose(&language("ru"), Some("en-gb-x-rp")).unwrap();
    assert_eq!((&*british.engine, &*british.language), ("espeak-ng", "en"), "a voice implies its language");
    let phonemes = speak(&engines, &british, vec![say("Read [[h@l0U]] as it is.")]).await.unwrap();
    let plain = speak(&engines, &british, vec![say("Read as it is.")]).await.unwrap();
    assert!(phonemes.seconds() > plain.seconds() + 0.5, "brackets are no phonemes");
    let silent = speak(&engines, &british, vec![say("!?.")]).await;
    assert!(silent.is_err(), "nothing to be said at all");
    all_gone(&["espeak-ng"]).await;
}

/// `-x` writes phonemes; where a voice cannot read something it switches to English and says so.
#[test]
fn chinese_is_not_read_as_english() {
    let Some(espeak) = require::tool("espeak-ng") else { return };
    let mut child = Command::new(espeak)
        .args(["--stdin", "-q", "-x", "-v", "cmn-latn-pinyin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = "你好，世界。我们在北京，2024年有3个苹果。上海地铁十号线，下一站：人民广场。";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let phonemes = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(phonemes.contains("X'Au") && !phonemes.contains("(en)"), "{phonemes}");
}

#[test]
fn every_voice_of_the_list_is_one_of_espeak() {
    let Some(espeak) = require::tool("espeak-ng") else { return };
    let listed = String::from_utf8(Command::new(espeak).arg("--voices").output().unwrap().stdout).unwrap();
    let there: BTreeSet<&str> = listed.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    let engines = engines("");
    let mut reached = 0;
    for name in &there {
        let Some(tag) = name.split('-').next().and_then(Language::of_tag) else { continue };
        if let Ok(voice) = engines.choose(&tag, Some(&format!("espeak-ng:{name}"))) {
            // A Cherokee voice goes by its language alone.
            assert!(there.contains(&*voice.name) || voice.name == "chr", "{name}: {voice:?}");
            reached += 1;
        }
    }
    assert!(reached > 100, "{reached} of {}", there.len());
}

#[tokio::test]
async fn what_is_said_silently_lasts_as_long() {
    if require::tool("espeak-ng").is_none() {
        return;
    }
    let engines = engines("");
    for voice in [voice("flite", "kal16", "en"), voice("espeak-ng", "ru", "ru")] {
        let aloud = speak(&engines, &voice, vec![say("12345")]).await.unwrap();
        for volume in [0.0, 0.001] {
            let style = Style { volume, ..Style::default() };
            let silent = speak(&engines, &voice, vec![styled("12345", style)]).await.unwrap();
            assert!(silent.peak() < 50 && aloud.peak() > 1000, "{voice:?}");
            assert_eq!(silent.samples.len(), aloud.samples.len(), "{voice:?}");
        }
    }
}

#[tokio::test]
async fn a_thousand_numbers_lose_no_sound() {
    if require::tool("espeak-ng").is_none() {
        return;
    }
    let engines = engines("");
    let numbers: Vec<String> = (1..=1000).map(|number| number.to_string()).collect();
    let script = Script::from_paragraphs(&[numbers.join(" ")], 5000).unwrap();
    let pcm = engines.speak(&voice("espeak-ng", "ru", "ru"), &script, 1.0).await.unwrap();
    let seconds = hear(pcm).await.unwrap().seconds();
    assert!(seconds > 1100.0, "{seconds}");
}

#[tokio::test]
async fn what_is_written_from_right_to_left_is_spoken() {
    if require::tool("espeak-ng").is_none() {
        return;
    }
    let engines = engines("");
    for (text, tag) in [("مرحبا بالعالم، كيف حالك اليوم؟", "ar"), ("שלום עולם, מה שלומך היום?", "he")]
    {
        let script = Script::from_paragraphs(&[format!("\u{202b}{text}\u{202c}")], 100).unwrap();
        let language = Language::of_text(&script.text());
        assert_eq!(language.tag(), tag);
        let voice = engines.choose(&language, None).unwrap();
        let said = hear(engines.speak(&voice, &script, 1.0).await.unwrap()).await.unwrap();
        assert!(said.seconds() > 1.0 && said.peak() > 1000, "{tag}: {} s", said.seconds());
    }
}
