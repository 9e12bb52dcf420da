//! Sets of byte positions, as ranges: what is there, and what is missing.

use std::ops::Range;

/// Positions, as ranges that are sorted, apart from each other and not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// The union of ranges in any order.
    pub fn union(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        sorted.sort_unstable_by_key(|range| range.start);
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Self(joined)
    }

    /// What of `whole` is not here.
    pub fn missing_of(&self, whole: Range<u64>) -> Self {
        let (mut missing, mut at) = (Vec::new(), whole.start);
        for range in &self.0 {
            if range.end <= at {
                continue;
            }
            if range.start >= whole.end {
                break;
            }
            if range.start > at {
                missing.push(at..range.start);
            }
            at = range.end;
        }
        if at < whole.end {
            missing.push(at..whole.end);
        }
        Self(missing)
    }

    /// What of it lies in `window`.
    #[must_use]
    pub fn within(&self, window: &Range<u64>) -> Self {
        let cut = self.0.iter().map(|range| range.start.max(window.start)..range.end.min(window.end));
        Self(cut.filter(|range| !range.is_empty()).collect())
    }

    /// Where the run that begins at `at` ends; `at` itself if it is not here.
    pub fn run_from(&self, at: u64) -> u64 {
        self.0.iter().find(|range| range.contains(&at)).map_or(at, |range| range.end)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Range<u64>> {
        self.0.iter()
    }

    /// How many ranges.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Ranges {
    type Item = &'a Range<u64>;
    type IntoIter = std::slice::Iter<'a, Range<u64>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::Ranges;

    /// Every set of up to three ranges over a few positions, against a bitmap.
    #[test]
    fn arithmetic_is_that_of_sets() {
        const WIDTH: u64 = 6;
        let all: Vec<Range<u64>> = (0..=WIDTH).flat_map(|start| (start..=WIDTH).map(move |end| start..end)).collect();
        for first in &all {
            for second in &all {
                for third in [0..0, 2..4, 5..6] {
                    check([first.clone(), second.clone(), third], WIDTH);
                }
            }
        }
    }

    fn check(ranges: [Range<u64>; 3], width: u64) {
        let has = |at: u64| ranges.iter().any(|range| range.contains(&at));
        let set = Ranges::union(ranges.clone());
        assert!(set.0.windows(2).all(|pair| pair[0].end < pair[1].start), "{set:?}");
        for window in [0..width, 1..4, 3..3] {
            let (missing, inside) = (set.missing_of(window.clone()), set.within(&window));
            for at in 0..width {
                let within = window.contains(&at);
                assert_eq!(missing.0.iter().any(|range| range.contains(&at)), within && !has(at));
                assert_eq!(inside.0.iter().any(|range| range.contains(&at)), within && has(at));
            }
        }
        for at in 0..width {
            let end = (at..).find(|at| !has(*at)).unwrap_or(at);
            assert_eq!(set.run_from(at), end, "{set:?} from {at}");
        }
    }
}
