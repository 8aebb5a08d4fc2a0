// An endpoint: added, told, validated, its secret rotated, what it missed sent again; and who listens is
// this script.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { EVIL, scene } from "./browser.js";

await scene(async (person, page) => {
  let healthy = true;
  const told = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part)).on("end", () => {
      told.push({ headers: request.headers, body: JSON.parse(body) });
      response.writeHead(healthy ? 204 : 410).end();
    });
  });
  await new Promise((listening) => receiver.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${receiver.address().port}/told`;

  await person.signsIn();
  await person.goes("/console/endpoints");
  await page.getByText("Nobody is told of anything yet").waitFor();
  await person.looks("endpoints-empty");
  // What is ticked to begin with; what else is filled in stays.
  await page.getByLabel("URL").fill(url);
  const ticked = () => page.locator("#events input:checked").evaluateAll((boxes) => boxes.map((box) => box.value));
  const preset = async (name) => {
    await page.getByRole("link", { name, exact: true }).click();
    await page.locator("#events [aria-current]", { hasText: name }).waitFor();
  };
  assert.deepEqual(await ticked(), []);
  await preset("Failures");
  assert.deepEqual(await ticked(), ["transaction.failed", "transaction.expired", "hold.expiring", "hit.unmatched", "hit.rejected", "subscription.failed", "endpoint.disabled"]);
  await preset("Results");
  assert.deepEqual(await ticked(), ["transaction.completed", "transaction.failed", "transaction.cancelled", "transaction.expired"]);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Results", "whoever goes by keyboard stays there");
  assert.equal(await page.getByLabel("URL").inputValue(), url);
  await preset("Everything");
  assert.deepEqual(await ticked(), []);
  await person.goes("/console/endpoints?events=results#new");
  assert.equal((await ticked()).length, 4, "the address alone does the same");
  await person.looks("");
  await page.getByLabel("URL").fill(url);
  await page.getByLabel("transaction.cancelled").uncheck();
  await page.getByLabel("transaction.expired").uncheck();
  await page.getByRole("button", { name: "Add and validate" }).click();
  const first = await page.locator("#secret").innerText();
  assert.match(first, /^whsec_/);
  await page.getByText("has answered its validation").waitFor();
  await page.locator(".state.active").waitFor();
  assert.equal(told.length, 1, "the validation was sent");

  // Told of while the page is looked at: it comes without a reload.
  await person.deploys(`cycle: told\ndescription: ${JSON.stringify(EVIL)}\nsteps:\n  asked: { webhook: , next: failed }\n  failed: { fail: { message: "<script>globalThis.evil = 1</script>" } }`);
  await page.getByRole("link", { name: "Endpoints" }).first().click();
  await page.getByRole("link", { name: url }).click();
  await page.getByText("It was told nothing yet").waitFor();
  await page.evaluate(() => (globalThis.stayed = true));
  await person.hits("told", "asked", { evil: EVIL });
  await page.getByRole("rowheader", { name: "transaction.failed" }).waitFor();
  await page.locator(".state.delivered").waitFor();
  assert.ok(await page.evaluate(() => globalThis.stayed), "no reload");
  await person.looks("endpoint");

  await page.getByLabel("The old one goes on signing for").selectOption("1h");
  await page.getByRole("button", { name: "Rotate the secret" }).click();
  const second = await page.locator("#secret").innerText();
  assert.notEqual(second, first);
  await person.hits("told", "asked", {});
  await assert.doesNotReject(until(() => told.length === 3));
  assert.equal(told[2].headers["webhook-signature"].split(" ").length, 2, "both secrets sign");
  await person.goes("/console/endpoints");
  assert.ok(!(await page.content()).includes(second), "a secret is shown once");

  // It fails for good, is enabled again, and gets what it missed.
  healthy = false;
  await person.hits("told", "asked", {});
  await page.locator(".state.disabled").waitFor();
  await page.getByRole("link", { name: url }).click();
  await page.getByText("410").first().waitFor();
  healthy = true;
  await page.getByRole("button", { name: "Validate" }).click();
  await page.getByText("It has answered: the endpoint is active").waitFor();
  const before = told.length;
  await page.getByRole("link", { name: "Only missed ones" }).click();
  await page.getByRole("button", { name: "Send what was missed" }).click();
  await page.getByText("is sent again now").waitFor();
  await until(() => told.length === before + 1);
  // Its page may ask for it once more.
  person.expects(404);
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByText("it is told nothing more").waitFor();
  receiver.close();
});

async function until(holds) {
  for (const end = Date.now() + 15_000; !holds(); ) {
    assert.ok(Date.now() < end, "in time");
    await new Promise((later) => setTimeout(later, 20));
  }
}
