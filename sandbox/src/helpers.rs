//! What a script finds beside JavaScript's own: `console`, `base64`, `hex`, `hash`, `hmac`, `xml`,
//! `csv`, `store`, and `respond` in a webhook's script.
//!
//! Invariant: none of them sees anything but the call: no file, no network, no clock.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use holdfast_definitions::Json;
use rquickjs::{
    Ctx, Exception, Function, Object, Result, Value,
    function::{Opt, Rest},
};

use crate::{Responded, bytes, csv, format_xml, frame::Run, kept::Store, parse_xml, script::Trace};

/// What a helper takes at once: it works outside the runtime's limit.
pub const INPUT_BYTES_MAX: usize = 4 << 20;

pub fn install<'js>(ctx: &Ctx<'js>, run: &Run, trace: &Rc<Trace>, store: &Rc<RefCell<Store>>) -> Result<()> {
    let globals = ctx.globals();
    bytes::install(ctx)?;
    let xml = Object::new(ctx.clone())?;
    xml.set("parse", Function::new(ctx.clone(), xml_parse)?)?;
    xml.set("format", Function::new(ctx.clone(), xml_format)?)?;
    globals.set("xml", xml)?;
    let csv = Object::new(ctx.clone())?;
    csv.set("parse", Function::new(ctx.clone(), csv_parse)?)?;
    csv.set("format", Function::new(ctx.clone(), csv_format)?)?;
    globals.set("csv", csv)?;
    globals.set("store", store_object(ctx, store)?)?;
    console(ctx, run, trace)?;
    if run.name == "request" {
        let trace = Rc::clone(trace);
        let most = run.limits.result_bytes;
        let respond = move |ctx: Ctx<'js>, status: u16, body: Opt<Value<'js>>, headers: Opt<Value<'js>>| {
            let responded = responded(&ctx, status, body.0, headers.0, most)?;
            trace.returned.borrow_mut().responded = Some(responded);
            Ok::<_, rquickjs::Error>(())
        };
        globals.set("respond", Function::new(ctx.clone(), respond)?)?;
    }
    Ok(())
}

pub fn refuse(ctx: &Ctx<'_>, message: impl std::fmt::Display) -> rquickjs::Error {
    Exception::throw_message(ctx, &message.to_string())
}

/// A value as a person would write it down: a text as it is, anything else as JSON.
pub fn shown<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    if let Some(text) = value.as_string() {
        return text.to_string().unwrap_or_default();
    }
    if let Some(message) = value.as_exception().and_then(Exception::message) {
        return message;
    }
    match json_of(ctx, value.clone()) {
        Ok(Some(text)) => text,
        Ok(None) => value.type_name().to_owned(),
        // What can't be written (a cycle, a BigInt) is named by its type; the error is taken off.
        Err(_) => {
            ctx.catch();
            value.type_name().to_owned()
        }
    }
}

pub fn json_of<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Option<String>> {
    ctx.json_stringify(value)?.map(|text| text.to_string()).transpose()
}

fn console<'js>(ctx: &Ctx<'js>, run: &Run, trace: &Rc<Trace>) -> Result<()> {
    let trace = Rc::clone(trace);
    let limits = run.limits;
    let log = move |ctx: Ctx<'js>, parts: Rest<Value<'js>>| {
        let used: usize = trace.returned.borrow().console.iter().map(String::len).sum();
        if trace.returned.borrow().console.len() >= limits.console_lines || used >= limits.console_bytes {
            return;
        }
        let mut line = parts.0.iter().map(|part| shown(&ctx, part)).collect::<Vec<_>>().join(" ");
        line.truncate(line.floor_char_boundary(limits.console_bytes - used));
        trace.returned.borrow_mut().console.push(line);
    };
    let log = Function::new(ctx.clone(), log)?;
    let console = Object::new(ctx.clone())?;
    for name in ["log", "info", "warn", "error", "debug"] {
        console.set(name, log.clone())?;
    }
    ctx.globals().set("console", console)
}

fn responded<'js>(
    ctx: &Ctx<'js>,
    status: u16,
    body: Option<Value<'js>>,
    headers: Option<Value<'js>>,
    most: usize,
) -> Result<Responded> {
    if !(200..=599).contains(&status) {
        return Err(refuse(ctx, "respond: the status is from 200 to 599"));
    }
    let body = body.map(|body| json_of(ctx, body)).transpose()?.flatten();
    let headers = headers.filter(|headers| !headers.is_null() && !headers.is_undefined());
    let headers = headers.map(|headers| json_of(ctx, headers)).transpose()?.flatten();
    let headers: BTreeMap<String, String> = match headers {
        Some(headers) => {
            serde_json::from_str(&headers).map_err(|_| refuse(ctx, "respond: the headers are an object of texts"))?
        }
        None => BTreeMap::new(),
    };
    let size = body.as_ref().map_or(0, String::len)
        + headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if size > most {
        return Err(refuse(ctx, format!("respond: {size} bytes are more than {most}")));
    }
    Ok(Responded { status, body, headers })
}

fn store_object<'js>(ctx: &Ctx<'js>, store: &Rc<RefCell<Store>>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let held = Rc::clone(store);
    let get = move |ctx: Ctx<'js>, key: String| match held.borrow_mut().get(&key) {
        Ok(Some(text)) => ctx.json_parse(text),
        Ok(None) => Ok(Value::new_undefined(ctx)),
        Err(message) => Err(refuse(&ctx, message)),
    };
    object.set("get", Function::new(ctx.clone(), get)?)?;
    let held = Rc::clone(store);
    let set = move |ctx: Ctx<'js>, key: String, value: Value<'js>| {
        let text = json_of(&ctx, value)?.ok_or_else(|| refuse(&ctx, "store: the value is no JSON"))?;
        held.borrow_mut().put(&key, Some(text)).map_err(|message| refuse(&ctx, message))
    };
    object.set("set", Function::new(ctx.clone(), set)?)?;
    let held = Rc::clone(store);
    let delete =
        move |ctx: Ctx<'js>, key: String| held.borrow_mut().put(&key, None).map_err(|message| refuse(&ctx, message));
    object.set("delete", Function::new(ctx.clone(), delete)?)?;
    let held = Rc::clone(store);
    let increment = move |ctx: Ctx<'js>, key: String, by: Opt<f64>| {
        held.borrow_mut().increment(&key, by.0.unwrap_or(1.0)).map_err(|message| refuse(&ctx, message))
    };
    object.set("increment", Function::new(ctx.clone(), increment)?)?;
    Ok(object)
}

fn xml_parse<'js>(ctx: Ctx<'js>, text: String) -> Result<Value<'js>> {
    within(&ctx, text.len())?;
    let value = parse_xml(&text).map_err(|error| refuse(&ctx, format!("xml: {error}")))?;
    let mut json = String::new();
    value.write_to(&mut json);
    ctx.json_parse(json)
}

fn xml_format<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<String> {
    let text = json_of(&ctx, value)?.ok_or_else(|| refuse(&ctx, "xml: the value is no JSON"))?;
    within(&ctx, text.len())?;
    let value = Json::parse(text.as_bytes()).map_err(|error| refuse(&ctx, format!("xml: {error}")))?;
    format_xml(&value).map_err(|error| refuse(&ctx, format!("xml: {error}")))
}

fn csv_parse<'js>(ctx: Ctx<'js>, text: String, options: Opt<Object<'js>>) -> Result<Value<'js>> {
    within(&ctx, text.len())?;
    let (separator, header) = csv_options(&ctx, options.0)?;
    let rows = csv::parse(&text, separator, header).map_err(|error| refuse(&ctx, format!("csv: {error}")))?;
    let mut json = String::new();
    rows.write_to(&mut json);
    ctx.json_parse(json)
}

fn csv_format<'js>(ctx: Ctx<'js>, rows: Value<'js>, options: Opt<Object<'js>>) -> Result<String> {
    let text = json_of(&ctx, rows)?.ok_or_else(|| refuse(&ctx, "csv: the value is no JSON"))?;
    within(&ctx, text.len())?;
    let (separator, _) = csv_options(&ctx, options.0)?;
    let rows = Json::parse(text.as_bytes()).map_err(|error| refuse(&ctx, format!("csv: {error}")))?;
    csv::format(&rows, separator).map_err(|error| refuse(&ctx, format!("csv: {error}")))
}

fn csv_options(ctx: &Ctx<'_>, options: Option<Object<'_>>) -> Result<(char, bool)> {
    let Some(options) = options else { return Ok((',', false)) };
    let header: Option<bool> = options.get("header")?;
    let separator: Option<String> = options.get("separator")?;
    let separator = separator.unwrap_or_else(|| ",".to_owned());
    let mut characters = separator.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) if !matches!(one, '"' | '\r' | '\n') => Ok((one, header.unwrap_or(false))),
        _ => Err(refuse(ctx, "csv: the separator is one character, no quote and no line break")),
    }
}

pub fn within(ctx: &Ctx<'_>, length: usize) -> Result<()> {
    match length > INPUT_BYTES_MAX {
        true => Err(refuse(ctx, format!("{length} bytes are more than a helper takes, {INPUT_BYTES_MAX}"))),
        false => Ok(()),
    }
}
