// The editor: diagnostics and the picture while one writes, a refusal that loses nothing, and versions.
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
});
