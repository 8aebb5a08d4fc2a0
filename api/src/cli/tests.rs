use clap::CommandFactory as _;

use super::Cli;

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_example() {
    // A hidden one is for the program itself.
    for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example"), "{} has none", verb.get_name());
    }
}

#[test]
fn every_flag_is_also_an_environment_variable() {
    for verb in Cli::command().get_subcommands().filter(|verb| ["dev", "serve"].contains(&verb.get_name())) {
        for argument in verb.get_arguments().filter(|argument| argument.get_long().is_some()) {
            let name = argument.get_long().unwrap_or_default();
            if ["help", "version"].contains(&name) {
                continue;
            }
            let expected = format!("HOLDFAST_{}", name.to_uppercase().replace('-', "_"));
            let found = argument.get_env().and_then(|name| name.to_str());
            assert_eq!(found, Some(expected.as_str()), "--{name} of {}", verb.get_name());
        }
    }
}

#[test]
fn filters_stand_before_or_behind_what_is_done() {
    for line in [
        "holdfast transactions cancel --status failed --cycle orders --all",
        "holdfast transactions --status failed --cycle orders cancel --all --yes",
        "holdfast transactions rerun --all --status failed --step pay --from check",
        "holdfast transactions rerun ID STEP",
        "holdfast transactions resume --all --cycle orders --body 1",
        "holdfast hits replay --all --status unmatched --since today",
        "holdfast hits replay ID",
        "holdfast hits --ambiguous --since 24h --watch",
    ] {
        Cli::command().try_get_matches_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    for line in [
        "holdfast transactions cancel",
        "holdfast transactions cancel ID --all",
        "holdfast transactions rerun ID",
        "holdfast hits replay",
        "holdfast hits --since yesterday",
    ] {
        assert!(Cli::command().try_get_matches_from(line.split(' ')).is_err(), "{line}");
    }
}
