//! Images: what judging them costs.

pub(crate) mod examine;
