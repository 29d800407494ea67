//! The source that a pipeline describes.

use std::path::Path;

use ipnet::IpNet;
use userstream_crds::model::{Pipeline, SourceKind};

use super::{Generator, HttpSource, Page, Source, SourceError};
use crate::log::SourcePosition;
use crate::runtime::clock::Clock;

/// A source of any kind.
pub enum AnySource {
    /// An HTTP API.
    Http(Box<HttpSource>),
    /// Synthetic users.
    Generator(Generator),
}

/// The pipeline has no source: other producers fill its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pipeline has no source: other producers fill its topic")]
pub struct NoSource;

/// The source of a pipeline.
///
/// `secrets` is the directory of the mounted Secrets. `allowed` are the address ranges that may be dialled in addition
/// to public addresses. Nothing is read or dialled before the first fetch.
///
/// # Errors
/// When the pipeline has no source.
pub fn from_pipeline(
    pipeline: &Pipeline,
    secrets: &Path,
    allowed: &[IpNet],
    clock: Clock,
) -> Result<AnySource, NoSource> {
    match pipeline.source.as_ref().map(|source| &source.kind) {
        Some(SourceKind::Http(http)) => {
            Ok(AnySource::Http(Box::new(HttpSource::new(http, secrets, allowed, clock))))
        }
        Some(SourceKind::Generator(generator)) => Ok(AnySource::Generator(Generator::new(*generator, clock))),
        None => Err(NoSource),
    }
}

impl Source for AnySource {
    fn begin(&mut self, position: Option<&SourcePosition>) -> Result<(), SourceError> {
        match self {
            Self::Http(source) => source.begin(position),
            Self::Generator(source) => source.begin(position),
        }
    }

    async fn fetch(&mut self) -> Result<Option<Page>, SourceError> {
        match self {
            Self::Http(source) => source.fetch().await,
            Self::Generator(source) => source.fetch().await,
        }
    }
}
