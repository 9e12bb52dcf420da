//! What an image is made of: bytes in, bytes out, no I/O.
