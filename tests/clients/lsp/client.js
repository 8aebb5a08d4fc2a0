// An editor's side of `holdfast lsp`, by the library that VS Code uses.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import protocol from "vscode-languageserver-protocol/node";

const {
  createProtocolConnection, StreamMessageReader, StreamMessageWriter, InitializeRequest, InitializedNotification,
  DidOpenTextDocumentNotification, DidChangeTextDocumentNotification, DidCloseTextDocumentNotification,
  PublishDiagnosticsNotification, ShutdownRequest, ExitNotification,
} = protocol;

export class Editor {
  /** Starts the server and shakes hands with it. */
  static async start(binary) {
    const editor = new Editor();
    editor.server = spawn(binary, ["lsp"], { stdio: ["pipe", "pipe", "inherit"] });
    editor.exited = once(editor.server, "exit");
    const { stdout, stdin } = editor.server;
    editor.connection = createProtocolConnection(new StreamMessageReader(stdout), new StreamMessageWriter(stdin));
    // Anything on standard output that is not the protocol ends here.
    editor.connection.onError(([error]) => assert.fail(`the server's output: ${error}`));
    editor.published = new Map();
    editor.waiting = [];
    editor.connection.onNotification(PublishDiagnosticsNotification.type, (told) => {
      editor.published.set(told.uri, told);
      editor.waiting.splice(0).forEach((look) => look());
    });
    editor.connection.listen();
    editor.texts = new Map();
    const asked = { processId: process.pid, rootUri: null, capabilities: {} };
    editor.told = await editor.connection.sendRequest(InitializeRequest.type, asked);
    await editor.connection.sendNotification(InitializedNotification.type, {});
    return editor;
  }

  request(type, params) {
    return this.connection.sendRequest(type, params);
  }

  /** Opens a document and waits for what is said of it. */
  async open(uri, text) {
    this.texts.set(uri, { text, version: 1 });
    const textDocument = { uri, languageId: "yaml", version: 1, text };
    await this.connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument });
    return this.diagnostics(uri);
  }

  /** Applies edits as an editor does, and waits for what is said then. */
  async edit(uri, edits) {
    const opened = this.texts.get(uri);
    // From the end, so that no edit moves another.
    const sorted = [...edits].sort((a, b) => offset(opened.text, b.range.start) - offset(opened.text, a.range.start));
    for (const { range, newText } of sorted) {
      const { text } = opened;
      opened.text = text.slice(0, offset(text, range.start)) + newText + text.slice(offset(text, range.end));
    }
    opened.version += 1;
    await this.connection.sendNotification(DidChangeTextDocumentNotification.type, {
      textDocument: { uri, version: opened.version },
      contentChanges: sorted.map(({ range, newText }) => ({ range, text: newText })),
    });
    return this.diagnostics(uri);
  }

  /** Puts `by` in the place of the first `what`. */
  change(uri, what, by) {
    const { text } = this.texts.get(uri);
    const at = text.indexOf(what);
    assert.ok(at >= 0, `${what} is not in ${text}`);
    return this.edit(uri, [{ range: { start: position(text, at), end: position(text, at + what.length) }, newText: by }]);
  }

  async close(uri) {
    this.published.delete(uri);
    this.texts.delete(uri);
    await this.connection.sendNotification(DidCloseTextDocumentNotification.type, { textDocument: { uri } });
    while (!this.published.has(uri)) await this.next();
    return this.published.get(uri).diagnostics;
  }

  /** What was said of it so far is not waited for. */
  forget(uri) {
    this.published.delete(uri);
  }

  /** What is said of the newest version. */
  async diagnostics(uri) {
    const { version } = this.texts.get(uri);
    while (this.published.get(uri)?.version !== version) await this.next();
    return this.published.get(uri).diagnostics;
  }

  next() {
    return new Promise((look) => this.waiting.push(look));
  }

  text(uri) {
    return this.texts.get(uri).text;
  }

  /** A place in a document: where `before` ends. */
  after(uri, before) {
    const { text } = this.texts.get(uri);
    const at = text.indexOf(before);
    assert.ok(at >= 0, `${before} is not in ${text}`);
    return { textDocument: { uri }, position: position(text, at + before.length) };
  }

  /** Says goodbye; the server's exit code. */
  async leave() {
    await this.connection.sendRequest(ShutdownRequest.type);
    await this.connection.sendNotification(ExitNotification.type);
    const [code] = await this.exited;
    return code;
  }
}

// JavaScript counts UTF-16 units, as the protocol does.
export function position(text, at) {
  const lines = text.slice(0, at).split("\n");
  return { line: lines.length - 1, character: lines.at(-1).length };
}

export function offset(text, { line, character }) {
  const lines = text.split("\n");
  return lines.slice(0, line).reduce((all, one) => all + one.length + 1, 0) + character;
}

/** The text of a range. */
export function within(text, { start, end }) {
  return text.slice(offset(text, start), offset(text, end));
}
