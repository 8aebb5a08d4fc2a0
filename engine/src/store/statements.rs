//! Statements, each named once: as a constant, and in its file's list, which the tests read. A test lets
//! no file of `sql` have one beside them.

macro_rules! statements {
    ($(#[$of:meta])* $list:ident; $($(#[$about:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$about])* pub const $name: &str = $text;)*

        $(#[$of])*
        pub const $list: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

pub(crate) use statements;
