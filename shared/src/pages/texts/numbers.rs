//! Numbers and sizes as a language writes them: as `Intl.NumberFormat` does, which the scripts use.

/// How a language writes numbers.
pub(in crate::pages) struct Units {
    /// Between groups of three digits.
    pub(super) group: char,
    /// Before the fraction.
    pub(super) point: char,
    /// Between a number and its unit.
    pub(super) space: char,
    /// From bytes to terabytes, by thousands.
    pub(super) bytes: [&'static str; 5],
    /// Of 2^20 bytes.
    pub(super) mebibyte: &'static str,
}

impl Units {
    /// A whole number.
    pub(in crate::pages) fn number(&self, number: u64) -> String {
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(self.group);
            }
            text.push(digit);
        }
        text
    }

    /// A size, with one digit of fraction from megabytes on.
    pub(in crate::pages) fn bytes(&self, count: u64) -> String {
        let mut power = 0;
        let mut scale = 1_u64;
        while power + 1 < self.bytes.len() && count / scale >= 1000 {
            scale *= 1000;
            power += 1;
        }
        let tenths = if power > 1 { 10 } else { 1 };
        // Rounded half up; below 2^64 with room for the factor.
        let rounded = (u128::from(count) * tenths + u128::from(scale) / 2) / u128::from(scale);
        let whole = u64::try_from(rounded / tenths).unwrap_or(u64::MAX);
        let fraction = match rounded % tenths {
            0 => String::new(),
            digit => format!("{}{digit}", self.point),
        };
        format!("{}{fraction}{}{}", self.number(whole), self.space, self.bytes[power])
    }

    /// A limit, which is a whole number of mebibytes.
    pub(in crate::pages) fn mebibytes(&self, count: u64) -> String {
        format!("{}{}{}", self.number(count >> 20), self.space, self.mebibyte)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{en, ru};

    /// As Node's `Intl` writes them.
    #[test]
    fn sizes_are_written_as_scripts_write_them() {
        let (en, ru) = (en::TEXTS.units, ru::TEXTS.units);
        for (count, text) in [
            (0, "0 byte"),
            (999, "999 byte"),
            (5250, "5 kB"),
            (5_242_880, "5.2 MB"),
            (2_000_000, "2 MB"),
            (5_250_000_000, "5.3 GB"),
            (1_234_500_000_000_000, "1,234.5 TB"),
        ] {
            assert_eq!(en.bytes(count), text);
        }
        assert_eq!(ru.bytes(5_242_880), "5,2\u{a0}МБ");
        assert_eq!(
            (en.number(1_234_567), ru.number(1000), en.number(7)),
            ("1,234,567".into(), "1\u{a0}000".into(), "7".into())
        );
        assert_eq!(en.bytes(u64::MAX), "18,446,744.1 TB");
    }
}
