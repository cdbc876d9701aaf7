//! Work that must end: on a thread of its own, given up when it takes too long or too much memory.
//!
//! Safe Rust cannot stop a thread. One that is given up goes on until the process ends, so whoever gives up must end it soon.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, Once};
use std::thread::{Builder, JoinHandle};
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

/// The name of the thread.
const NAME: &str = "policies";

/// The stacks of the thread, in MiB, largest first: the first one that the system gives is taken. What calls itself without end
/// fills its stack, which ends the process; with a stack that is never filled, time or memory give it up before. Only what is
/// used of a stack takes memory.
const STACKS: [u64; 6] = [16_384, 8_192, 4_096, 2_048, 1_024, 256];

/// The work on a thread of its own, and the bytes of its stack; none when the system gives no thread.
fn spawn(work: impl FnOnce() + Send + 'static) -> Option<(JoinHandle<()>, u64)> {
    // A thread that could not be had takes its work with it: the work is handed over only to one that is there.
    let (sender, receiver) = sync_channel::<Box<dyn FnOnce() + Send>>(1);
    let receiver = Arc::new(Mutex::new(receiver));
    for size in STACKS.map(|size| size << 20) {
        let Ok(stack) = usize::try_from(size) else { continue };
        let receiver = Arc::clone(&receiver);
        let handed = move || {
            let work = receiver.lock().ok().and_then(|receiver| receiver.recv().ok());
            if let Some(work) = work {
                work();
            }
        };
        if let Ok(thread) = Builder::new().name(NAME.to_owned()).stack_size(stack).spawn(handed) {
            sender.send(Box::new(work)).ok()?;
            return Some((thread, size));
        }
    }
    None
}

/// Keeps a panic of the thread from being printed: whoever gave it work hears of it, and says it in words for users.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() != Some(NAME) {
                before(panic);
            }
        }));
    });
}

/// Does the work, or gives it up.
pub fn run<T: Send + 'static>(bounds: Bounds, work: impl FnOnce() -> T + Send + 'static) -> Result<T, GivenUp> {
    let (sender, receiver) = sync_channel(1);
    let (began, before) = (Instant::now(), resident());
    quiet();
    let spawned = spawn(move || {
        // Nobody may be waiting any more.
        let _ = sender.send(work());
    });
    let Some((thread, stack)) = spawned else { return Err(GivenUp::Broken) };
    // A stack counts as memory: with half of it left there is time to give up.
    let memory = bounds.memory.min(stack / 2);
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
            && now.saturating_sub(before) > memory
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
    fn a_panic_ends_without_a_result() {
        assert_eq!(run(BOUNDS, || assert!(std::env::args().count() == 0)), Err(GivenUp::Broken));
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
