//! One call, in a runtime of its own: limits, the script, its function, its promises, its result.
//!
//! Invariant: the runtime is made for the call and gone after it, and its clock and its randomness
//! are the call's.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use rquickjs::{Context, Ctx, Error, Exception, Function, Runtime, Value, context::EvalOptions, promise::PromiseState};

use crate::{ErrorKind, Returned, ScriptError, frame::Run, helpers, kept::Store, serve::Line};

/// What the script's own frames are called in a stack trace.
const FILE: &str = "script";

/// Replaces the clock and the dice, and takes away what would see time or the collector.
const PRELUDE: &str = r#"(function (now, random) {
    const Real = Date, construct = Reflect.construct;
    const Held = new Proxy(Real, {
        construct(target, list, as) { return construct(target, list.length === 0 ? [now] : list, as); },
        apply() { return new Real(now).toString(); },
    });
    Real.now = function () { return now; };
    Real.prototype.constructor = Held;
    globalThis.Date = Held;
    Math.random = random;
    for (const name of ["performance", "Atomics", "SharedArrayBuffer", "WeakRef", "FinalizationRegistry"])
        delete globalThis[name];
})"#;

/// The end of a call, which moves while the script waits for the store.
pub struct Deadline {
    end: Cell<Instant>,
    passed: Cell<bool>,
}

impl Deadline {
    pub fn has_passed(&self) -> bool {
        if !self.passed.get() && Instant::now() >= self.end.get() {
            self.passed.set(true);
        }
        self.passed.get()
    }

    pub fn put_off(&self, by: Duration) {
        self.end.set(self.end.get() + by);
    }
}

/// What a call leaves beside its value.
#[derive(Default)]
pub struct Trace {
    pub returned: RefCell<Returned>,
}

pub fn run(run: &Run, line: Rc<RefCell<dyn Line>>) -> Result<Returned, ScriptError> {
    let deadline = Rc::new(Deadline { end: Cell::new(Instant::now() + run.limits.time), passed: Cell::new(false) });
    let runtime = Runtime::new().map_err(|_| out_of_memory(run))?;
    runtime.set_memory_limit(run.limits.memory_bytes);
    runtime.set_max_stack_size(run.limits.stack_bytes);
    let watched = Rc::clone(&deadline);
    runtime.set_interrupt_handler(Some(Box::new(move || watched.has_passed())));
    let context = Context::full(&runtime).map_err(|_| out_of_memory(run))?;
    let trace = Rc::new(Trace::default());
    let store = Rc::new(RefCell::new(Store::new(line, Rc::clone(&deadline), run.store)));
    let value = context.with(|ctx| {
        let script = Script { run, ctx: &ctx, deadline: &deadline };
        script.prepare(&trace, &store)?;
        let value = script.evaluate()?;
        // Past its time is past its time, even where no check came before the end.
        if deadline.has_passed() {
            return Err(out_of_time(run));
        }
        Ok(value)
    });
    let mut returned = trace.returned.take();
    let value = match value {
        Ok(value) => value,
        Err(error) => return Err(ScriptError { console: returned.console, ..error }),
    };
    returned.value = value;
    (returned.kept, returned.read) = store.borrow_mut().take();
    Ok(returned)
}

fn out_of_memory(run: &Run) -> ScriptError {
    let most = run.limits.memory_bytes >> 20;
    ScriptError::new(ErrorKind::Memory, format!("the script ran out of memory: it has {most} MiB"))
}

fn out_of_time(run: &Run) -> ScriptError {
    ScriptError::new(ErrorKind::Time, format!("the script ran for longer than {} ms", run.limits.time.as_millis()))
}

struct Script<'a, 'js> {
    run: &'a Run,
    ctx: &'a Ctx<'js>,
    deadline: &'a Deadline,
}

impl<'js> Script<'_, 'js> {
    fn prepare(&self, trace: &Rc<Trace>, store: &Rc<RefCell<Store>>) -> Result<(), ScriptError> {
        let ready = || {
            let dice = Cell::new(self.run.seed);
            let random = Function::new(self.ctx.clone(), move || random(&dice))?;
            let prelude: Function<'js> = self.eval(PRELUDE, "holdfast")?;
            #[expect(clippy::cast_precision_loss, reason = "JavaScript's instants are floats")]
            prelude.call::<_, ()>((self.run.now_ms as f64, random))?;
            helpers::install(self.ctx, self.run, trace, store)
        };
        ready().map_err(|error| self.fault(&error))
    }

    fn eval(&self, source: &str, file: &str) -> rquickjs::Result<Function<'js>> {
        self.ctx.eval_with_options(source, options(file))
    }

    fn evaluate(&self) -> Result<Option<String>, ScriptError> {
        let name = &self.run.name;
        let top: Result<Value<'js>, Error> = self.ctx.eval_with_options(&*self.run.source, options(FILE));
        top.map_err(|error| self.fault(&error))?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(ScriptError::new(ErrorKind::Syntax, format!("{name:?} is no function's name")));
        }
        let found: Result<Value<'js>, Error> = self
            .ctx
            .eval_with_options(format!("typeof {name} === 'function' ? {name} : undefined"), options("holdfast"));
        let found = found.map_err(|error| self.fault(&error))?;
        let Some(function) = found.into_function() else {
            return Err(ScriptError::new(ErrorKind::Syntax, format!("there is no function {name}")));
        };
        if self.run.check {
            return Ok(None);
        }
        let value = self.call(&function)?;
        let value = self.settle(value)?;
        self.write(value)
    }

    fn call(&self, function: &Function<'js>) -> Result<Value<'js>, ScriptError> {
        let called = || {
            let mut arguments = rquickjs::function::Args::new(self.ctx.clone(), self.run.arguments.len());
            for argument in &self.run.arguments {
                arguments.push_arg(self.ctx.json_parse(argument.as_str())?)?;
            }
            function.call_arg(arguments)
        };
        called().map_err(|error| self.fault(&error))
    }

    /// Runs every promise to its end and gives what the result came to.
    fn settle(&self, value: Value<'js>) -> Result<Value<'js>, ScriptError> {
        while self.ctx.execute_pending_job() {
            if self.deadline.has_passed() {
                return Err(out_of_time(self.run));
            }
        }
        let Some(promise) = value.as_promise() else { return Ok(value) };
        if promise.state() == PromiseState::Pending {
            return Err(match self.deadline.has_passed() {
                true => out_of_time(self.run),
                false => ScriptError::new(ErrorKind::Result, "the script returned a promise that nothing resolves"),
            });
        }
        promise.finish().map_err(|error| self.fault(&error))
    }

    fn write(&self, value: Value<'js>) -> Result<Option<String>, ScriptError> {
        let written = self.ctx.json_stringify(value).and_then(|text| text.map(|text| text.to_string()).transpose());
        let written = written.map_err(|error| {
            let error = self.fault(&error);
            match error.kind {
                ErrorKind::Throw => ScriptError { kind: ErrorKind::Result, ..error },
                _ => error,
            }
        })?;
        let length = written.as_ref().map_or(0, String::len);
        let most = self.run.limits.result_bytes;
        if length > most {
            let message = format!("the script returned {length} bytes, more than {most}");
            return Err(ScriptError::new(ErrorKind::Result, message));
        }
        Ok(written)
    }

    fn fault(&self, error: &Error) -> ScriptError {
        if self.deadline.has_passed() {
            return out_of_time(self.run);
        }
        match error {
            Error::Exception => self.thrown(&self.ctx.catch()),
            Error::Allocation => out_of_memory(self.run),
            other => ScriptError::new(ErrorKind::Throw, other.to_string()),
        }
    }

    fn thrown(&self, value: &Value<'js>) -> ScriptError {
        // With no memory for an error there is nothing to throw but null.
        if value.is_null() {
            let ScriptError { kind, message, .. } = out_of_memory(self.run);
            return ScriptError::new(kind, format!("{message}, or threw null"));
        }
        let Some(exception) = value.as_object().and_then(|object| Exception::from_object(object.clone())) else {
            return ScriptError::new(ErrorKind::Throw, helpers::shown(self.ctx, value));
        };
        let name: String = exception.as_object().get("name").unwrap_or_default();
        let message = exception.message().unwrap_or_default();
        let line = exception.stack().as_deref().and_then(line_of);
        let line = line.map(|line| line.saturating_add(self.run.first_line).saturating_sub(1));
        let kind = match (name.as_str(), message.as_str()) {
            ("InternalError", "out of memory" | "string too long") => {
                return ScriptError { line, ..out_of_memory(self.run) };
            }
            ("RangeError" | "InternalError", "Maximum call stack size exceeded" | "stack overflow") => {
                let most = self.run.limits.stack_bytes >> 10;
                let message = format!("the script's calls went too deep: its stack has {most} KiB");
                return ScriptError { line, ..ScriptError::new(ErrorKind::Stack, message) };
            }
            ("SyntaxError", _) => ErrorKind::Syntax,
            _ => ErrorKind::Throw,
        };
        let message = if matches!(name.as_str(), "" | "Error") { message } else { format!("{name}: {message}") };
        ScriptError { line, ..ScriptError::new(kind, message) }
    }
}

fn options(file: &str) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.filename = Some(file.to_owned());
    options
}

/// The line in the topmost frame that is the script's.
fn line_of(stack: &str) -> Option<u32> {
    let (_, rest) = stack.split_once("script:")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// SplitMix64, its upper 53 bits as a number in [0, 1).
fn random(state: &Cell<u64>) -> f64 {
    let next = state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    state.set(next);
    let mixed = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let upper = ((mixed ^ (mixed >> 31)) >> 11) as f64;
    upper / 9_007_199_254_740_992.0
}
