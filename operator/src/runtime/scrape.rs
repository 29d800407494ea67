//! Scrapes `/status` of the workers: when, of which, and which pipelines are reconciled for it.

pub(crate) mod scrape_state;
pub(crate) mod status_scraper;
