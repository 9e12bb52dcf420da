//! Phrases, and numbers in them.

use super::super::{PHRASE_LIMIT, numbers, phrases};

fn count(text: &str) -> usize {
    text.chars().count()
}

#[test]
fn a_phrase_is_a_sentence() {
    let text =
        "The first sentence is one of some length. The second one is not much shorter! Is the third one a question?";
    assert_eq!(phrases::split(text).len(), 3);
    let text = "Первое предложение довольно длинное, но не слишком. Второе предложение — тоже не из коротких! А третье — вопрос?";
    assert_eq!(phrases::split(text).len(), 3);
    let chinese = "这座宫殿建于十八世纪,如今里面是一座博物馆,每天上午十点开放,参观大约需要两个小时。".repeat(6);
    assert!(phrases::split(&chinese).iter().all(|phrase| phrase.ends_with('。')));
    for (mark, word) in [('؟', "كلمة "), ('।', "शब्द ")] {
        let text = format!("{}{mark} ", word.repeat(10).trim_end()).repeat(3);
        assert_eq!(phrases::split(&text).len(), 3, "{text}");
    }
}

#[test]
fn an_abbreviation_ends_no_sentence() {
    for text in [
        "We waited in front of the old town hall for Mr. Smith and his wife.",
        "The book that everybody reads at school was written by J. R. R. Tolkien in Oxford.",
        "Мы долго шли пешком от вокзала и вышли на площадь им. Пушкина.",
        "Роман, который все читают в школе, написал в 1869 году граф Л. Н. Толстой.",
        "The value of this number is about 3.14159 and nobody knows all of it.",
        "Yes. No. Hm. Well.",
    ] {
        assert_eq!(phrases::split(text), [text]);
    }
}

#[test]
fn a_long_sentence_is_cut_at_commas_then_at_spaces_then_anywhere() {
    let commas = "and on it goes for ever and a day, ".repeat(40);
    let cut = phrases::split(&commas);
    assert!(cut.iter().all(|phrase| phrase.ends_with(',') && count(phrase) > PHRASE_LIMIT / 2), "{cut:?}");
    let spaces = "again ".repeat(200);
    let cut = phrases::split(&spaces);
    assert!(cut.iter().all(|phrase| phrase.ends_with("again") && count(phrase) > PHRASE_LIMIT / 2), "{cut:?}");
    let ideographs = "山".repeat(1_000);
    assert_eq!(phrases::split(&ideographs).concat(), ideographs);
    let family = "👨‍👩‍👧‍👦é";
    let cut = phrases::split(&"n\u{303}".repeat(400));
    assert!(cut.iter().all(|phrase| count(phrase) <= PHRASE_LIMIT && phrase.starts_with('n')), "{cut:?} {family}");
    let tower = format!("a{}b", "\u{301}".repeat(5_000));
    assert!(phrases::split(&tower).iter().all(|phrase| count(phrase) <= PHRASE_LIMIT));
}

#[test]
fn what_is_not_seen_is_not_said() {
    let text = " \t co\u{ad}oper\u{200b}a\u{2060}tion\r\n\u{202e}is\u{202c}\u{3000}\u{feff}good\u{7f}\u{a0}! ";
    assert_eq!(phrases::split(text), ["cooperation is good !"]);
    assert_eq!(phrases::split("موزه\u{200c}ای"), ["موزه\u{200c}ای"]);
    assert_eq!(phrases::split(&"B".repeat(120)), [format!("{0} {0} {1}", "B".repeat(50), "B".repeat(20))]);
}

#[test]
fn numbers_stand_apart() {
    for (text, apart) in [
        ("1 2 3 4", "1, 2, 3, 4"),
        ("999 1000", "999, 1000"),
        ("98 99 100 101 102 103", "98, 99, 100, 101, 102, 103"),
        ("1\n2\t3", "1, 2, 3"),
        ("1st 2nd 3rd", "1st, 2nd, 3rd"),
        ("5% 10% (15 20)", "5%, 10%, (15, 20)"),
        ("-1 -2 +3", "-1, -2, +3"),
        ("May 5 2024", "May 5, 2024"),
        ("8 800 555 35 35.", "8, 800, 555, 35, 35."),
        ("1,2,3", "1, 2, 3"),
        ("(10;20;30),", "(10; 20; 30),"),
        ("12345678901234567890", "123, 456, 789, 012, 345, 678, 90"),
    ] {
        assert_eq!(numbers::apart(text), apart);
    }
}

#[test]
fn a_number_in_groups_is_one() {
    for (text, apart) in [
        ("1 000 000", "1000000"),
        ("over 20 000 people, 1 000-2 000 a day", "over 20000 people, 1000-2000 a day"),
        ("1\u{a0}234\u{a0}567 рублей", "1234567 рублей"),
        ("12\u{202f}345,50 €", "12345,50 €"),
        ("в 2024 1\u{a0}000 человек", "в 2024, 1000 человек"),
        ("12\u{a0}34", "12, 34"),
        ("3.14 000", "3.14, 000"),
    ] {
        assert_eq!(numbers::apart(text), apart);
    }
}

#[test]
fn what_may_be_one_number_stays() {
    for text in [
        "12 345",
        "100 101 102",
        "1 234 567",
        "$12 345.",
        "1,000,000",
        "1,5",
        "3.14",
        "01.02.2024",
        "2024-02-01",
        "10:30",
        "2 1/2",
        "+7 495",
        "89261234567",
        "192.168.0.1",
        "55.75,37.61",
        "Room 5, 6",
        "5 apples 6 pears",
        "1. 2. 3.",
        "٣ ٤",
    ] {
        assert_eq!(numbers::apart(text), text);
    }
}
