//! What a program is told of the voice and the manner of speaking.

use crate::speech::engine::Voice;
use crate::speech::script::Style;

/// Words a minute at the voice's own speed: what espeak-ng and its kin count from.
const WORDS: f32 = 175.0;

/// Fills the placeholders of one argument ([`crate::config::PLACEHOLDERS`]) in one pass: what is filled in is not looked
/// at again.
pub(super) fn fill(argument: &str, voice: &Voice, style: Style, speed: f32) -> String {
    let mut filled = String::with_capacity(argument.len());
    let mut rest = argument;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let word = from[1..].split_once('}').and_then(|(word, after)| Some((value(word, voice, style, speed)?, after)));
        rest = match word {
            Some((value, after)) => {
                filled.push_str(&value);
                after
            }
            None => {
                filled.push('{');
                &from[1..]
            }
        };
    }
    filled + rest
}

fn value(word: &str, voice: &Voice, style: Style, speed: f32) -> Option<String> {
    let speed = style.rate * speed;
    Some(match word {
        "voice" => voice.name.clone(),
        "language" => voice.language.clone(),
        "speed" => format!("{speed:.3}"),
        "wpm" => format!("{:.0}", (WORDS * speed).max(1.0)),
        // An octave is all of one half of espeak-ng's scale.
        "pitch" => format!("{:.0}", (50.0 + 50.0 * style.pitch.max(0.01).log2()).clamp(0.0, 99.0)),
        "volume" => format!("{:.0}", (100.0 * style.volume).clamp(0.0, 200.0)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::fill;
    use crate::speech::engine::Voice;
    use crate::speech::script::Style;

    #[test]
    fn placeholders_are_filled_once() {
        let voice = Voice { engine: "x".to_owned(), name: "{speed}".to_owned(), language: "en".to_owned() };
        let style = Style { rate: 1.5, pitch: 2.0, volume: 0.5 };
        let filled = |argument| fill(argument, &voice, style, 2.0);
        assert_eq!(filled("/v/{voice}.onnx"), "/v/{speed}.onnx");
        assert_eq!(filled("{language}-{speed}-{wpm}-{pitch}-{volume}"), "en-3.000-525-99-50");
        assert_eq!(filled("{\"a\": {speed}"), "{\"a\": 3.000");
        assert_eq!(filled("{"), "{");
    }
}
