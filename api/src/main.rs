//! The `holdfast` binary.

fn main() -> std::process::ExitCode {
    holdfast_api::cli::main()
}
