// One transaction: why it waits, its way on the picture, what failed, and what a person does about it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { EVIL, scene } from "./browser.js";

const SHOP = `cycle: shop
steps:
  placed: { webhook: , next: status }
  status:
    webhook:
      mapping: [ { hit: $.body.order.id, transaction: $.placed.body.order_id } ]
      expires: { after: 48h, next: late }
    next: which
  which:
    decision:
      - when: { value: $.status.body.state, equals: broken }
        next: broken
      - else: told
  told: { set: { order: "\${$.placed.body.order_id}", state: "\${$.status.body.state}" } }
  broken: { fail: { message: "it is \${$.status.body.why}" } }
  late: { set: { late: true } }
`;

const CALLED = `cycle: called
steps:
  asked: { webhook: , next: counted }
  counted:
    script: |
      function step(document) { console.log("for " + document.asked.body.name); return { letters: document.asked.body.name.length } }
    next: told
  told:
    http: { url: "https://localhost/never", retry: { attempts: 1 } }
`;

const SHIPPED = `cycle: shipped
steps:
  sent: { webhook: , next: ship }
  ship:
    each:
      in: $.sent.body.lines
      partial: true
      steps:
        which: { decision: [ { when: { value: $.ship.item, equals: lost }, next: refused }, { else: book } ] }
        book: { set: "\${$.ship.item}", next: label }
        label: { set: 1 }
        refused: { fail: { message: it is lost } }
`;

await scene(async (person, page) => {
  await person.signsIn(person.key, "/console/transactions");
  await person.deploys(SHOP);
  await person.deploys(CALLED);

  // Why it waits, with a hit that would resume it.
  const { transaction } = await person.hits("shop", "placed", { order_id: "A-1007", note: EVIL, [EVIL]: EVIL }, { "x-evil": EVIL });
  await person.goes(`/console/transactions/${transaction}`);
  await page.getByRole("heading", { name: "It waits for a hit" }).waitFor();
  await page.getByText('$.body.order.id equal to "A-1007"').waitFor();
  await page.getByText(/Unless one comes, it goes on by its expires in 47 h/).waitFor();
  // A scenario of it: seen first, with what is personal masked, and a path that is none said at its line.
  await page.getByRole("link", { name: "Make a scenario of it" }).click();
  const text = page.locator("#text");
  assert.match(await text.innerText(), /- hit: placed\n[^]*order_id: A-1007/);
  await page.getByLabel("What is personal in it").fill("$.body.note\n$.body[");
  await page.getByRole("button", { name: "Mask it" }).click();
  await page.getByText("line 2, $.body[").waitFor();
  await person.looks();
  await page.getByLabel("What is personal in it").fill("$.body.note\n$.body.order_id\n");
  await page.getByRole("button", { name: "Mask it" }).click();
  await page.getByText("# Masked: $.body.order_id").waitFor();
  await person.looks("transaction-scenario");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  const file = await download;
  assert.match(file.suggestedFilename(), /^shop-[0-9a-f]+\.test\.yaml$/);
  const scenario = readFileSync(await file.path(), "utf8");
  assert.match(scenario, /^cycle: shop$/m);
  assert.match(scenario, /- hit: placed\n[^]*order_id: masked-\d/);
  assert.ok(!scenario.includes("A-1007"), scenario);
  await person.goes(`/console/transactions/${transaction}`);
  await page.getByText("A hit that would resume it").click();
  const curl = await page.locator("#curl-text-status").innerText();
  assert.match(curl, /-d '\{"order":\{"id":"A-1007"\}\}'$/);
  const marked = (mark) => page.locator(`.cycle .${mark} > .step`).evaluateAll((all) => all.map((step) => step.dataset.step));
  assert.deepEqual([await marked("passed"), await marked("held")], [["placed"], ["status"]]);
  assert.equal(await page.locator(".cycle .way.taken").count(), 1);
  await person.looks("transaction-held");

  // What a step wrote is fetched when it is looked at, and shown as text.
  await page.locator("#step-1-0 > summary").click();
  const wrote = page.getByRole("group", { name: "The difference that placed made, run 1" });
  await wrote.waitFor();
  assert.ok((await wrote.innerText()).includes(JSON.stringify(EVIL)));
  assert.ok(await wrote.locator(".added").count() > 5);

  // That very hit comes from outside: the page shows it without a reload, and what is open stays so.
  const stays = await page.evaluate(() => (globalThis.stays = Math.random()));
  const hit = await person.hits("shop", "status", { order: { id: "A-1007" }, state: EVIL });
  assert.equal(hit.transaction, transaction);
  await page.locator("#status").filter({ hasText: "completed" }).waitFor();
  assert.deepEqual((await marked("passed")).sort(), ["placed", "status", "told", "which"]);
  assert.equal(await page.locator(".cycle .way.taken").count(), 4);
  assert.equal(await page.evaluate(() => globalThis.stays), stays, "nothing was loaded anew");
  assert.ok(await wrote.isVisible(), "what was opened stays open");
  await page.getByRole("heading", { name: "It has ended" }).waitFor();
  await page.getByText("A further hit runs it again from").waitFor();
  await page.getByText("As it is now").click();
  await page.getByRole("group", { name: "The document" }).waitFor();
  await person.looks("transaction");
  await person.weighs(`/console/transactions/${transaction}`);
  assert.equal(await page.getByRole("link", { name: "its hit, run 2" }).getAttribute("href"), `/console/hits/${hit.hit}`);

  // By hand: what is no JSON is told where, and kept.
  await page.getByRole("link", { name: "Resume by hand" }).click();
  await page.getByLabel("Body of the hit").fill('{"state": }');
  person.expects(422);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText(/no JSON: line 1, column 11/).waitFor();
  assert.equal(await page.getByLabel("Body of the hit").inputValue(), '{"state": }');
  await person.looks("transaction-resume");
  await page.getByLabel("Body of the hit").fill(JSON.stringify({ state: "broken", why: `lost ${EVIL}` }));
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("It is resumed.").waitFor();
  await page.getByRole("heading", { name: "It failed at broken" }).waitFor();
  await page.getByText(`fail: it is lost ${EVIL}`).first().waitFor();
  assert.deepEqual(await marked("wrong"), ["broken"]);
  assert.deepEqual(await marked("before"), ["told"], "what an earlier run passed is behind it");
  await page.locator("#step-3-2 > summary").click();
  await person.looks("transaction-failed");

  // From a step that it has passed, with an edited document.
  await page.getByRole("link", { name: "Run again from a step" }).click();
  await page.getByLabel("From the step").selectOption("which");
  await page.getByRole("button", { name: "Show its document" }).click();
  await page.waitForURL(/step=which/);
  const document = JSON.parse(await page.getByLabel("Document before which").inputValue());
  assert.equal(document.status.body.state, "broken");
  await page.getByLabel("Document before which").fill("{,}");
  await page.getByRole("button", { name: "Run again from which" }).click();
  await page.getByText(/no JSON: line 1, column 2/).waitFor();
  assert.equal(await page.getByLabel("Document before which").inputValue(), "{,}", "what was written is kept");
  document.status.body.state = "mended";
  await page.getByLabel("Document before which").fill(JSON.stringify(document, null, 2));
  await person.looks("transaction-rerun");
  await page.getByRole("button", { name: "Run again from which" }).click();
  await page.getByText("It runs again from which.").waitFor();
  await page.locator("#status").filter({ hasText: "completed" }).waitFor();
  await page.getByRole("heading", { name: "Run 4 completed" }).waitFor();
  await page.getByText("run again by hand").waitFor();
  const view = await person.api("GET", `/transactions/${transaction}`);
  assert.equal(view.document.told.state, "mended");

  // A step that failed outside: its attempts, what its script wrote, the error in full.
  const called = await person.hits("called", "asked", { name: EVIL });
  await person.goes(`/console/transactions/${called.transaction}`);
  await page.getByRole("heading", { name: "It failed at told" }).waitFor();
  await page.locator("#step-1-1 > summary").click();
  await page.getByText(`for ${EVIL}`).waitFor();
  await page.locator("#step-1-2 > summary").click();
  await page.locator("#step-1-2").getByText("GET https://localhost/never →").click();
  await page.locator("#step-1-2").getByText('"duration_us"').first().waitFor();
  await person.looks("transaction-called");

  // What the elements of an `each` did is painted inside of it, with how many did it.
  await person.deploys(SHIPPED);
  const shipped = await person.hits("shipped", "sent", { lines: [EVIL, "lost", "c"] });
  await person.goes(`/console/transactions/${shipped.transaction}`);
  await page.locator("#status").filter({ hasText: "completed" }).waitFor();
  assert.deepEqual((await marked("passed")).sort(), ["book", "label", "sent", "ship", "which"]);
  assert.deepEqual(await marked("wrong"), ["refused"]);
  assert.equal(await page.locator(".cycle .way.taken").count(), 7);
  const hover = (step) => page.locator(`.cycle [data-step=${step}] > title`).textContent();
  await page.getByText("The way taken: sent → ship (3 elements: 2 done, 1 failed)").waitFor();
  assert.equal(await hover("ship"), "ship (each): 3 elements: 2 done, 1 failed");
  assert.equal(await hover("label"), "label (set): 2 elements: 2 done");
  assert.equal(await hover("refused"), "refused (fail): 1 element: 1 failed");
  await person.looks("transaction-each");

  // A large document is cut, and says how large it is and where it is whole.
  const large = await person.hits("shop", "placed", { order_id: "large", lines: Array(6_000).fill("0123456789") });
  await person.goes(`/console/transactions/${large.transaction}/document`);
  await page.getByText(/Only the beginning is shown: the document has \d+ KiB/).waitFor();
  await page.getByText(`/api/v1/transactions/${large.transaction}`).waitFor();
  await person.looks();
  await person.goes(`/console/transactions/${large.transaction}/runs/1/steps/placed`);
  await page.getByText(/\d+ more lines are not shown/).waitFor();

  // Many runs are turned over, the newest first.
  const many = await person.hits("shop", "placed", { order_id: "many" });
  await Promise.all(Array.from({ length: 200 }, (_, state) => person.hits("shop", "status", { order: { id: "many" }, state })));
  await person.goes(`/console/transactions/${many.transaction}`);
  const numbers = async () => (await page.locator(".run h3").allInnerTexts()).map((text) => Number(text.match(/\d+/)[0]));
  assert.deepEqual(await numbers(), Array.from({ length: 10 }, (_, at) => 201 - at));
  await page.getByRole("link", { name: "Older runs" }).click();
  await page.waitForURL(/after=192/);
  assert.deepEqual(await numbers(), Array.from({ length: 10 }, (_, at) => 191 - at));
  await page.getByRole("link", { name: "The newest runs" }).click();

  // Cancelled, after it was asked; then nothing can be done to it any more.
  await page.getByRole("button", { name: "Cancel it" }).click();
  await page.getByText("It is cancelled.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Cancel it" }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "Run again from a step" }).count(), 0);

  // A key that may only read is shown no button; a change that is forged is none.
  const { key } = await person.api("POST", "/keys", { name: "reader", scopes: ["read"] });
  await page.getByRole("button", { name: "Sign out" }).click();
  await person.signsIn(key, `/console/transactions/${transaction}`);
  await page.getByRole("heading", { name: "Run 4 completed" }).waitFor();
  for (const name of ["Cancel it", "Run again from a step", "Resume by hand"]) {
    assert.equal(await page.getByText(name).count(), 0, name);
  }
  await person.looks();
  const token = JSON.parse(await page.locator("body").getAttribute("hx-headers"))["x-holdfast-token"];
  for (const [path, body] of [["cancel", ""], ["rerun", "step=which&document={}"], ["resume", "step=status&body={}"]]) {
    const answer = await fetch(`${person.url}/console/transactions/${transaction}/${path}`, {
      method: "POST", redirect: "manual", body: `${body}&token=${token}`,
      headers: { cookie: await person.cookie(), "content-type": "application/x-www-form-urlencoded" },
    });
    assert.equal(answer.status, 403, path);
  }
  assert.equal((await person.api("GET", `/transactions/${transaction}`)).status, "completed");
});
