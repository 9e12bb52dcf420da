//! x

mod lambda;
