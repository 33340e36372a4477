//! Stopping on request: what is half written is taken back, one line is said,
//! and the process ends as the signal would have ended it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files under a temporary name, at this moment.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new file under a temporary name. It is gone when this is dropped, unless
/// it got its own name.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    /// Creates the file; one that exists is an error.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        let mut all = unfinished();
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        all.insert(path.clone());
        Ok(Unfinished { path, file })
    }

    /// Fills the file and gives it its name; whoever stops the process now
    /// waits for the name.
    pub fn finish(
        self,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
        take_name: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffered = BufWriter::with_capacity(BUFFER_LEN, &self.file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        self.file.sync_all()?;
        let mut all = unfinished();
        take_name(&self.path)?;
        all.remove(&self.path);
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if unfinished().remove(&self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Bytes written at a time.
pub const BUFFER_LEN: usize = 1 << 18;

/// Begins to watch for `SIGINT` and `SIGTERM`. Where that is not possible they
/// end the process at once, as ever.
///
/// The signal sets a number that a thread looks at: the other ways of the crate
/// open a pair of sockets, and this program opens none. `SIGHUP` is left alone,
/// which `nohup` sets to be ignored.
#[cfg(unix)]
pub fn watch() {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let seen = Arc::new(AtomicUsize::new(0));
    let set = Arc::clone(&seen);
    let look = move || {
        loop {
            std::thread::sleep(LOOK_EVERY);
            match seen.load(Ordering::Relaxed) {
                0 => {}
                1 => stop(SIGINT, "SIGINT"),
                _ => stop(SIGTERM, "SIGTERM"),
            }
        }
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    if thread.spawn(look).is_ok() {
        for (signal, number) in [(SIGINT, 1), (SIGTERM, 2)] {
            let _ = signal_hook::flag::register_usize(signal, Arc::clone(&set), number);
        }
    }
}

/// Nothing to watch: the process is ended by the system.
#[cfg(not(unix))]
pub fn watch() {}

/// Short for a person who waits.
#[cfg(unix)]
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(50);

/// Takes back what is half written and ends the process by the signal.
#[cfg(unix)]
fn stop(signal: i32, name: &str) {
    use std::io::IsTerminal as _;

    // Held to the end: nothing gets a name any more.
    let all = unfinished();
    for path in all.iter() {
        let _ = fs::remove_file(path);
    }
    if io::stderr().is_terminal() {
        // Over the line of progress.
        let _ = io::stderr().write_all(b"\r\x1b[K");
    }
    super::output::say(&format!(
        "stopped by {name}; no report is left half written"
    ));
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}
