//! The tables of a JPEG's decoder (ITU-T T.81, B.2.4): each is put in a place of its kind, where a scan finds it.

use crate::images::pixels::{Refusal, damaged};

/// Quantisation tables, Huffman tables, and the distance of restart markers.
const QUANTISATION: u8 = 0xdb;
const HUFFMAN: u8 = 0xc4;
const RESTARTS: u8 = 0xdd;

/// The places of a kind.
const PLACES: u8 = 4;

/// The places that were filled since the last scan: at most four of quantisation, eight of codes, one distance. To
/// fill one again would leave a table that nothing reads.
#[derive(Default)]
pub(super) struct Places(u16);

impl Places {
    /// What is kept of a segment, if it is one of tables: these, and nothing behind them.
    ///
    /// # Errors
    /// For tables that are not whole, and those that overwrite one before any scan used it.
    pub(super) fn fill<'a>(&mut self, marker: u8, payload: &'a [u8]) -> Result<Option<&'a [u8]>, Refusal> {
        match marker {
            QUANTISATION | HUFFMAN => {
                let mut rest = payload;
                while let Some(first) = rest.first() {
                    let (kind, place) = (first >> 4, first & 0xf);
                    let length = if marker == HUFFMAN { codes(rest) } else { Some(1 + 64 * (1 + usize::from(kind))) };
                    rest = length.and_then(|length| rest.get(length..)).ok_or_else(|| damaged("half a table"))?;
                    if kind > 1 || place >= PLACES {
                        return Err(damaged(format_args!("a table of kind {kind} in place {place}")));
                    }
                    self.take(if marker == HUFFMAN { PLACES * (1 + kind) + place } else { place })?;
                }
                Ok(Some(payload))
            }
            RESTARTS => {
                self.take(3 * PLACES)?;
                Ok(Some(payload.get(..2).unwrap_or(payload)))
            }
            _ => Ok(None),
        }
    }

    fn take(&mut self, place: u8) -> Result<(), Refusal> {
        let bit = 1 << place;
        if self.0 & bit != 0 {
            return Err(damaged("a table that nothing reads"));
        }
        self.0 |= bit;
        Ok(())
    }
}

/// The bytes of a Huffman table: its place, how many codes there are of each length, what they stand for.
fn codes(table: &[u8]) -> Option<usize> {
    Some(17 + table.get(1..17)?.iter().map(|count| usize::from(*count)).sum::<usize>())
}
