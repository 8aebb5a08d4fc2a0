// A real client's session with `holdfast lsp`, from the first hello to the exit. Argument: the binary.
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import protocol from "vscode-languageserver-protocol/node";
import { Editor, within } from "./client.js";

const { CompletionRequest, HoverRequest, DefinitionRequest, DocumentSymbolRequest, CodeActionRequest } = protocol;

const uri = "file:///cycles/order-status.yaml";
const order = `cycle: order-status
description: "𝄞 größer"   # outside of the BMP: two UTF-16 units
steps:
  placed:
    webhook:
    next: statsu
  status:
    webhook:
      mapping:
        - { hit: $.body.id, transaction: $.placed.body.id }
    next: told
  told:
    set: { "𝄞": "𝄞", order: "\${$.plcaed.body.id}" }
`;

const editor = await Editor.start(process.argv[2]);
assert.equal(editor.told.serverInfo.name, "holdfast");
assert.equal(editor.told.capabilities.positionEncoding, "utf-16");

const codes = (found) => found.map((one) => one.code);
const labels = async (before) => {
  const found = await editor.request(CompletionRequest.type, editor.after(uri, before));
  return found.map((one) => one.label);
};

// A broken file is told what is wrong with it, as it is opened.
let found = await editor.open(uri, order);
assert.deepEqual(found.map((one) => [one.code, within(order, one.range)]), [["HF040", "statsu"]]);
assert.deepEqual([found[0].severity, found[0].source], [1, "holdfast"]);
assert.match(found[0].message, /there is no step `statsu`\nhelp: did you mean `status`\?/);

/** Takes the one action that is offered for a diagnostic, as an editor does. */
async function mend(diagnostic) {
  const params = { textDocument: { uri }, range: diagnostic.range, context: { diagnostics: [diagnostic] } };
  const [action, ...others] = await editor.request(CodeActionRequest.type, params);
  assert.deepEqual([action.kind, others], ["quickfix", []]);
  assert.deepEqual(action.diagnostics, [diagnostic]);
  return [action.title, await editor.edit(uri, action.edit.changes[uri])];
}

// Its suggestion is taken, and it is gone. What follows from a missing step is told then: behind UTF-16 pairs.
let title;
[title, found] = await mend(found[0]);
assert.equal(title, "Write `status`");
assert.deepEqual(codes(found), ["HF047"]);
assert.equal(within(editor.text(uri), found[0].range), '"${$.plcaed.body.id}"');
[title, found] = await mend(found[0]);
assert.equal(title, "Write `$.placed.body.id`");
assert.deepEqual(found, []);
assert.ok(editor.text(uri).includes('order: "${$.placed.body.id}" }'), editor.text(uri));

// A step is written, word by word. The text is broken on the way, and completed all the same.
await editor.change(uri, "    next: told\n", "    next: des\n  despatched:\n    deci\n");
assert.ok((await labels("    deci")).includes("decision"));
assert.deepEqual(await labels("next: des"), ["placed", "despatched", "told", "end"]);
await editor.change(uri, "next: des\n", "next: despatched\n");
found = await editor.change(uri, "    deci\n", "    decision:\n      - when: { value: $.status., \n");
assert.deepEqual(codes(found), ["HF001"]);
assert.deepEqual(await labels("$.status."), ["method", "headers", "query", "body", "received_at"]);
assert.deepEqual(await labels("value: $."), ["placed", "status"]);
assert.ok((await labels("$.status., ")).includes("equals"));
found = await editor.change(uri, "$.status., \n", "$.status.body.state, equals: Despatched }\n        next: told\n      - else: end\n");
assert.deepEqual(found, []);

// An item that is taken puts its text in the place of what was written of it.
const [item] = (await editor.request(CompletionRequest.type, editor.after(uri, "$.status.bo"))).filter((one) => one.label === "body");
assert.equal(within(editor.text(uri), item.textEdit.range), "body");
assert.deepEqual(await editor.edit(uri, [item.textEdit]), []);

// Hover: a key, an operator, a step, a path.
for (const [before, about, says] of [
  ["    webh", "webhook", /Receives requests at a URL of its own/],
  ["equa", "equals", /Is the same: texts byte for byte/],
  ["next: despat", "despatched", /Comes from `status`[^]*Leads to `told`, `end` \(else\)/],
  ["transaction: $.pla", "$.placed.body.id", /step `placed` \(webhook\)/],
]) {
  const hover = await editor.request(HoverRequest.type, editor.after(uri, before));
  assert.equal(within(editor.text(uri), hover.range), about);
  assert.equal(hover.contents.kind, "markdown");
  assert.match(hover.contents.value, says);
}
assert.equal(await editor.request(HoverRequest.type, editor.after(uri, "description: \"")), null);

// Go to: a step that is named, and one that a path begins with.
for (const [before, line] of [["next: despat", "  despatched:"], ["order: \"${$.pla", "  placed:"]]) {
  const place = await editor.request(DefinitionRequest.type, editor.after(uri, before));
  assert.equal(place.uri, uri);
  const { start } = place.range;
  assert.equal(editor.text(uri).split("\n")[start.line], line);
  assert.equal(within(editor.text(uri), place.range), line.trim().slice(0, -1));
}

const [cycle] = await editor.request(DocumentSymbolRequest.type, { textDocument: { uri } });
assert.equal(cycle.name, "order-status");
assert.deepEqual(
  cycle.children.map(({ name, detail }) => [name, detail]),
  [["placed", "webhook"], ["status", "webhook"], ["despatched", "decision"], ["told", "set"]],
);

// Scripts are read too, and warnings are no errors.
const script = "cycle: a\nsteps:\n  a: { webhook: , next: b }\n  b:\n    script: |\n      function step(d) { return 1 + }\n";
found = await editor.open("file:///cycles/script.yaml", script);
assert.deepEqual(found.map(({ code, range }) => [code, range.start.line]), [["HF110", 5]]);
found = await editor.change("file:///cycles/script.yaml", "1 +", "d.a");
assert.deepEqual(found, []);
const header = "cycle: a\nsteps:\n  a: { webhook: { dedupe: \"$.headers['X-Id']\" } }\n";
found = await editor.open("untitled:Untitled-1", header);
assert.deepEqual(found.map(({ code, severity }) => [code, severity]), [["HF032", 2]]);

// A scenario is held against the cycle beside it as that is in the editor, whenever either changes.
const test = "file:///cycles/order-status.test.yaml";
const plays = `test: it is told
cycle: order-status
steps:
  - hit: plcaed
    body: { id: 1 }
`;
found = await editor.open(test, plays);
assert.deepEqual(found.map((one) => [one.code, within(plays, one.range)]), [["HF141", "plcaed"]]);
const params = { textDocument: { uri: test }, range: found[0].range, context: { diagnostics: found } };
const [better] = await editor.request(CodeActionRequest.type, params);
assert.equal(better.title, "Write `placed`");
assert.deepEqual(await editor.edit(test, better.edit.changes[test]), []);
editor.forget(test);
await editor.change(uri, "cycle: order-status", "cycle: orders");
assert.deepEqual(codes(await editor.diagnostics(test)), ["HF140"]);
editor.forget(test);
await editor.change(uri, "cycle: orders", "cycle: order-status");
assert.deepEqual(await editor.diagnostics(test), []);
assert.equal(await editor.request(HoverRequest.type, { textDocument: { uri: test }, position: { line: 0, character: 0 } }), null);

// One whose cycle is not open is held against the file; what is not saved yet, against what is open.
const folder = mkdtempSync(join(process.cwd(), "beside-"));
const saved = join(folder, "größe 1.yaml");
writeFileSync(saved, "cycle: size\nsteps:\n  asked: { webhook: }\n");
const beside = pathToFileURL(join(folder, "size.test.yaml")).href;
assert.deepEqual(await editor.open(beside, "test: a\ncycle: size\nsteps:\n  - hit: asked\n"), []);
assert.deepEqual(codes(await editor.change(beside, "hit: asked", "hit: sized")), ["HF141"]);
editor.forget(beside);
await editor.open(pathToFileURL(saved).href, "cycle: size\nsteps:\n  sized: { webhook: }\n");
assert.deepEqual(await editor.diagnostics(beside), []);
editor.forget(beside);
await editor.close(pathToFileURL(saved).href);
assert.deepEqual(codes(await editor.diagnostics(beside)), ["HF141"]);

// A document that is not open has no answers.
const elsewhere = { textDocument: { uri: "file:///elsewhere.yaml" }, position: { line: 0, character: 0 } };
assert.equal(await editor.request(CompletionRequest.type, elsewhere), null);

assert.deepEqual(await editor.close(uri), []);
assert.equal(await editor.leave(), 0);
