//! Statements, each named once: as a constant, and in its file's list, which the tests read.

macro_rules! statements {
    ($list:ident; $($(#[$about:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$about])* pub const $name: &str = $text;)*

        #[cfg(test)]
        pub const $list: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

pub(crate) use statements;
