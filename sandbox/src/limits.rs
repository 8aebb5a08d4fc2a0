//! The limits of one call, and what a worker does to its own process so that they hold.
//!
//! Invariant: a worker has limited itself before it reads its first script.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: usize,
    pub stack_bytes: usize,
    /// From the start of a call to its last promise; waiting for the store is not counted.
    pub time: Duration,
    pub result_bytes: usize,
    pub console_lines: usize,
    pub console_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 32 << 20,
            stack_bytes: 256 << 10,
            time: Duration::from_millis(250),
            result_bytes: 4 << 20,
            console_lines: 100,
            console_bytes: 8 << 10,
        }
    }
}

/// Beside what the runtime counts: frames, helpers, the allocator's own reserve.
const ADDRESS_SPARE_BYTES: u64 = 512 << 20;
/// Standard input, output and error, and a few to start with.
const FILES_MAX: u64 = 8;

/// Limits this process: no core dump, few files, no address space without end. The runtime's own
/// limit is the exact one; these stand behind it.
pub fn confine() {
    set(Resource::Core, 0);
    set(Resource::Nofile, FILES_MAX);
    #[cfg(target_os = "linux")]
    if let Some(used) = address_bytes() {
        set(Resource::As, used.saturating_add(ADDRESS_SPARE_BYTES));
    }
}

fn set(resource: Resource, most: u64) {
    // A limit that can't be set leaves the others and the runtime's own.
    let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
}

/// The address space in use, from `VmSize` in `/proc/self/status` (proc(5)).
#[cfg(target_os = "linux")]
fn address_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
