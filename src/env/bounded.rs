//! Work that must end: on a thread of its own, given up when it takes too long or too much memory.
//!
//! Safe Rust cannot stop a thread. One that is given up goes on until the process ends, so whoever gives up must end it soon.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// What work may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long it may run.
    pub time: Duration,
    /// How many bytes the process may grow by meanwhile. They are counted on Linux; elsewhere the time alone bounds them.
    pub memory: u64,
}

/// Why work was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// It ran too long.
    Time,
    /// It took too much memory.
    Memory,
    /// It ended without a result: a panic, or no thread to run it on.
    Broken,
}

/// How often the work is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// The stack of the thread: what is nested needs more than the usual two megabytes.
const STACK: usize = 256 << 20;

/// Does the work, or gives it up.
pub fn run<T: Send + 'static>(bounds: Bounds, work: impl FnOnce() -> T + Send + 'static) -> Result<T, GivenUp> {
    let (sender, receiver) = sync_channel(1);
    let (began, before) = (Instant::now(), resident());
    let thread = Builder::new().name("policies".to_owned()).stack_size(STACK).spawn(move || {
        // Nobody may be waiting any more.
        let _ = sender.send(work());
    });
    let Ok(thread) = thread else { return Err(GivenUp::Broken) };
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(done) => {
                let _ = thread.join();
                return Ok(done);
            }
            Err(RecvTimeoutError::Disconnected) => return Err(GivenUp::Broken),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if began.elapsed() > bounds.time {
            return Err(GivenUp::Time);
        }
        if let (Some(before), Some(now)) = (before, resident())
            && now.saturating_sub(before) > bounds.memory
        {
            return Err(GivenUp::Memory);
        }
    }
}

/// The bytes of this process that are in memory, where the system tells them.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { time: Duration::from_secs(20), memory: 64 << 20 };

    #[test]
    fn work_that_ends_gives_its_result() {
        assert_eq!(run(BOUNDS, || 7), Ok(7));
    }

    #[test]
    fn work_without_end_is_given_up() {
        let bounds = Bounds { time: Duration::from_millis(50), ..BOUNDS };
        let endless = || {
            std::thread::sleep(Duration::from_secs(2));
        };
        assert_eq!(run(bounds, endless), Err(GivenUp::Time));
    }

    #[test]
    fn work_that_takes_all_memory_is_given_up() {
        if resident().is_none() {
            return;
        }
        let greedy = || {
            let mut all: Vec<Vec<u8>> = Vec::new();
            while all.len() < 200 {
                all.push(vec![1; 1 << 20]);
                std::thread::sleep(Duration::from_millis(2));
            }
            // What is held is what is counted.
            std::thread::sleep(Duration::from_secs(1));
            all.len()
        };
        assert_eq!(run(BOUNDS, greedy), Err(GivenUp::Memory));
    }
}
