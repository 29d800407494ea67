//! The data plane of Userstream.
