//! `holdfast` with its allocations counted, for the benchmark's part `figures`. They are among its
//! metrics. The program itself has another allocator and counts nothing; the number is the same.

use std::{alloc::System, time::Duration};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How old the figures may be.
const TOLD_EVERY: Duration = Duration::from_millis(20);

fn main() -> std::process::ExitCode {
    std::thread::spawn(|| {
        loop {
            let told = ALLOCATOR.stats();
            metrics::gauge!("counted_allocations").set((told.allocations + told.reallocations) as f64);
            metrics::gauge!("counted_bytes").set(told.bytes_allocated as f64);
            std::thread::sleep(TOLD_EVERY);
        }
    });
    holdfast_api::cli::main()
}
