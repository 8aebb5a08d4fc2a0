//! The kinds of mistakes. A code never changes its meaning and is never used again.

/// `HF001`…
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code(pub &'static str);

/// Every kind's code, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|code| code.0)
}

macro_rules! codes {
    ($($name:ident = $code:literal),+ $(,)?) => {
        $(pub const $name: Code = Code($code);)+

        /// Every code, in order.
        const ALL: &[Code] = &[$($name),+];
    };
}

codes! {
    SYNTAX = "HF001",
    TOO_LARGE = "HF002",
    TOO_DEEP = "HF003",
    ALIASES = "HF004",
    DUPLICATE_KEY = "HF005",
    KEY_NOT_TEXT = "HF006",
    MERGE_KEY = "HF007",
    TAG = "HF008",
    NO_CYCLE = "HF009",
    UNKNOWN_KEY = "HF010",
    MISSING_KEY = "HF011",
    WRONG_TYPE = "HF012",
    UNKNOWN_KIND = "HF013",
    NO_KIND = "HF014",
    SEVERAL_KINDS = "HF015",
    CYCLE_NAME = "HF016",
    DUPLICATE_CYCLE = "HF017",
    STEP_ID = "HF018",
    STEP_NAMED_END = "HF019",
    NO_STEPS = "HF020",
    TOO_MANY_STEPS = "HF021",
    DURATION = "HF022",
    RETENTION_RANGE = "HF023",
    TIMEOUT_RANGE = "HF024",
    EARLY_RANGE = "HF025",
    EXPIRES_RANGE = "HF026",
    CHOICE = "HF027",
    PATH = "HF028",
    PATH_FENCED = "HF029",
    HIT_NOT_SINGULAR = "HF030",
    HIT_ROOT = "HF031",
    HEADER_CASE = "HF032",
    DEDUPE_NOT_SINGULAR = "HF033",
    TEMPLATE = "HF034",
    TEMPLATE_UNKNOWN = "HF035",
    MAPPING_TOO_LONG = "HF036",
    MAPPING_EMPTY = "HF037",
    RESPOND_STATUS = "HF038",
    RESPOND_HEADER = "HF039",
    MISSING_STEP = "HF040",
    UNREACHABLE = "HF041",
    LOOP = "HF042",
    NO_START = "HF043",
    MAPPING_MISSING = "HF044",
    MAPPING_ON_START = "HF045",
    MID_ONLY = "HF046",
    READS_UNKNOWN = "HF047",
    READS_LATER = "HF048",
    READS_MAYBE = "HF049",
    NOBODY_WAITS = "HF050",
    TO_NOT_BEFORE = "HF051",
    TO_NEEDED = "HF052",
    CASE_NEVER = "HF053",
    ELSE_MISSING = "HF054",
    ELSE_NOT_LAST = "HF055",
    UNKNOWN_OPERATOR = "HF056",
    OPERAND = "HF057",
    OPERATOR_COUNT = "HF058",
    PATTERN = "HF059",
    TIME = "HF060",
    IGNORE_CASE = "HF061",
    EARLY_AND_REJECT = "HF062",
    READS_NOTHING = "HF063",
    OUTPUT_PROPERTY = "HF064",
    NEXT_UNUSED = "HF065",
    SECRET_HERE = "HF080",
    VAR_UNDECLARED = "HF081",
    VAR = "HF082",
    SETTING_RANGE = "HF090",
    URL = "HF091",
    HTTP_HEADER = "HF092",
    EXPECT = "HF093",
    AUTH = "HF094",
    SCRIPT_STEP = "HF095",
    EVENT_NAME = "HF096",
    ON_ERROR_UNUSED = "HF097",
    ON_ERROR_WORD = "HF098",
    HTTP_OUTPUT = "HF099",
    CONCURRENCY_KEY = "HF100",
    BODY_TYPE = "HF101",
    ID_TWICE = "HF102",
    EACH_HOLDS = "HF103",
    EACH_FIRST = "HF104",
    EACH_BORDER = "HF105",
    EACH_OUTPUT = "HF106",
}
