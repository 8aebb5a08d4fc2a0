// `dev`: no key from loopback, a clock that stands still until it is moved, and pages that go by it.
import assert from "node:assert/strict";
import { scene } from "./browser.js";

const WAITS = `cycle: waits
steps:
  asked: { webhook: , next: told }
  told:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.asked.body.id }]
      expires: { after: 3d, next: late }
  late: { set: late }
`;

await scene(async (person, page) => {
  await person.deploys(WAITS);
  await person.goes("/console");
  await page.getByRole("heading", { name: "Cycles" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0, "nobody has signed in");

  // No key, but a token; and nobody from elsewhere.
  const stop = (headers) => fetch(`${person.url}/console/cycles/waits/stop`, { method: "POST", redirect: "manual", headers, body: "" });
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await stop(form)).status, 403);
  assert.equal((await stop({ ...form, origin: "https://elsewhere.example" })).status, 303);
  assert.equal((await person.api("GET", "/cycles/waits")).state, "running");

  // What is told of time is told by the engine's clock, which the page shows.
  const { transaction } = await person.hits("waits", "asked", { id: 1 });
  await person.goes(`/console/transactions/${transaction}`);
  await page.getByText(/goes on by its expires in (72|71) h|goes on by its expires in 3 d|goes on by its expires in 2 d/).waitFor();
  const clock = page.getByTitle(/The clock stands still/);
  const before = await clock.innerText();
  await person.api("POST", "/clock/advance", { by: "2d" });
  await page.reload();
  await page.getByText("Held at told for 2 d").waitFor();
  await page.getByText(/goes on by its expires in (24|23) h/).waitFor();
  const days = (Date.parse(`${(await clock.innerText()).replace(" UTC", "Z")}`) - Date.parse(before.replace(" UTC", "Z"))) / 86_400_000;
  assert.equal(days, 2);
  await person.looks("dev");

  // It runs into its expiry under the eyes of who looks.
  await page.evaluate(() => (globalThis.stayed = true));
  await person.api("POST", "/clock/advance", { by: "25h" });
  await page.getByText(/The way taken: asked → .*late/).waitFor();
  assert.ok(await page.evaluate(() => globalThis.stayed), "the page was never left");
});
