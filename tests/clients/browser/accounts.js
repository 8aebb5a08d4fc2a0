// Accounts: made, limited, looked at, removed. And subscriptions, of which there are none.
import assert from "node:assert/strict";
import { scene } from "./browser.js";

await scene(async (person, page) => {
  await person.signsIn();
  await person.goes("/console/accounts");
  const make = page.locator("section", { hasText: "Make an account" });
  await make.getByLabel("Name").fill("acme");
  await make.getByLabel("Transactions at once").fill("many");
  person.expects(400);
  await make.getByRole("button").click();
  await page.getByText("transactions at once is a whole number").waitFor();
  await person.goes("/console/accounts");
  await make.getByLabel("Name").fill("acme");
  await make.getByLabel("Transactions at once").fill("1,000");
  await make.getByRole("button").click();
  await page.getByText("The account acme is made.").waitFor();
  await page.getByText("1,000 transactions at once").click();
  await page.locator("#h-acme").fill("50");
  await person.looks("accounts");
  await page.getByRole("button", { name: "Set the limits of acme" }).click();
  await page.getByText("50 hits a second, 1,000 transactions at once").waitFor();

  await person.deploys("cycle: ours\nsteps:\n  asked: { webhook: }");
  await page.getByRole("button", { name: "Look at acme" }).click();
  await page.waitForURL("**/console/cycles");
  await person.goes("/console/subscriptions");
  assert.equal(await page.locator(".account").innerText(), "acme");
  assert.equal(await page.getByText("ours", { exact: true }).count(), 0, "another account's cycles are not seen");
  await person.goes("/console/keys");
  const list = (await person.api("GET", "/keys")).data;
  assert.equal(list.length, 1);
  await person.goes("/console/accounts");
  await page.getByRole("button", { name: "Look at default" }).click();
  await person.goes("/console/accounts");
  await page.getByRole("button", { name: "Remove acme" }).click();
  await page.getByText("acme is not found from now on").waitFor();

  await person.goes("/console/secrets");
  await page.getByText("No secret is kept.").waitFor();
  await page.getByLabel("Name").fill("SHOP");
  await page.getByLabel("Value", { exact: true }).fill("s3cret-of-the-shop");
  await page.getByRole("button", { name: "Set it" }).click();
  await page.getByRole("button", { name: "Delete SHOP" }).waitFor();
  assert.ok(!(await page.content()).includes("s3cret-of-the-shop"), "a value is never shown");
  await person.looks("secrets");
  await page.getByRole("button", { name: "Delete SHOP" }).click();
  await page.getByText("No secret is kept.").waitFor();

  await person.goes("/console/subscriptions");
  await page.getByText("No webhook has subscribed itself anywhere.").waitFor();
  await person.looks("subscriptions");
});
