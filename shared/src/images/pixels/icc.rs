//! Colour profiles (ICC.1:2022): kept when they look like one, and within a bound.

/// The longest profile: twice that of the largest press profiles in common use.
pub(super) const MAX_PROFILE: usize = 2 * 1024 * 1024;

/// The bytes of a profile's header.
const HEADER: usize = 128;

/// What may follow the length that the header tells: some writers pad to a multiple of four.
const PADDING: usize = 3;

/// Whether this is a profile, and nothing behind it.
pub(super) fn is_profile(profile: &[u8]) -> bool {
    let (Some([a, b, c, d]), Some(signature)) = (profile.first_chunk::<4>(), profile.get(36..40)) else { return false };
    let declared = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    signature == b"acsp"
        && (HEADER..=MAX_PROFILE).contains(&declared)
        && (declared..=declared + PADDING).contains(&profile.len())
}
