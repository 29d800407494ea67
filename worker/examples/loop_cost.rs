use std::cell::Cell as C;
use std::time::Duration;
use userstream_crds::worker_config::WorkerConfig;
use userstream_worker::log::*;
use userstream_worker::loops::pipeline::process_settings;
use userstream_worker::loops::process::{ProcessLoop, row_decoder::RowDecoder};
use userstream_worker::observe::stats::Stats;
use userstream_worker::record::*;
use userstream_worker::runtime::{backoff::Jitter, clock::Clock, shutdown::*};
use userstream_worker::table::{Table, WriteError};

struct Mem { n: i64, next: i64, started: bool, pool: Vec<Vec<u8>>, value: Vec<u8>, stored: i64 }
impl Consumer for Mem {
    async fn poll(&mut self, events: &mut Vec<Event>, max: usize) -> Result<(), LogError> {
        if !self.started { self.started = true; events.push(Event::Assigned((0..6).map(Into::into).collect())); return Ok(()); }
        if self.next == self.n { return std::future::pending().await; }
        for _ in 0..max.min(256) {
            if self.next == self.n { break; }
            let i = self.next; self.next += 1;
            let record = Record::new(self.pool.pop().unwrap_or_default(), Some(&self.value), 1_700_000_000_000 + i).with_key(b"0123456789abcdef");
            events.push(Event::Record(LogRecord { partition: (i % 6) as i32, offset: i / 6, record }));
        }
        Ok(())
    }
    fn store(&mut self, _p: i32, commit: Commit) { self.stored += commit.offset; }
    async fn commit(&mut self) -> Result<(), LogError> { Ok(()) }
    fn pause(&mut self) -> Result<(), LogError> { Ok(()) }
    fn resume(&mut self) -> Result<(), LogError> { Ok(()) }
    fn progress(&self) -> Vec<Progress> { Vec::new() }
    fn recycle(&mut self, buffer: Vec<u8>) { if self.pool.len() < 1024 { self.pool.push(buffer); } }
    async fn close(self) -> Result<(), LogError> { Ok(()) }
}
struct Null { n: u64, written: C<u64>, sum: C<u64>, handle: ShutdownHandle, fields: usize }
impl Table for Null {
    async fn write(&self, rows: &[impl AsRow]) -> Result<(), WriteError> {
        tokio::task::yield_now().await;
        for row in rows {
            let row = row.as_row();
            let mut sum = self.sum.get();
            for f in 0..self.fields { sum = sum.wrapping_add(match row.cell(f) { Cell::Text(s) => row.bytes(s).len() as u64, Cell::Timestamp(t) => t as u64, Cell::Uuid(u) => u64::from(u[0]), _ => 0 }); }
            self.sum.set(sum);
        }
        self.written.set(self.written.get() + rows.len() as u64);
        if self.written.get() >= self.n { self.handle.request(Shutdown::Now); }
        Ok(())
    }
}
impl Producer for Null {
    async fn append(&self, _: &str, _: &[Record]) -> Result<(), AppendError> { Ok(()) }
    async fn load_position(&self) -> Result<Option<SourcePosition>, LogError> { Ok(None) }
    async fn save_position(&self, _: &SourcePosition) -> Result<(), LogError> { Ok(()) }
}
fn main() {
    let n: i64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let clustered = std::env::args().nth(2).is_some();
    let names = ["id","first_name","last_name","gender","address","post_code","email","username","phone","picture","nat"];
    let mut fields: Vec<_> = names.iter().enumerate().map(|(i, n)| serde_json::json!({"name": n, "type": if i == 0 {"uuid"} else {"string"}, "required": i == 0})).collect();
    for t in ["dob","registered_date","fetched_at"] { fields.push(serde_json::json!({"name": t, "type": "timestamp", "required": t == "dob"})); }
    if clustered { fields[10]["required"] = true.into(); }
    let table = if clustered { serde_json::json!({"name":"users","partitionKey":["nat"],"clusteringKey":["id"]}) } else { serde_json::json!({"name":"users","partitionKey":["id"]}) };
    let config = serde_json::json!({"version":1,"pipeline":{"namespace":"demo","name":"users"},"spec":{
        "source":{"mode":"Continuous","generator":{}},"schema":{"fields":fields},"kafka":{"bootstrapServers":"k:9092","topic":{"name":"users","partitions":6}},
        "processor":{},"sink":{"cassandra":{"contactPoints":["t:9042"],"keyspace":{"name":"demo"},"table":table}}}});
    let (_, pipeline) = WorkerConfig::parse(&config.to_string()).unwrap();
    let value = br#"{"id":"8f94494c-d3c9-45ba-a1fb-7fba0ca02fba","first_name":"Nella","last_name":"Niva","gender":"female","address":"7174 Nordenskioldinkatu, Ylivieska","post_code":"67523","email":"nella.niva@example.com","username":"smallmouse740","phone":"011-760-1976","picture":"https://randomuser.me/api/portraits/med/women/68.jpg","nat":"FI","dob":"1972-04-16T10:36:10.290Z","registered_date":"2018-10-21T00:27:38.583Z","fetched_at":"2018-10-21T00:27:38.583Z"}"#.to_vec();
    let (handle, shutdown) = shutdown_channel();
    let null = Null { n: n as u64, written: C::new(0), sum: C::new(0), handle, fields: 14 };
    let stats = Stats::default();
    let clock = Clock::new(|| 1_800_000_000_000);
    let process = ProcessLoop { consumer: Mem { n, next: 0, started: false, pool: Vec::new(), value, stored: 0 }, producer: &null, table: &null,
        decode: RowDecoder::new(&pipeline, clock.clone()).unwrap(), settings: process_settings(&pipeline), stats: &stats, clock, jitter: Jitter::seeded(1), shutdown };
    let rt = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    rt.block_on(async { tokio::time::timeout(Duration::from_secs(600), process.run()).await }).unwrap().unwrap();
    println!("{} {}", stats.table.written.get(), null.sum.get());
}
