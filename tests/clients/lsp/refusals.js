// What the server says to those who do not keep to the protocol. Argument: the binary.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Writes bytes, closes, and gives the answers, what was said on standard error and the exit code. */
async function say(...parts) {
  const server = spawn(process.argv[2], ["lsp"]);
  let [out, err] = ["", ""];
  server.stdout.on("data", (data) => (out += data));
  server.stderr.on("data", (data) => (err += data));
  server.stdin.on("error", () => {});
  server.stdin.end(parts.join(""));
  const [code] = await once(server, "close");
  const answers = out.split(/Content-Length: \d+\r\n\r\n/).slice(1).map((text) => JSON.parse(text));
  return { answers, err, code };
}

function message(content) {
  const text = JSON.stringify({ jsonrpc: "2.0", ...content });
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

const hello = message({ id: 1, method: "initialize", params: { processId: null, rootUri: null, capabilities: {} } });
const shutdown = message({ id: 8, method: "shutdown" });
const exit = message({ method: "exit" });

// Before `initialize`, after `shutdown`, twice, unknown, unreadable: each its own error.
const late = message({ id: 9, method: "textDocument/hover", params: {} });
let told = await say(
  message({ id: 0, method: "textDocument/hover", params: {} }),
  hello,
  message({ id: 2, method: "initialize", params: {} }),
  message({ id: 3, method: "holdfast/nothing" }),
  message({ id: "4", method: "$/nothing" }),
  message({ id: 5, method: "textDocument/hover", params: { nothing: true } }),
  message({ method: "holdfast/nothing" }),
  message({ method: "textDocument/didOpen", params: { nothing: true } }),
  shutdown, late, exit,
);
assert.deepEqual(
  told.answers.map(({ id, error }) => [id, error?.code]),
  [[0, -32002], [1, undefined], [2, -32600], [3, -32601], ["4", -32601], [5, -32602], [8, undefined], [9, -32600]],
);
assert.deepEqual(told.answers.at(-2), { id: 8, jsonrpc: "2.0", result: null });
assert.equal(told.code, 0);
assert.match(told.err, /textDocument\/didOpen/);

// `exit` alone, an end without it, and what is no message.
assert.equal((await say(hello, exit)).code, 1);
assert.equal((await say(exit)).code, 1);
told = await say(hello);
assert.equal(told.code, 1);
assert.match(told.err, /ended before the editor said `exit`/);
for (const wrong of ["hello\r\n\r\n", "Content-Length: 5\r\n\r\nhello", "Content-Length: many\r\n\r\n{}"]) {
  told = await say(hello, wrong);
  assert.equal(told.code, 1, wrong);
  assert.match(told.err, /not the Language Server Protocol/);
}
