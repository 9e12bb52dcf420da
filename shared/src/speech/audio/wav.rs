//! The head of a WAV file whose length is not known yet.

/// Stands for a length that is not known.
const OPEN: u32 = u32::MAX;

/// 16-bit PCM, mono.
pub(super) fn header(rate: u32) -> [u8; 44] {
    let mut header = [0; 44];
    let parts: [&[u8]; 13] = [
        b"RIFF",
        &OPEN.to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16u32.to_le_bytes(),
        &1u16.to_le_bytes(),
        &1u16.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * 2).to_le_bytes(),
        &2u16.to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &OPEN.to_le_bytes(),
    ];
    let mut at = 0;
    for part in parts {
        header[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    header
}
