//! A condition in words.

use std::fmt;

use super::Condition;

/// `$.status.body.state equals "Despatched" and …`
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |f: &mut fmt::Formatter<'_>, all: &[Self], word: &str| {
            for (at, one) in all.iter().enumerate() {
                if at > 0 {
                    f.write_str(word)?;
                }
                match one {
                    Self::All(_) | Self::Any(_) => write!(f, "({one})")?,
                    one => one.fmt(f)?,
                }
            }
            Ok(())
        };
        match self {
            Self::All(all) => several(f, all, " and "),
            Self::Any(any) => several(f, any, " or "),
            Self::Not(inner) => match **inner {
                Self::All(_) | Self::Any(_) => write!(f, "not ({inner})"),
                _ => write!(f, "not {inner}"),
            },
            Self::Test { value, operator } => write!(f, "{} {}", value.text(), operator.written()),
        }
    }
}
