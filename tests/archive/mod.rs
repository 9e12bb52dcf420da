//! Archives: that their bytes are right, and that every reader thinks so.

mod layout;
mod readers;
