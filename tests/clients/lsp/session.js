// A real client's session with `holdfast lsp`, from the first hello to the exit. Argument: the binary.
import assert from "node:assert/strict";
import { Editor, within } from "./client.js";

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

let found = await editor.open(uri, order);
assert.deepEqual(found.map((one) => [one.code, within(order, one.range)]), [["HF040", "statsu"]]);
assert.equal(found[0].severity, 1);
assert.match(found[0].message, /did you mean `status`/);

// What follows from a missing step is told once it is there.
found = await editor.change(uri, "statsu", "status");
assert.deepEqual(found.map((one) => one.code), ["HF047"]);
assert.match(within(editor.text(uri), found[0].range), /plcaed/);
assert.deepEqual(await editor.change(uri, "plcaed", "placed"), []);

assert.deepEqual(await editor.close(uri), []);
assert.equal(await editor.leave(), 0);
