//! SSML, and what the contract says of errors.

use std::time::{Duration, Instant};

use super::super::{Piece, Script, Style};
use crate::error::{Error, Kind};

const LIMIT: usize = 5_000;

/// A script in words: what is said, its style where it has one, pauses in milliseconds.
fn told(fragment: &str) -> Vec<String> {
    let script =
        Script::from_ssml(fragment, 1_000_000).unwrap_or_else(|error| panic!("{fragment}: {}", error.causes()));
    let word = |piece: &Piece| match piece {
        Piece::Say(phrase) if phrase.style == Style::default() => phrase.text.clone(),
        Piece::Say(phrase) => {
            let Style { rate, pitch, volume } = phrase.style;
            format!("{} {rate:.2} {pitch:.2} {volume:.2}", phrase.text)
        }
        Piece::Pause(time) => time.as_millis().to_string(),
    };
    script.pieces.iter().map(word).collect()
}

fn refusal(result: Result<Script, Error>) -> String {
    let error = result.expect_err("it was taken");
    assert_eq!(error.kind(), Kind::Invalid);
    error.message().to_owned()
}

fn is_invalid(fragment: &str) {
    let result = Script::from_ssml(fragment, LIMIT);
    assert!(result.is_err(), "taken: {fragment:?}");
    assert_eq!(refusal(result), "Invalid route_text", "{fragment:?}");
}

#[test]
fn elements_become_phrases_and_pauses() {
    assert_eq!(told("Hello"), ["Hello"]);
    assert_eq!(told("<p>One</p><p>Two</p>"), ["One", "500", "Two"]);
    assert_eq!(told("<p><s>One</s><s>Two</s></p> Three"), ["One", "Two", "500", "Three"]);
    assert_eq!(
        told("a <break/> b<break time='250ms'/>c<break time=\"1.5s\"></break>d"),
        ["a", "500", "b", "250", "c", "1500", "d"]
    );
    assert_eq!(told("<p>a</p><break time='2s'/><break strength='weak'/><p>b</p>"), ["a", "2250", "b"]);
    assert_eq!(told("<break time='.2s' strength='x-strong'/>a<break strength='none'/>b"), ["200", "a", "b"]);
    assert_eq!(
        told("Tom &amp; Jerry &lt;3 &#x416;&#1078; &quot;x&apos; <![CDATA[<p>& ok]]><!-- not me -->!"),
        ["Tom & Jerry <3 Жж \"x' <p>& ok!"]
    );
    assert_eq!(told("con<!-- -->cat<emphasis level='none'>ena</emphasis>te"), ["concatenate"]);
}

#[test]
fn speak_may_stand_around_it() {
    let speak = r#"<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US"><p xml:lang="en">a</p></speak> "#;
    assert_eq!(told(speak), ["a"]);
    assert_eq!(told(" <!-- x --> <speak>a</speak>\n"), ["a"]);
    for fragment in
        ["<speak>a</speak>b", "a<speak>b</speak>", "<p/><speak>b</speak>", "<speak><speak>a</speak></speak>"]
    {
        is_invalid(fragment);
    }
    is_invalid("<speak>a</speak><p>b</p>");
    is_invalid("<speak xmlns='http://www.w3.org/1999/xhtml'>a</speak>");
}

#[test]
fn styles_multiply_within_bounds() {
    assert_eq!(told("<prosody rate='150%' pitch='+12st' volume='-6dB'>a</prosody>"), ["a 1.50 2.00 0.50"]);
    assert_eq!(told("<prosody rate='-20%' pitch='+10%' volume='silent'>a</prosody>"), ["a 0.80 1.10 0.00"]);
    assert_eq!(told("<prosody rate='slow' pitch='+30Hz' volume='loud'>a</prosody>b"), ["a 0.75 1.20 1.50", "b"]);
    assert_eq!(told("<prosody rate='x-fast'><prosody rate='50%'>a</prosody> b</prosody>"), ["a", "b 2.00 1.00 1.00"]);
    assert_eq!(told("<prosody rate='x-fast'><prosody rate='default'>a</prosody></prosody>"), ["a"]);
    assert_eq!(told("<prosody rate='100000%' pitch='1Hz' volume='+99dB'>a</prosody>"), ["a 4.00 0.50 4.00"]);
    assert_eq!(told("<prosody rate='0%'>a</prosody>"), ["a 0.25 1.00 1.00"]);
    assert_eq!(told("so <emphasis level='strong'>very</emphasis>, big"), ["so", "very 0.85 1.15 1.40", ", big"]);
    assert_eq!(told("<emphasis>wow</emphasis>!"), ["wow! 0.92 1.08 1.20"]);
    let deep = format!("{}a{}", "<prosody rate='x-fast'>".repeat(20), "</prosody>".repeat(20));
    assert_eq!(told(&deep), ["a 4.00 1.00 1.00"]);
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for fragment in [
        "<p>a",
        "a</p>",
        "<p>a</s>",
        "<p><s>a</p></s>",
        "a & b",
        "a &b; c",
        "a &amp b",
        "a < b",
        "<p",
        "<>a</>",
        "< p>a</p>",
        "</p>a<p>",
        "<p>a</p",
        "&#0;a",
        "&#x0;",
        "&#xD800;a",
        "&#8;a",
        "&#x110000;a",
        "&#+65;",
        "&;a",
        "&#;a",
        "a\u{0}",
        "a\u{8}",
        "a\u{fffe}",
        "a]]>b",
        "<p a>b</p>",
        "<break time=1s/>a",
        "<break time='1s' time='2s'/>a",
        "<break time='1s'strength='weak'/>a",
        "<break time='1s/>a",
        "<break time='<'/>a",
        "<break / >a",
        "<!-- a -- b -->a",
        "<!-- a",
        "<![CDATA[a",
        "a <? b ?>",
        "<prosody rate='&e;'>a</prosody>",
    ] {
        is_invalid(fragment);
    }
}

#[test]
fn what_is_not_allowed_is_refused() {
    for fragment in [
        "<script>a</script>",
        "<audio src='x.wav'/>a",
        "<P>a</P>",
        "<x:p>a</x:p>",
        "<p id='1'>a</p>",
        "<p onclick='x'>a</p>",
        "<?xml version='1.0'?><p>a</p>",
        "<?php a ?>a",
        "<!DOCTYPE p>a",
        "<sub alias='b'>a</sub>",
        "<say-as interpret-as='date'>1</say-as>",
        "<!DOCTYPE s [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]><p>&c;</p>",
        "<!DOCTYPE s [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>&a;",
        "<break>a</break>",
        "<break><p>a</p></break>",
        "<break time='11s'/>a",
        "<break time='10001ms'/>a",
        "<break time='-1s'/>a",
        "<break time='1'/>a",
        "<break time='1m'/>a",
        "<break time='infs'/>a",
        "<break time='1e1s'/>a",
        "<break time=''/>a",
        "<break strength='huge'/>a",
        "<emphasis level='5'>a</emphasis>",
        "<prosody rate='5'>a</prosody>",
        "<prosody rate='NaN%'>a</prosody>",
        "<prosody rate='quick'>a</prosody>",
        "<prosody pitch='1st'>a</prosody>",
        "<prosody volume='50'>a</prosody>",
        "<prosody contour='x'>a</prosody>",
        "<prosody rate='--5%'>a</prosody>",
        "<prosody rate='5,5%'>a</prosody>",
        "<prosody rate='99999999999999999999%'>a</prosody>",
    ] {
        is_invalid(fragment);
    }
    is_invalid(&format!("{}a{}", "<s>".repeat(33), "</s>".repeat(33)));
    is_invalid(&format!("{}a", "<break time='10s'/>".repeat(61)));
}

#[test]
fn an_error_quotes_nothing() {
    for fragment in
        ["<secret>a</secret>", "<p>&secret;</p>", "<p>a</secret>", "<p secret='secret'>a</p>", "secret & lies"]
    {
        let error = Script::from_ssml(fragment, LIMIT).unwrap_err();
        assert!(!error.causes().is_empty() && !error.causes().contains("secret"), "{}", error.causes());
    }
}

#[test]
fn nothing_to_speak_is_told() {
    for fragment in [
        "",
        " \n",
        "<p></p>",
        "<p> </p><break/>",
        "😀👍🏽",
        "...!?",
        "<speak/>",
        "<!-- text -->",
        "&#32;\u{200b}",
        "、。",
    ] {
        assert_eq!(refusal(Script::from_ssml(fragment, LIMIT)), "No text provided", "{fragment:?}");
    }
    for texts in [&[][..], &[""], &[" ", "\n\t"], &["😀", "—"]] {
        assert_eq!(refusal(Script::from_paragraphs(texts, LIMIT)), "No text provided", "{texts:?}");
    }
    assert_eq!(told("😀 <p>5</p> !"), ["5"]);
}

#[test]
fn the_limit_counts_characters_as_they_were_sent() {
    let exact = format!("<p>{}</p>", "Жж ".repeat(1_000)).replace("Жж </p>", "Жж</p>");
    let long = exact.chars().count();
    assert!(Script::from_ssml(&exact, long).is_ok());
    assert_eq!(refusal(Script::from_ssml(&exact, long - 1)), format!("Too large text (> {} characters)", long - 1));
    // Larger and not well-formed: the size is looked at first.
    assert_eq!(refusal(Script::from_ssml(&"<".repeat(5_001), LIMIT)), "Too large text (> 5000 characters)");
    assert!(Script::from_paragraphs(&["&".repeat(2_499), "<a".to_owned()], 2_501).is_ok());
    assert_eq!(refusal(Script::from_paragraphs(&["ab", "cd"], 3)), "Too large text (> 3 characters)");
}

#[test]
fn paragraphs_are_plain() {
    let script = Script::from_paragraphs(&["Tom & <b>", "", "]]> \"x\" 'y'\r\n\u{b}z"], LIMIT).unwrap();
    assert_eq!(script.ssml, "<p>Tom &amp; &lt;b&gt;</p><p>]]&gt; \"x\" 'y' \n z</p>");
    assert_eq!(script.text(), "Tom & <b> ]]> \"x\" 'y' z");
    assert_eq!(Script::from_ssml(&script.ssml, LIMIT).unwrap(), script);
    for text in ["a\u{0}", "\u{1b}[1m", "a\u{7f}", "a\u{9b}", "a\u{ffff}"] {
        assert_eq!(refusal(Script::from_paragraphs(&[text], LIMIT)), "Invalid route_text", "{text:?}");
    }
}

#[test]
fn a_title_is_the_first_words() {
    let title = |text: &str| Script::from_paragraphs(&[text], LIMIT).unwrap().title();
    assert_eq!(title("A  short\none"), "A short one");
    assert_eq!(title(&"word ".repeat(50)), "word ".repeat(12).trim_end());
    assert_eq!(title(&"山".repeat(100)), "山".repeat(60));
    assert_eq!(title(&format!("{}!", "x".repeat(60))).chars().count(), 50);
}

#[test]
fn too_much_is_quickly_refused() {
    let begun = Instant::now();
    assert!(refusal(Script::from_ssml(&"<p>".repeat(3_500_000), LIMIT)).starts_with("Too large"));
    assert!(refusal(Script::from_paragraphs(&["a".repeat(10_000_000)], LIMIT)).starts_with("Too large"));
    is_invalid(&"<p>".repeat(1_600));
    assert_eq!(refusal(Script::from_ssml(&format!("a{}", "<break/>".repeat(5_000)), 50_000)), "Invalid route_text");
    assert_eq!(told(&format!("a{}b", "<break time='100ms'/>".repeat(5_000))), ["a", "500000", "b"]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
