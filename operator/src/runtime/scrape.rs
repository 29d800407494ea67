//! Reads `/status` of the workers.

pub(crate) mod scrape_state;
pub(crate) mod status_scraper;
