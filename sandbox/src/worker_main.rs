//! The worker by itself, for this crate's tests: `holdfast sandbox` does the same.

fn main() -> std::process::ExitCode {
    holdfast_sandbox::serve(std::io::stdin(), std::io::stdout())
}
