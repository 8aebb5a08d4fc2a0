//! The `holdfast` binary.

/// A request is some hundred small allocations on one thread that others free: the system's own
/// allocator took a quarter of a loaded node's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    holdfast_api::cli::main()
}
