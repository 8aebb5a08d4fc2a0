// Hits: seen as they come, explained, replayed; a match tried.
import assert from "node:assert/strict";
import { EVIL, scene } from "./browser.js";

const ORDERS = `
cycle: orders
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.order.id, transaction: $.placed.body.order }]
`;
const NOISE = `
cycle: noise
steps:
  heard:
    webhook:
      script: |
        function request(request, context) { return false }
`;

await scene(async (person, page) => {
  const text = (text) => page.getByText(text).first().waitFor();
  const order = (id) => person.hits("orders", "placed", { order: id });
  const status = (id) => person.hits("orders", "status", { order: { id } });
  const enters = async (key) => {
    await person.goes("/console/hits");
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("**/console/hits");
  };
  await enters(person.key);
  await page.getByText("There is no webhook either").waitFor();
  await person.deploys(ORDERS);
  await person.deploys(NOISE);
  await person.goes("/console/hits?status=unmatched&since=today");
  await page.getByText("Good news").waitFor();
  await person.goes("/console/hits");
  await page.getByText("No hit has come yet").waitFor();
  assert.match(await page.locator("#curl").innerText(), /^curl -i http.*\/hooks\/.* --json/);
  await person.looks("hits-empty");

  // They appear while one looks.
  const held = (await order("A-42")).transaction;
  const row = (hit) => page.locator("tr", { has: page.locator(`#tick-${hit}`) });
  const missed = (await status("A-42 ")).hit;
  await row(missed).getByText("unmatched").waitFor();
  await order("B-1");
  await order("B-1");
  const ambiguous = (await status("B-1")).hit;
  await row(ambiguous).getByText("ambiguous").waitFor();
  const filtered = (await person.hits("noise", "heard", { any: 1 })).hit;
  await row(filtered).getByText("returned false").waitFor();

  // What was ticked stays so while the list comes anew.
  await row(missed).getByRole("checkbox").check();
  const bystander = (await status("Z")).hit;
  await row(bystander).waitFor();
  assert.ok(await row(missed).getByRole("checkbox").isChecked());

  // In every field of a hit, and none of it runs.
  const webhooks = (await person.api("GET", "/webhooks")).data;
  const address = (step) => new URL(new URL(webhooks.find((one) => one.step === step).url).pathname, person.url);
  const evil = await fetch(`${address("status")}?${new URLSearchParams({ [EVIL]: EVIL })}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-evil": EVIL, "user-agent": EVIL },
    body: JSON.stringify({ [EVIL]: EVIL, order: { id: EVIL } }),
  });
  const evilHit = evil.headers.get("holdfast-hit");
  const plain = await fetch(address("status"), { method: "POST", headers: { "content-type": "text/plain" }, body: EVIL });
  const plainHit = plain.headers.get("holdfast-hit");
  const bytes = await fetch(address("status"), {
    method: "POST", headers: { "content-type": "application/octet-stream" }, body: Uint8Array.from([255, 0, 254]),
  });
  await row(plainHit).getByText("unmatched").waitFor();
  await row(evilHit).getByText("<script>").waitFor();
  await person.looks("hits");

  for (const hit of [evilHit, plainHit]) {
    await person.goes(`/console/hits/${hit}`);
    await page.getByRole("heading", { name: "What to do about it" }).waitFor();
    assert.match(await page.locator("#body").innerText(), /<script>globalThis\.evil=1/);
    await person.looks();
  }
  await page.getByText("As it came").click();
  await page.getByRole("region", { name: "Body as it came" }).waitFor();
  await page.getByText("no key").first().waitFor();
  await person.goes(`/console/hits/${bytes.headers.get("holdfast-hit")}`);
  await page.getByText("As it came, in base64").click();
  await page.getByText("/wD+", { exact: true }).waitFor();
  await person.goes(`/console/match?hit=${evilHit}`);
  await page.locator(".verdict").waitFor();
  await person.looks();

  // A space too many: it is shown, and said.
  await person.goes("/console/hits");
  await page.getByRole("link", { name: "Unmatched since this morning" }).click();
  await row(missed).getByRole("link", { name: `…${missed.slice(-8)}` }).click();
  await text("it has a space more at its end");
  assert.equal(await page.locator(".near mark").first().innerText(), "·");
  await page.getByRole("link", { name: `…${held.slice(-8)}` }).first().waitFor();
  assert.equal(await page.locator("#why").getByText("What came nearest").count(), 1);
  await person.looks("hit");

  // Tried with the space taken away, it would match; and nothing was sent.
  await page.getByRole("link", { name: "Try it with changes" }).first().click();
  await text("it has a space more at its end");
  const body = page.getByLabel("Body, as JSON");
  await body.fill('{ "order": { "id": "a-42" } }');
  await text("it differs in upper and lower case");
  await person.looks("match");
  await body.fill('{ "order": { "id": "A-42" } }');
  await page.locator("#told").getByText("would take it").first().waitFor();
  await body.fill('{ "orders": { "id": "A-42" } }');
  await text("`$.body` has no `order`, but `orders`");
  await text("which stands at `$.body.orders.id`");
  await body.fill('{ "order":\n  { "id": A-42 } }');
  await text("line 2, column 11");
  assert.equal(await page.locator("pre.place mark").innerText(), "A");
  await person.looks();
  await body.fill('{ "order": { "id": "Q" } }');
  await page.getByRole("button", { name: "Try it" }).click();
  await text("Nothing comes near");
  assert.equal((await person.api("GET", "/hits?limit=1000")).data.length, 10, "nothing that was tried is kept");

  // Replayed once its transaction is there.
  const early = (await status("C-9")).hit;
  await order("C-9");
  await person.goes(`/console/hits/${early}`);
  await page.getByRole("button", { name: "Replay" }).click();
  await text("was replayed: this is the new one");
  await page.locator("#fate").getByText("applied").waitFor();
  await page.getByRole("link", { name: `…${early.slice(-8)}` }).click();
  await page.getByRole("heading", { name: "Replayed as" }).waitFor();

  // By hand, to the one that it was meant for.
  await person.goes(`/console/hits/${missed}`);
  await page.getByRole("button", { name: `Give it to …${held.slice(-8)}` }).click();
  await text("was resumed by hand with this hit's body");
  assert.equal((await person.api("GET", `/transactions/${held}`)).status, "completed");

  // Several, after a look at how many.
  const late = [];
  for (const id of ["D-1", "D-2", "D-3"]) late.push((await status(id)).hit);
  for (const id of ["D-1", "D-2", "D-3"]) await order(id);
  await person.goes("/console/hits?status=unmatched");
  for (const hit of late.slice(0, 2)) await page.locator(`#tick-${hit}`).check();
  await page.getByRole("button", { name: "Replay the ticked…" }).click();
  await page.getByRole("heading", { name: "Replay 2 hits?" }).waitFor();
  await person.looks("replay");
  await page.getByRole("button", { name: "Replay 2" }).click();
  await text("2 are replayed.");
  await person.looks("replayed");
  await page.getByRole("link", { name: "See what became of them" }).click();
  await page.waitForURL(/since=/);
  assert.equal(await page.getByRole("row").filter({ hasText: "replay" }).filter({ hasText: "applied" }).count(), 2);
  await person.goes("/console/hits");
  assert.equal(await page.getByRole("button", { name: "Replay all that match…" }).count(), 0, "all of everything is not meant");
  await person.goes("/console/hits?status=unmatched&cycle=orders");
  await page.getByRole("button", { name: "Replay all that match…" }).click();
  const many = await page.getByRole("heading", { name: /^Replay \d+ hits\?/ }).innerText();
  const count = Number(many.match(/\d+/)[0]);
  assert.ok(count >= 5, many);
  await page.getByRole("link", { name: "Leave them" }).click();
  await page.waitForURL("**/console/hits?**");
  await Promise.all(Array.from({ length: 120 }, (_, n) => status(`nobody-${n}`)));
  await page.getByRole("button", { name: "Replay all that match…" }).click();
  await page.getByRole("heading", { name: `Replay ${count + 120} hits?` }).waitFor();
  await text(`Status now: ${count + 120} unmatched.`);
  await page.getByText("The oldest 10 of them").waitFor();
  await person.looks();
  await page.getByRole("button", { name: `Replay ${count + 120}` }).click();
  await page.getByRole("heading", { name: `${count + 120} replayed` }).waitFor();
  await page.getByRole("link", { name: "Back to the list" }).click();
  await page.waitForURL("**/console/hits?**");
  await page.getByLabel("All on this page").check();
  assert.ok((await page.locator("input[name=hit]:checked").count()) >= 5);
  for (const path of ["/console/hits?status=filtered", "/console/hits?ambiguous=yes", "/console/hits?status=rejected", `/console/hits?after=${missed}`]) {
    await person.goes(path);
    await person.looks();
  }
  await person.weighs("/console/hits");

  // Who may only read sees no button, and is refused without one.
  const { key } = await person.api("POST", "/keys", { name: "reader", scopes: ["read"] });
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/sign-in");
  await enters(key);
  await page.locator("tbody tr").first().waitFor();
  assert.equal(await page.getByRole("button", { name: /Replay/ }).count(), 0);
  await person.goes(`/console/hits/${missed}`);
  await text("What came nearest");
  assert.equal(await page.getByRole("button", { name: /Replay|Give/ }).count(), 0);
  const [cookie] = (await person.context.cookies()).filter((cookie) => cookie.name === "holdfast-session");
  const token = JSON.parse(await page.locator("body").getAttribute("hx-headers"))["x-holdfast-token"];
  const before = (await person.api("GET", "/hits?limit=1000")).data.length;
  for (const [path, form] of [
    [`/console/hits/${missed}/replay`, {}], [`/console/hits/${missed}/give`, { transaction: held }], ["/console/hits/replay", { hit: missed }],
  ]) {
    for (const carried of [{ token }, {}]) {
      const answer = await fetch(`${person.url}${path}`, {
        method: "POST", redirect: "manual", body: new URLSearchParams({ ...form, ...carried }),
        headers: { cookie: `holdfast-session=${cookie.value}` },
      });
      assert.equal(answer.status, 403, `${path} with ${JSON.stringify(carried)}`);
    }
  }
  assert.equal((await person.api("GET", "/hits?limit=1000")).data.length, before);
  person.expects(403);
  assert.equal((await person.goes("/console/secrets")).status(), 403);
});
