//! Texts in three languages, as long as wanted, each another.

/// A language with sentences of everyday prose.
pub(crate) struct Prose {
    pub(crate) name: &'static str,
    /// What espeak-ng calls its voice.
    pub(crate) voice: &'static str,
    sentences: &'static [&'static str],
    /// Between sentences.
    space: &'static str,
}

pub(crate) const ENGLISH: Prose = Prose {
    name: "English",
    voice: "en-us",
    sentences: &[
        "The old bridge was closed for most of the winter, and people had to walk around by the mill.",
        "Nobody remembered who had planted the chestnut trees along the river.",
        "In the morning the market fills with farmers, bakers and a man who repairs umbrellas.",
        "If you follow the path behind the church, you will come to a small gate in the wall.",
        "She had bought the house without seeing it, which her brother never understood.",
        "There were twelve steps down to the cellar, and the last one was missing.",
        "After the rain the whole valley smelled of wet stone and thyme.",
        "The guide speaks four languages, though none of them as quickly as her own.",
        "Turn left at the fountain, keep the tower on your right, and do not miss the view from the terrace.",
        "It is said that the painter lived here for two years and paid his rent with pictures.",
    ],
    space: " ",
};

pub(crate) const RUSSIAN: Prose = Prose {
    name: "Russian",
    voice: "ru",
    sentences: &[
        "Старый мост закрыли на всю зиму, и людям приходилось обходить его мимо мельницы.",
        "Никто уже не помнил, кто посадил каштаны вдоль реки.",
        "Утром на рынок приходят крестьяне, пекари и человек, который чинит зонты.",
        "Если пойти по тропинке за церковью, можно найти маленькую калитку в стене.",
        "Она купила дом, даже не посмотрев на него, и брат так этого и не понял.",
        "В подвал вели двенадцать ступеней, и последней не хватало.",
        "После дождя вся долина пахла мокрым камнем и чабрецом.",
        "Поверните налево у фонтана и не пропустите вид с террасы.",
    ],
    space: " ",
};

pub(crate) const CHINESE: Prose = Prose {
    name: "Chinese",
    voice: "cmn-latn-pinyin",
    sentences: &[
        "那座旧桥整个冬天都关闭了，人们只好从磨坊那边绕过去。",
        "没有人记得河边的栗子树是谁种的。",
        "早上的市场里有农民、面包师，还有一个修雨伞的人。",
        "如果你沿着教堂后面的小路走，就会看到墙上有一扇小门。",
        "她没有看过房子就把它买了下来，她的哥哥一直不明白。",
        "雨后整个山谷都有湿石头和百里香的味道。",
        "在喷泉那里向左转，不要错过露台上的风景。",
    ],
    space: "",
};

impl Prose {
    /// At most `characters` of whole sentences; another order for each `number`.
    pub(crate) fn text(&self, number: usize, characters: usize) -> String {
        let (mut text, mut length) = (String::new(), 0);
        for index in 0.. {
            let sentence = self.sentences[(index * (number % 3 + 1) + number) % self.sentences.len()];
            // Told apart by a number, so that nothing was rendered before.
            let sentence = if index == 0 { format!("{number}. {sentence}") } else { sentence.to_owned() };
            length += sentence.chars().count() + self.space.chars().count();
            if length > characters {
                break;
            }
            text.push_str(&sentence);
            text.push_str(self.space);
        }
        text
    }
}
