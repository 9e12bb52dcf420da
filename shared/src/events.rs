//! Workers under the Lambda door.
