// Cycles: the list, from nothing on.
import assert from "node:assert/strict";
import { EVIL, scene } from "./browser.js";

const yaml = (text) => text.replace(/^\n/, "");
const ORDERS = yaml(`
cycle: orders
description: ${JSON.stringify(EVIL)}
steps:
  ordered: { webhook: , next: parcel }
  parcel:
    name: ${JSON.stringify(EVIL)}
    webhook: { mapping: [ { hit: $.body.order, transaction: $.ordered.body.order } ] }
    next: which
  which:
    decision: [ { when: { value: $.parcel.body.state, equals: lost }, next: lost }, { else: done } ]
  lost: { fail: { message: "the parcel is lost" } }
  done: { set: 1 }
`);

await scene(async (person, page) => {
  await person.signsIn();
  await page.waitForURL("**/console/cycles");
  await page.getByText("No cycle is deployed yet").waitFor();
  await person.looks("cycles-empty");

  await person.deploys(ORDERS);
  await person.api("POST", "/cycles", ORDERS.replace("orders", "drafted"));
  await page.getByRole("link", { name: "orders" }).waitFor();
  await person.looks("cycles");
});
