//! The worker's side: reads a call, runs it, answers, until its input closes.
//!
//! Invariant: nothing of a call is left when the next is read: each has a runtime of its own.

use std::{
    cell::RefCell,
    io::{self, BufReader, Read, Write},
    process::ExitCode,
    rc::Rc,
};

use crate::{
    frame::{self, FromWorker, ToWorker},
    limits, script,
};

/// The pipe to the pool, which a script's `store` reads through.
pub trait Line {
    fn get(&mut self, key: &str) -> io::Result<Option<(String, i64)>>;
}

struct Pipe<R, W> {
    input: BufReader<R>,
    output: W,
}

impl<R: Read, W: Write> Line for Pipe<R, W> {
    fn get(&mut self, key: &str) -> io::Result<Option<(String, i64)>> {
        frame::write(&mut self.output, &FromWorker::Get(key.to_owned()))?;
        match frame::read(&mut self.input)? {
            ToWorker::Found(found) => Ok(found),
            ToWorker::Run(_) => Err(io::Error::other("a call came within a call")),
        }
    }
}

/// Serves calls until the input closes, which is success. Limits the process for good.
pub fn serve(input: impl Read + 'static, output: impl Write + 'static) -> ExitCode {
    limits::confine();
    let pipe = Rc::new(RefCell::new(Pipe { input: BufReader::new(input), output }));
    match calls(&pipe) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn calls<R: Read + 'static, W: Write + 'static>(pipe: &Rc<RefCell<Pipe<R, W>>>) -> io::Result<()> {
    frame::write(&mut pipe.borrow_mut().output, &FromWorker::Ready)?;
    loop {
        let next = frame::read(&mut pipe.borrow_mut().input);
        let run = match next {
            Ok(ToWorker::Run(run)) => run,
            Ok(ToWorker::Found(_)) => return Err(io::Error::other("an answer came to no question")),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let done = script::run(&run, Rc::clone(pipe) as Rc<RefCell<dyn Line>>);
        frame::write(&mut pipe.borrow_mut().output, &FromWorker::Done(done))?;
    }
}
