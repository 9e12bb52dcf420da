//! Languages, told from texts as people write them.

use super::super::Language;

/// Everyday English, short: none of it may be taken for another language.
const ENGLISH: &[&str] = &[
    "Hello there",
    "Turn left now.",
    "Good morning, Anna!",
    "I am begging pardon",
    "The museum opens at 10:30.",
    "Where is the station?",
    "Please mind the gap.",
    "Bus 42 leaves in 5 minutes.",
    "John Smith lives in Berlin.",
    "We met Angela Merkel in Paris.",
    "Ticket no. 1234567",
    "Continue straight for 300 meters.",
    "It costs $12.50.",
    "Thank you very much indeed!",
    "Mr. and Mrs. Johnson are here.",
    "In one kilometer, keep right.",
    "My name is Giovanni Rossi.",
    "The café is closed.",
    "Call me at 555 1234 tomorrow.",
    "You have arrived at your destination.",
    "Do not feed the pigeons.",
    "St. Peter's Basilica is on your right.",
    "A large pepperoni pizza, please.",
    "Built in 1889 by Gustave Eiffel.",
    "He plays the violin beautifully.",
    "Rain is expected later today.",
    "Her new laptop broke again.",
    "Open the door!",
    "Nobody knows what happened next.",
    "Flight BA 117 is now boarding at gate B12.",
    "Chapter 3: The Long Winter",
    "Three red apples and two bananas",
    "Leave your luggage at reception.",
    "Can you hear me?",
    "Dinner is served at seven.",
    "Welcome to Amsterdam Centraal station",
    "Once upon a time in Mexico",
    "Put on a warm jacket.",
    "Keep calm and carry on",
    "Order number 77-A-19 has been shipped.",
    "No smoking in the lobby",
    "Santa Monica beach, Los Angeles, California",
    "Las Vegas, Nevada, United States",
    "Ludwig van Beethoven was born in Bonn.",
    "San Francisco de Asis Mission Church",
    "Walk along the river until the old bridge.",
    "This palace belonged to Catherine the Great.",
    "Version 2.0 is available for download.",
    "Press 1 for sales, 2 for support.",
    "Our guide Marta speaks four languages.",
    "The quick brown fox jumps over the lazy dog.",
    "Emergency exit, alarm will sound",
    "She sells sea shells by the sea shore.",
    "Battery low. Connect the charger.",
    "Add two cups of flour and stir.",
    "Traffic ahead: expect a 15 minute delay.",
    "Let's go home, it's getting late.",
    "Room 204 is on the second floor.",
    "Happy birthday, dear Katarzyna!",
    "Dr. Müller will see you at noon.",
    "Machu Picchu stands above the Urubamba valley.",
    "Taxi fares start at 3 euros.",
    "Error 404: page not found",
    "I love spaghetti, tiramisu and espresso.",
    "Everything is fine.",
    "Monday, January 1, 2024",
    "Test",
    "One two three four five six seven",
    "Sagrada Familia was designed by Antoni Gaudi.",
    "Kyoto, Osaka and Nara in five days",
    "Metropolitan Museum, Central Park, Fifth Avenue, Manhattan, New York City",
    "Built by Bartolomeo Rastrelli, Winter Palace remains Saint Petersburg's finest baroque building.",
    "Giuseppe Verdi, Giacomo Puccini, Gioachino Rossini: three evenings of Italian opera",
    "Turn right onto Kurfuerstendamm, then continue straight along Tauentzienstrasse until Wittenbergplatz.",
    "Volkswagen, Mercedes-Benz, Lufthansa: German companies listed on Frankfurt stock exchange",
    "Breakfast included, free parking, swimming pool, rooftop bar, pets allowed, late checkout",
];

/// A sentence or two of at least 60 characters each.
const OTHERS: &[(&str, &str)] = &[
    ("ru", "Этот дворец построили в восемнадцатом веке, и сегодня в нём находится музей."),
    ("ru", "Поверните направо и пройдите триста метров вдоль набережной до старого моста."),
    ("uk", "Цей палац збудували у вісімнадцятому столітті, і сьогодні в ньому є музей."),
    ("be", "Гэты палац пабудавалі ў васямнаццатым стагоддзі, і сёння ў ім знаходзіцца музей."),
    ("bg", "Този дворец е построен през осемнадесети век и днес в него се намира музей на града."),
    ("sr", "Ова палата је саграђена у осамнаестом веку и данас се у њој налази музеј и кућа."),
    ("mk", "Оваа палата е изградена во осумнаесеттиот век и денес во неа се наоѓа музеј."),
    ("kk", "Бұл сарай он сегізінші ғасырда салынған, бүгінде онда қала мұражайы орналасқан."),
    (
        "zh",
        "这座宫殿建于十八世纪,如今里面是一座博物馆,每天上午十点开放,参观大约需要两个小时,请沿着河边步行三百米,然后在老桥右转。",
    ),
    (
        "ja",
        "この宮殿は十八世紀に建てられ、現在は博物館として毎日公開されています。川に沿って三百メートルほど歩いてください。",
    ),
    (
        "ko",
        "이 궁전은 십팔 세기에 지어졌으며 오늘날에는 박물관으로 매일 공개되고 있습니다. 강을 따라 삼백 미터를 걸으세요.",
    ),
    ("de", "Dieser Palast wurde im achtzehnten Jahrhundert gebaut und beherbergt heute ein Museum."),
    ("fr", "Ce palais a été construit au dix-huitième siècle et abrite aujourd'hui un musée."),
    ("es", "Este palacio fue construido en el siglo dieciocho y hoy alberga un museo de la ciudad."),
    ("it", "Questo palazzo fu costruito nel diciottesimo secolo e oggi ospita un museo della città."),
    ("pt", "Este palácio foi construído no século dezoito e hoje abriga um museu da cidade, não muito longe do rio."),
    ("pl", "Ten pałac został zbudowany w osiemnastym wieku, a dziś mieści się w nim muzeum."),
    ("cs", "Tento palác byl postaven v osmnáctém století a dnes je v něm muzeum našeho města."),
    ("nl", "Dit paleis werd in de achttiende eeuw gebouwd en is tegenwoordig een museum van de stad."),
    ("sv", "Detta palats byggdes på sjuttonhundratalet och inrymmer idag ett museum över stadens historia."),
    ("fi", "Tämä palatsi rakennettiin kahdeksannellatoista vuosisadalla, ja nykyään siinä toimii museo."),
    ("hu", "Ezt a palotát a tizennyolcadik században építették, és ma egy múzeum működik benne."),
    ("tr", "Bu saray on sekizinci yüzyılda inşa edilmiştir ve bugün içinde bir müze bulunmaktadır."),
    ("da", "Dette palads blev bygget i det attende århundrede, og i dag ligger der et museum i bygningen."),
    ("de", "Biegen Sie an der nächsten Kreuzung rechts ab und folgen Sie dem Fluss bis zur alten Brücke."),
    ("fr", "Tournez à droite au prochain carrefour et suivez la rivière jusqu'au vieux pont de pierre."),
    ("es", "Gire a la derecha en el próximo cruce y siga el río hasta llegar al viejo puente de piedra."),
    ("it", "Girate a destra al prossimo incrocio e seguite il fiume fino al vecchio ponte di pietra."),
    ("nl", "Sla bij het volgende kruispunt rechtsaf en volg de rivier tot aan de oude stenen brug."),
    ("ro", "Acest palat a fost construit în secolul al optsprezecelea și astăzi găzduiește un muzeu."),
    ("vi", "Cung điện này được xây dựng vào thế kỷ mười tám và ngày nay là một viện bảo tàng."),
    ("id", "Istana ini dibangun pada abad kedelapan belas dan sekarang menjadi sebuah museum yang dapat dikunjungi."),
    ("el", "Αυτό το παλάτι χτίστηκε τον δέκατο όγδοο αιώνα και σήμερα στεγάζει ένα μουσείο."),
    ("he", "הארמון הזה נבנה במאה השמונה עשרה וכיום יש בו מוזיאון של העיר, לא רחוק מן הנהר."),
    ("ar", "بني هذا القصر في القرن الثامن عشر وهو اليوم متحف مفتوح للزوار كل يوم من الصباح."),
    ("fa", "این کاخ در قرن هجدهم ساخته شد و امروز موزه‌ای در آن است که پنجره‌هایش رو به رودخانه است."),
    ("ur", "یہ محل اٹھارہویں صدی میں تعمیر کیا گیا تھا اور آج اس میں ایک عجائب گھر ہے۔"),
    ("hi", "यह महल अठारहवीं शताब्दी में बनाया गया था और आज इसमें शहर का एक संग्रहालय है।"),
    ("th", "พระราชวังแห่งนี้สร้างขึ้นในศตวรรษที่สิบแปด และปัจจุบันเป็นพิพิธภัณฑ์ของเมือง"),
    ("ka", "ეს სასახლე მეთვრამეტე საუკუნეში აშენდა და დღეს მასში ქალაქის მუზეუმია."),
    ("hy", "Այս պալատը կառուցվել է տասնութերորդ դարում, և այսօր այնտեղ քաղաքի թանգարանն է։"),
    ("ta", "இந்த அரண்மனை பதினெட்டாம் நூற்றாண்டில் கட்டப்பட்டது, இன்று இது ஒரு அருங்காட்சியகம்."),
];

/// Short, or of several scripts.
const SHORT: &[(&str, &str)] = &[
    ("en", ""),
    ("en", "1 2 3 4 5"),
    ("en", "+7 495 123-45-67"),
    ("ru", "Привет"),
    ("ru", "Привет, как дела?"),
    ("ru", "Добро пожаловать в музей!"),
    ("ru", "Москва, Красная площадь, 1"),
    ("ru", "Река Нева, Летний сад"),
    ("ru", "Мы слушали песню Yesterday группы The Beatles весь вечер"),
    ("ru", "Слово «Київ» на русском языке пишут иначе, и это давно известно всем нашим слушателям."),
    ("uk", "Привіт, Україно!"),
    ("uk", "Та нічого, все нормально. А в тебе як?"),
    ("be", "Прывітанне, сябры! Як справы?"),
    ("zh", "你好"),
    ("zh", "我在用 Microsoft Windows 操作系统写文章"),
    ("zh", "请打开 GPS 导航"),
    ("en", "Yesterday we met our friend 王小明 at the station"),
    ("en", "The word Москва means Moscow"),
    ("ja", "東京タワー"),
    ("ja", "こんにちは、世界"),
    ("ko", "안녕하세요"),
    ("el", "Καλημέρα"),
    ("th", "สวัสดี"),
];

fn wrong(samples: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<String> {
    let told = samples.map(|(tag, text)| (tag, Language::of_text(text), text));
    told.filter(|(tag, told, _)| told.tag() != *tag)
        .map(|(tag, told, text)| format!("{tag} as {told:?}: {text}"))
        .collect()
}

#[test]
fn short_english_stays_english() {
    assert!(ENGLISH.len() >= 60);
    assert_eq!(wrong(ENGLISH.iter().map(|text| ("en", *text))), Vec::<String>::new());
}

#[test]
fn a_sentence_tells_its_language() {
    assert_eq!(wrong(OTHERS.iter().copied()), Vec::<String>::new());
}

#[test]
fn a_script_tells_it_in_a_word() {
    assert_eq!(wrong(SHORT.iter().copied()), Vec::<String>::new());
}

#[test]
fn a_tag_is_its_first_subtag() {
    for (tag, is) in [("en", "en"), ("en-US", "en"), ("zh_CN", "zh"), ("ZH-hant-tw", "zh"), ("yue", "yue")] {
        assert_eq!(Language::of_tag(tag).as_ref().map(Language::tag), Some(is), "{tag}");
    }
    let long = format!("en-{}", "a".repeat(33));
    for tag in
        ["", "e", "english", "en-", "en--US", "e1", "рус", "ру", "en US", "../en", "-en", "en-US\n", "x-klingon", &long]
    {
        assert_eq!(Language::of_tag(tag), None, "{tag}");
    }
}
