//! The rig: real servers, and what the black-box tests share.
