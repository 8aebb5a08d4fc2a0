// The editor: diagnostics and the picture while one writes, a refusal that loses nothing, versions, and the
// values of variables.
import assert from "node:assert/strict";
import { EVIL, scene } from "./browser.js";

const GOOD = `cycle: orders
description: ${JSON.stringify(EVIL)}
steps:
  ordered:
    name: ${JSON.stringify(EVIL)}
    webhook:
    next: done
  done: { set: 1 }
`;
const SHOP = `cycle: shop
vars:
  region: null    # where it sells ${EVIL}
  limit: 5        # at most
  strict: false
steps:
  asked: { webhook: , next: told }
  told: { respond: { body: { region: "\${vars.region}", limit: "\${vars.limit}", strict: "\${vars.strict}" } } }
`;
const BROKEN = GOOD.replace("next: done", "next: dome");

await scene(async (person, page) => {
  await person.signsIn();
  await page.waitForURL("**/console/cycles");
  await page.getByRole("link", { name: "Deploy a cycle" }).click();
  const source = page.getByLabel("Definition");
  await page.getByText("Nothing is written yet.").waitFor();

  // A broken one: it says so while it is written, and where.
  await source.fill(BROKEN);
  await page.getByText("1 error.").waitFor();
  await page.getByRole("button", { name: /^7:11, go there/ }).click();
  const cursor = await source.evaluate((field) => [document.activeElement === field, field.value.slice(field.selectionStart, field.selectionStart + 4)]);
  assert.deepEqual(cursor, [true, "dome"]);
  person.expects(422);
  await page.getByRole("button", { name: "Deploy" }).click();
  await page.getByText("Not deployed: The definition has errors").waitFor();
  assert.equal(await source.inputValue(), BROKEN, "nothing of it is lost");
  await page.getByText("1 error.").waitFor();
  assert.deepEqual((await person.api("GET", "/cycles")).data, []);
  await source.fill(`${BROKEN}${EVIL}: 1\n`);
  await page.getByText(/[2-9] errors\.|1 error\./).waitFor();

  // Tab indents, Enter keeps the indent, and Escape lets go.
  await source.fill("steps:");
  await source.press("End");
  await source.press("Enter");
  await source.press("Tab");
  await source.pressSequentially("a:");
  await source.press("Enter");
  await source.press("Tab");
  await source.pressSequentially("b:");
  await source.press("Shift+Tab");
  assert.equal(await source.inputValue(), "steps:\n  a:\n  b:");
  await source.press("Escape");
  await source.press("Tab");
  assert.notEqual(await page.evaluate(() => document.activeElement.id), "source");

  // Only the newest answer counts: the first one comes late here.
  person.expected.push("htmx:sendAbort", "htmx:afterRequest");
  let asked = 0;
  await page.route("**/console/check", async (route) => {
    if (asked++ === 0) await new Promise((go) => setTimeout(go, 1_500));
    await route.continue().catch(() => {});
  });
  await source.fill(BROKEN);
  await page.waitForTimeout(500);
  await source.fill(GOOD);
  await page.getByText("orders is a new cycle").waitFor();
  await page.waitForTimeout(1_500);
  assert.ok(asked >= 2);
  await page.getByText("orders is a new cycle").waitFor();
  assert.equal(await page.locator(".found li").count(), 0);
  await page.unroute("**/console/check");
  await page.locator("#drawn [data-step=done]").waitFor();

  await page.getByRole("button", { name: "Deploy" }).click();
  await page.getByText("orders is deployed, as version 1.").waitFor();
  await page.locator("#picture [data-step=done]").waitFor();
  assert.equal((await person.api("GET", "/cycles/orders")).source, GOOD, "to the byte");

  // The next version says how it differs, before and after.
  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByText("deploying it changes nothing").waitFor();
  assert.equal(await source.inputValue(), GOOD);
  await source.fill(GOOD.replace("done: { set: 1 }", "done: { set: 1, next: after }\n  after: { set: 2 }"));
  await page.getByText("orders becomes version 2: 2 lines added, 1 removed").waitFor();
  await page.locator("#drawn [data-step=after]").waitFor();
  await person.looks("cycle-edit");
  await source.fill(GOOD.replace("done: { set: 1 }", "done: { set: 1, next: aftr }\n  after: { set: 2, nxt: 1 }"));
  await page.getByText("3 errors.").or(page.getByText("2 errors.")).waitFor();
  await page.locator("#drawn [data-step=after]").waitFor();
  await person.looks("cycle-edit-wrong");
  // What is meant can be put in the place of what is wrong.
  await page.getByRole("button", { name: "Correct it at 8:25" }).click();
  await page.getByText("1 error.").waitFor();
  await page.getByRole("button", { name: "Correct it at 9:20" }).click();
  assert.match(await source.inputValue(), /next: after \}\n  after: \{ set: 2, next: 1 \}/);
  await source.fill(GOOD.replace("set: 1", "set: 3"));
  await page.getByText("orders becomes version 2: 1 line added, 1 removed").waitFor();
  await page.getByRole("button", { name: "Deploy" }).click();
  await page.getByText("Version 2 of orders is deployed: 1 line added, 1 removed.").waitFor();
  await page.getByRole("link", { name: "See the difference" }).click();
  await page.getByRole("heading", { name: "From version 1 to 2" }).waitFor();

  // What is written and not sent is asked for before it is left.
  await page.getByRole("link", { name: "Edit" }).click();
  await source.press("End");
  await source.pressSequentially(" # more");
  const asks = page.waitForEvent("dialog");
  await page.getByRole("link", { name: "Cancel" }).click();
  assert.equal((await asks).type(), "beforeunload");

  // Each variable has a field as soon as it is written, and the picture waits for no value.
  await person.goes("/console/deploy");
  await source.fill(SHOP);
  const [region, limit, strict] = ["region", "limit", "strict"].map((name) => page.getByLabel(name));
  await page.getByText("1 error.").waitFor();
  await page.getByText("the variable `region` has no value: it must be given at the deploy").waitFor();
  await page.getByText(`where it sells ${EVIL} · a text`).waitFor();
  await page.getByText("at most · a number · 5 unless it is given").waitFor();
  await page.locator("#drawn [data-step=told]").waitFor();
  assert.equal(await page.locator(".found li").count(), 0, "it is said at the field");
  await page.getByRole("link", { name: "region" }).click();
  await page.waitForURL("**/console/deploy#var-region");
  await region.fill(EVIL);
  await limit.fill("many");
  await page.getByText("the variable `limit` is a number, and what is given for it is not").waitFor();
  await page.getByRole("button", { name: "Deploy" }).click();
  await page.getByText("Not deployed: The definition has errors").waitFor();
  assert.deepEqual([await region.inputValue(), await limit.inputValue()], [EVIL, "many"], "nothing of it is lost");
  await person.looks("cycle-edit-vars");
  // While the text is no YAML they stay as they are, after a refusal too.
  await source.fill(`${SHOP}{`);
  await page.locator(".found .error").waitFor();
  assert.equal(await limit.inputValue(), "many");
  await page.getByRole("button", { name: "Deploy" }).click();
  await page.getByText("Not deployed: The definition has errors").waitFor();
  assert.equal(await limit.inputValue(), "many");
  await source.fill(SHOP);
  await page.locator("select#var-strict").waitFor();
  await limit.fill("12.50");
  await strict.selectOption("true");
  await page.getByText("shop is a new cycle").waitFor();
  await page.getByRole("button", { name: "Deploy" }).click();
  await page.getByText("shop is deployed, as version 1.").waitFor();
  await page.getByRole("button", { name: "Start shop" }).click();
  const told = async () => (await person.hits("shop", "asked", {})).answer;
  assert.equal(await told(), JSON.stringify({ region: EVIL, limit: 12.5, strict: true }).replace("12.5", "12.50"));

  // The next version keeps them, and they can be changed: that alone is a version too.
  await person.goes("/console/cycles/shop/edit");
  await page.getByText("deploying it changes nothing").waitFor();
  assert.deepEqual([await region.inputValue(), await limit.inputValue(), await strict.inputValue()], [EVIL, "12.50", "true"]);
  await source.fill(SHOP.replace("# at most", "# or less"));
  await page.getByText("shop becomes version 2: 1 line added, 1 removed").waitFor();
  await page.getByText("or less · a number").waitFor();
  await page.getByRole("button", { name: "Deploy" }).click();
  await page.getByText("Version 2 of shop is deployed: 1 line added, 1 removed.").waitFor();
  assert.match(await told(), /12\.50/);
  await person.goes("/console/cycles/shop/edit");
  await limit.fill("");
  await region.fill("us");
  await page.getByText("shop becomes version 3: other values for its variables").waitFor();
  await page.getByRole("button", { name: "Deploy" }).click();
  await page.getByText("Version 3 of shop is deployed: other values for its variables.").waitFor();
  assert.equal(await told(), JSON.stringify({ region: "us", limit: 5, strict: true }));

  // What matched nothing before is offered for a replay, as far as it would match by now.
  const mapping = "webhook: { early: 0s, mapping: [ { hit: $.body.order, transaction: $.placed.body.order } ] }";
  const waits = `cycle: waits\nsteps:\n  placed: { webhook: , next: parcel }\n  parcel: { ${mapping}, next: done }\n  done: { set: 1 }\n`;
  await person.deploys(waits);
  const early = [];
  for (const order of [1, 2, 1]) early.push((await person.hits("waits", "parcel", { order, note: EVIL })).hit);
  await person.hits("waits", "placed", { order: 1 });
  const deploys = async (text) => {
    await person.goes("/console/cycles/waits/edit");
    await source.fill(text);
    await page.getByRole("button", { name: "Deploy" }).click();
  };
  await deploys(waits.replace("set: 1", "set: 2"));
  const offer = page.getByRole("link", { name: "Replay the 2 hits that would match now" });
  await offer.waitFor();
  await person.looks("cycle-deployed");
  const offered = new URL(await offer.getAttribute("href"), person.url).searchParams;
  assert.deepEqual(offered.getAll("hit"), [early[0], early[2]]);
  await offer.click();
  await page.getByRole("heading", { name: /Replay/ }).first().waitFor();
  await person.api("POST", `/hits/${early[0]}/replay`);
  await deploys(waits.replace("set: 1", "set: 3"));
  await page.getByRole("link", { name: "Replay the hit that would match now" }).waitFor();
  await person.api("POST", `/hits/${early[2]}/replay`);
  // After a start as well, wherever it was asked for; not while nothing could be replayed.
  await person.api("POST", "/cycles/waits/stop", {});
  await deploys(waits.replace("set: 1", "set: 4"));
  await page.getByText("Version 4 of waits is deployed").waitFor();
  assert.equal(await page.getByText("would match now").count(), 0);
  await page.getByRole("button", { name: "Start waits" }).click();
  await page.getByText("None of the 3 unmatched hits of waits would match now.").waitFor();
  await person.api("POST", "/cycles/waits/stop", {});
  await person.hits("waits", "placed", { order: 2 });
  await person.goes("/console/cycles");
  await page.getByRole("button", { name: "Start waits" }).click();
  await page.getByText("waits is running").waitFor();
  await page.getByText("would match now").waitFor();
});
