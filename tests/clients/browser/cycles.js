// Cycles: from nothing to the first one, started and stopped from the list, and what who may only read sees.
import assert from "node:assert/strict";
import { EVIL, scene } from "./browser.js";

const ORDERS = `cycle: orders
description: ${JSON.stringify(EVIL)}
steps:
  ordered: { webhook: , next: parcel }
  parcel: { webhook: { mapping: [ { hit: $.body.order, transaction: $.ordered.body.order } ] } }
`;
const MANY = Array.from({ length: 24 }, (_, at) => `cycle: many-${at}\nsteps: { a: { webhook: } }\n`).join("---\n");

await scene(async (person, page) => {
  await person.signsIn();
  await page.waitForURL("**/console/cycles");
  await page.getByText("No cycle is deployed yet").waitFor();
  await person.looks("cycles-empty");

  // The first one, as it stands there.
  await page.getByRole("button", { name: "Deploy this one" }).click();
  await page.getByText("first is deployed, as version 1.").waitFor();
  await page.getByText("It is a draft").waitFor();
  assert.equal((await person.hits("first", "ordered", { order: "A-17" })).status, 406, "a draft takes nothing");
  await page.getByRole("button", { name: "Start first" }).click();
  await page.getByText("first is running.").waitFor();
  await page.evaluate(() => (globalThis.stayed = true));
  for (const order of ["A-17", "A-18"]) await person.hits("first", "ordered", { order });
  await page.locator("#at-parcel").getByText("2 held", { exact: true }).waitFor();
  await page.locator("#at-ordered").getByText("2 passed", { exact: true }).waitFor();
  // The curl that stands there is the one that a shell could send.
  const curl = await page.locator("#curl-parcel").textContent();
  assert.match(curl, /-d '\{"order":"A-17"\}'/);
  await person.hits("first", "parcel", JSON.parse(curl.match(/-d '(.*)'/)[1]));
  await page.locator("#at-parcel").getByText("1 held", { exact: true }).waitFor();
  await page.locator("#at-arrived").getByText("1 passed", { exact: true }).waitFor();
  assert.ok(await page.evaluate(() => globalThis.stayed), "the page was never left");

  // What another one deploys comes into the list by itself.
  await page.getByRole("link", { name: "Cycles" }).first().click();
  await page.getByRole("link", { name: "first" }).waitFor();
  await person.api("POST", "/cycles", ORDERS);
  await page.getByRole("link", { name: "orders" }).waitFor();
  await page.getByRole("button", { name: "Start orders" }).click();
  await page.getByText("orders is running.").waitFor();
  await person.hits("orders", "ordered", { order: "B-1" });
  await page.getByRole("row", { name: /^orders/ }).getByText("1 hit ·").waitFor();
  const charted = page.getByRole("img", { name: "The last 24 hours: 3 hits, 3 at most in an hour; 0 failed" });
  await charted.waitFor();
  await person.looks("cycles");

  // Stopped, once queued work is done; what comes then is queued, and run at the next start.
  await page.getByLabel("Stop… orders").click();
  await page.locator("#drain-orders").check();
  await page.getByRole("button", { name: "Stop orders", exact: true }).click();
  await page.getByText("orders is stopped.").waitFor();
  assert.equal((await person.hits("orders", "ordered", { order: "B-2" })).status, 200);
  const queued = page.getByRole("row", { name: /^orders/ }).locator("td[data-name=Queued]");
  await queued.getByText("1").waitFor();
  await page.getByRole("button", { name: "Start orders" }).click();
  await page.getByText("orders is running").waitFor();
  await queued.getByText("0").waitFor();

  // Many come a page at a time.
  await person.api("POST", "/cycles", MANY);
  await person.goes("/console/cycles");
  assert.equal(await page.locator("tbody tr").count(), 25);
  await page.getByRole("link", { name: "Later ones" }).click();
  await page.getByRole("link", { name: "orders" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  await person.weighs("/console/cycles");

  // Who may only read sees no button, and has none of it done.
  const { key } = await person.api("POST", "/keys", { name: "reader", scopes: ["read"] });
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/console/sign-in");
  await person.signsIn(key);
  await page.waitForURL("**/console/cycles");
  for (const path of ["/console/cycles?after=many-9", "/console/cycles/orders"]) {
    await person.goes(path);
    await page.getByText("orders").first().waitFor();
    for (const name of [/^Start/, /^Stop/, /^Delete/]) assert.equal(await page.getByRole("button", { name }).count(), 0);
    assert.equal(await page.getByLabel(/^Stop/).count(), 0);
    for (const name of [/^Deploy/, /^Edit/]) assert.equal(await page.getByRole("link", { name }).count(), 0);
  }
  person.expects(403);
  for (const path of ["cycles/orders/stop", "cycles/orders/start", "cycles/orders/delete", "deploy", "check"]) {
    const status = await page.evaluate(async (path) => {
      const headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), "content-type": "application/x-www-form-urlencoded" };
      return (await fetch(`/console/${path}`, { method: "POST", headers, body: path.includes("/") ? "" : "source=x" })).status;
    }, path);
    assert.equal(status, 403, path);
  }
  assert.equal((await person.goes("/console/cycles/orders/edit")).status(), 403);
  assert.equal((await person.api("GET", "/cycles/orders")).state, "running");
});
