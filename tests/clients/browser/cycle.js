// A cycle: what is held, passed and failed at its steps while one looks, its versions and its end.
import assert from "node:assert/strict";
import { EVIL, scene } from "./browser.js";

const ORDERS = `cycle: orders
description: ${JSON.stringify(EVIL)}
steps:
  ordered: { name: ${JSON.stringify(EVIL)}, webhook: , next: parcel }
  parcel:
    webhook: { mapping: [ { hit: $.body.order, transaction: $.ordered.body.order } ] }
    next: which
  which:
    decision: [ { when: { value: $.parcel.body.state, equals: ${JSON.stringify(EVIL)} }, next: lost }, { else: done } ]
  lost: { fail: { message: "the parcel is lost" } }
  done: { set: 1 }
`;
const ANSWERING = `cycle: asking
steps:
  asked: { webhook: , next: told }
  told: { respond: { body: thanks } }
`;
// Decisions that lead to four ways each, and all of it to one end.
const FORTY = ["cycle: forty", "steps:", "  placed: { webhook: , next: check_0 }"];
for (let at = 0; at < 12; at++) {
  const next = at < 11 ? `check_${at + 1}` : "done";
  FORTY.push(
    `  check_${at}: { name: "Which warehouse has it, number ${at}", decision: [ { when: { value: $.placed.body.kind, equals: "k${at}" }, next: work_${at} }, { when: { value: $.placed.body.amount, greater_than: ${at} }, next: note_${at} }, { else: ${next} } ] }`,
    `  work_${at}: { name: "Prepare the parcel ${at}", set: 1, next: done }`,
    `  note_${at}: { set: 1, next: done }`,
  );
}
FORTY.push("  done: { set: 1 }", "");

await scene(async (person, page) => {
  await person.signsIn();
  await page.waitForURL("**/console/cycles");
  await person.deploys(ORDERS);
  await person.goes("/console/cycles/orders");
  await page.evaluate(() => (globalThis.stayed = true));
  const at = (step, text) => page.locator(`#at-${step}`).getByText(text, { exact: true }).waitFor();
  await page.getByText("The same as a table").click();
  for (const order of [1, 2, 3, 4]) await person.hits("orders", "ordered", { order });
  await at("parcel", "4 held");
  await person.hits("orders", "parcel", { order: 1, state: "here" });
  await person.hits("orders", "parcel", { order: 2, state: EVIL });
  await at("parcel", "2 held");
  await at("parcel", "2 passed");
  await at("lost", "1 failed");
  await at("done", "1 passed");
  const row = page.getByRole("row", { name: /^parcel/ });
  assert.deepEqual(await row.locator("td").allInnerTexts(), ["webhook", "2", "2", "0"], "the table stays open, and says the same");
  const link = page.getByRole("link", { name: /parcel.*2 held.*2 passed/ });
  assert.equal(await link.getAttribute("href"), "/console/transactions?cycle=orders&step=parcel");
  // Whoever goes by keyboard is not thrown out when the numbers change.
  await link.focus();
  await person.hits("orders", "ordered", { order: 5 });
  await at("parcel", "3 held");
  assert.equal(await page.evaluate(() => document.activeElement.id), "at-parcel");
  assert.ok(await page.evaluate(() => globalThis.stayed), "the page was never left");
  await page.getByText("curl", { exact: true }).first().click();
  await person.looks("cycle");

  // Another version, and what is different.
  await person.api("POST", "/cycles", ORDERS.replace("done: { set: 1 }", "done: { set: 2 }\n  # the end"));
  await page.getByRole("link", { name: "Version 2", exact: true }).waitFor();
  await page.getByRole("link", { name: "what it changed: version 2" }).click();
  await page.getByRole("heading", { name: "From version 1 to 2: 2 lines added, 1 removed" }).waitFor();
  assert.equal(await page.locator(".change .removed").innerText(), "-  done: { set: 1 }");
  await person.looks("cycle-versions");
  await page.locator("#from").fill("2");
  await page.locator("#to").fill("1");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("heading", { name: "From version 2 to 1: 1 line added, 2 removed" }).waitFor();
  person.expects(404);
  assert.equal((await person.goes("/console/cycles/orders/versions?from=1&to=9")).status(), 404);

  // Whose caller waits.
  await person.api("POST", "/cycles", ANSWERING);
  await person.goes("/console/cycles/asking");
  await page.getByText("its caller waits for an answer").waitFor();

  // Forty steps are read at their own size, in a box of their own.
  await person.api("POST", "/cycles", FORTY.join("\n"));
  await person.goes("/console/cycles/forty");
  for (const width of [1440, 360]) {
    await page.setViewportSize({ width, height: 900 });
    const size = await page.evaluate(() => {
      const [box, svg] = [document.getElementById("picture"), document.querySelector("#picture svg")];
      return { drawn: svg.getBoundingClientRect().width, own: Number(svg.getAttribute("width")), seen: box.clientWidth, whole: box.scrollWidth };
    });
    assert.equal(Math.round(size.drawn), size.own, `${width}: the picture is not made smaller than it can be read`);
    assert.ok(size.whole > size.seen, `${width}: it can be scrolled`);
  }
  assert.equal(await page.locator("#picture [data-step]").count(), 38);
  await person.looks("cycle-forty");

  // Its end.
  await person.goes("/console/cycles/orders");
  await page.getByText("Stop it first").waitFor();
  await page.getByLabel("Stop… orders").click();
  await page.getByRole("button", { name: "Stop orders", exact: true }).click();
  await page.getByText("orders is stopped.").waitFor();
  await page.getByRole("button", { name: "Delete orders" }).click();
  await page.getByText("orders is deleted.").waitFor();
  assert.equal(await page.getByRole("link", { name: "orders", exact: true }).count(), 0);
  assert.equal((await person.goes("/console/cycles/orders")).status(), 404);
});
