// Transactions: found, seen to come in, and several at once cancelled.
import assert from "node:assert/strict";
import { EVIL, scene } from "./browser.js";

const SHOP = `cycle: shop
steps:
  placed: { webhook: , next: status }
  status:
    webhook:
      mapping: [ { hit: $.body.order.id, transaction: $.placed.body.order_id } ]
    next: end
`;
// More than one call does it to.
const MORE = 1_100;

await scene(async (person, page) => {
  await person.signsIn(person.key, "/console/transactions");
  await page.getByText("No transaction is there yet").waitFor();
  await person.deploys(SHOP);
  await page.reload();
  const curl = await page.locator("#first").innerText();
  assert.match(curl, /^curl 'http\S+\/hooks\/\w+' /, "the first hit is there to be copied");
  await person.looks("transactions-empty");

  // One that is started outside comes in without a reload.
  const mark = await page.evaluate(() => (globalThis.stays = Math.random()));
  const first = await person.hits("shop", "placed", { order_id: "A-1007" });
  await page.locator(`#tick-${first.transaction}`).check();
  await page.getByRole("row").filter({ hasText: "for a hit" }).waitFor();
  const others = [];
  for (const order_id of ["A-1008", "A-1009", EVIL]) {
    others.push(await person.hits("shop", "placed", { order_id, [EVIL]: EVIL }, { "x-evil": EVIL }));
  }
  await page.locator(`#tick-${others[2].transaction}`).waitFor();
  assert.ok(await page.locator(`#tick-${first.transaction}`).isChecked(), "what was ticked stays so");
  assert.equal(await page.evaluate(() => globalThis.stays), mark, "nothing was loaded anew");
  await person.looks("transactions");
  await person.weighs("/console/transactions");

  // Found as the customer says it; what is looked for stands in the address and comes back.
  const shown = () => page.locator("tbody tr").count();
  await page.getByLabel("Find by its number").fill("A-1008");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL(/key=A-1008/);
  assert.equal(await shown(), 1);
  assert.equal(await page.getByLabel("Find by its number").inputValue(), "A-1008");
  await page.getByLabel("Find by its number").fill(EVIL);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL(/script/);
  assert.equal(await shown(), 1, "a value is taken as it is, whatever stands in it");
  await page.getByLabel("Find by its number").fill(others[0].transaction);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL(`**/console/transactions/${others[0].transaction}`);

  // What does not fit says what to ask less for; what can't be is told.
  await person.goes("/console/transactions?cycle=shop&status=failed&since=today");
  await page.getByText("No transaction fits.").waitFor();
  await person.looks("");
  await page.getByRole("link", { name: "without status “failed”" }).click();
  assert.equal(await shown(), 4);
  for (const [query, told] of [["cycle=none", "no such cycle: none"], ["status=odd", "no status odd"], ["since=soon", "is no time"]]) {
    await person.goes(`/console/transactions?${query}`);
    await page.getByText(told).waitFor();
  }
  await person.goes("/console/transactions?since=2999-01-01T00:00Z");
  assert.equal(await page.getByLabel("Started").inputValue(), "2999-01-01T00:00Z");
  await page.getByText("No transaction fits.").waitFor();

  // Several: first what would be done, then it is done and told.
  await person.api("POST", `/transactions/${others[0].transaction}/cancel`);
  await person.goes("/console/transactions?cycle=shop");
  await page.locator(`#tick-${first.transaction}`).check();
  await page.locator(`#tick-${others[0].transaction}`).check();
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("heading", { name: "Cancel 1 transaction?" }).waitFor();
  await page.getByText("1: it is cancelled already").waitFor();
  assert.equal((await person.api("GET", `/transactions/${first.transaction}`)).status, "held", "nothing was done yet");
  await person.looks("transactions-several");
  await page.getByRole("button", { name: "Cancel 1" }).click();
  await page.getByText("1 is cancelled. 1 was so already.").waitFor();
  assert.equal((await person.api("GET", `/transactions/${first.transaction}`)).status, "cancelled");
  await person.looks("");
  await page.getByRole("link", { name: "Back to the list" }).click();
  await page.waitForURL(/cycle=shop/);

  await person.goes("/console/transactions?status=held");
  await page.getByLabel("with all that fit the filter").check();
  await page.getByRole("button", { name: "Resume…" }).click();
  await page.getByRole("heading", { name: "Resume 2 transactions?" }).waitFor();
  await page.getByLabel("Body of the hit").fill("{\n  broken");
  await page.getByRole("button", { name: "Resume 2" }).click();
  await page.getByText(/no JSON: .*line 2/).waitFor();
  assert.equal(await page.getByLabel("Body of the hit").inputValue(), "{\n  broken", "what was written is kept");
  await page.getByLabel("Body of the hit").fill('{"order": {"id": "by hand"}}');
  await page.getByRole("button", { name: "Resume 2" }).click();
  await page.getByText("2 are resumed.").waitFor();
  const { data } = await person.api("GET", "/transactions?status=completed");
  assert.deepEqual(data.map((view) => view.id).sort(), [others[1].transaction, others[2].transaction].sort());

  // All that match, in several calls: the page goes on by itself, and says how far it has come.
  await person.deploys(SHOP.replace("cycle: shop", "cycle: many"));
  const webhooks = (await person.api("GET", "/webhooks?limit=1000")).data;
  const { url } = webhooks.find((webhook) => webhook.cycle === "many" && webhook.step === "placed");
  const address = new URL(new URL(url).pathname, person.url);
  const headers = { "content-type": "application/json" };
  const order = async (order_id) => (await fetch(address, { method: "POST", headers, body: JSON.stringify({ order_id }) })).text();
  for (let sent = 0; sent < MORE; sent += 50) await Promise.all(Array.from({ length: 50 }, (_, n) => order(sent + n)));
  let goOn;
  const waited = new Promise((resolve) => (goOn = resolve));
  await page.route("**/console/transactions/do", async (route) => {
    if (route.request().headers()["hx-request"]) await waited;
    await route.continue();
  });
  await person.goes("/console/transactions");
  assert.equal(await page.getByLabel("with all that fit the filter").count(), 0, "all of everything is not meant");
  await person.goes("/console/transactions?cycle=many&status=held&since=today");
  await page.getByLabel("with all that fit the filter").check();
  await page.getByRole("button", { name: "Cancel…" }).click();
  await page.getByRole("heading", { name: "Cancel 1,100 transactions?" }).waitFor();
  await page.getByText("The newest 10 of them").waitFor();
  await person.looks("");
  await page.getByRole("button", { name: "Cancel 1,100" }).click();
  await page.getByRole("heading", { name: "1,000 of 1,100 done" }).waitFor();
  assert.equal(await page.getByRole("progressbar").getAttribute("value"), "1000");
  await person.looks("");
  goOn();
  await page.getByRole("heading", { name: "1,100 cancelled" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Go on" }).count(), 0);
  await person.looks("");
  // Gone back to and sent again, nothing is left to do.
  await page.reload();
  await page.getByText("no longer match").waitFor();
  await page.unroute("**/console/transactions/do");

  // A key that may only read is shown no button, and a change without the session's token is none.
  const { key } = await person.api("POST", "/keys", { name: "reader", scopes: ["read"] });
  const cookie = await person.cookie();
  const send = (token) => fetch(`${person.url}/console/transactions/do`, {
    method: "POST", redirect: "manual", body: `act=cancel&id=${others[1].transaction}&token=${token}`,
    headers: { cookie, "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal((await send("guessed")).status, 403);
  await page.getByRole("button", { name: "Sign out" }).click();
  await person.signsIn(key, "/console/transactions");
  await page.locator("tbody tr").first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Cancel…" }).count(), 0);
  assert.equal(await page.getByRole("checkbox").count(), 0);
  await person.looks("");
  const token = await page.locator('input[name="token"]').first().inputValue();
  const refused = await fetch(`${person.url}/console/transactions/do`, {
    method: "POST", redirect: "manual", body: `act=cancel&id=${others[1].transaction}&token=${token}`,
    headers: { cookie: await person.cookie(), "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(refused.status, 403, "what a key may not do is not done either");
  assert.match(await refused.text(), /operate/);
  assert.equal((await person.api("GET", `/transactions/${others[1].transaction}`)).status, "completed");
});
