//! The `UserStreamPipeline` resource.
