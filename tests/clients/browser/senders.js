// Those outside: a sender that must prove who it is, and a system at which a cycle subscribes itself and which refuses.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { EVIL, scene } from "./browser.js";

const SECRET = "a secret that nobody sees";
const SIGNED = `cycle: signed
steps:
  pushed: { webhook: { verify: { preset: github, secret: "\${secrets.HUB}" } }, next: noted }
  noted: { set: { ref: "\${$.pushed.body.ref}" } }
`;
const shop = (at) => `connector: shop
events:
  changed:
    parameters: { type: object }
    subscribe:
      http: { method: POST, url: "${at}/subscriptions", body: { address: "\${$.webhookUri}" }, retry: { attempts: 1 } }
      state: { id: "\${$.response.body.id}" }
    handle:
      script: |
        function handle(context) { return { events: [{ type: "changed", record: context.data }], state: context.state } }
    unsubscribe:
      http: { method: DELETE, url: "${at}/subscriptions/\${$.state.id}" }
---
cycle: orders
steps:
  changed: { webhook: { connector: shop, event: changed, parameters: {} }, next: noted }
  noted: { set: { order: "\${$.changed.body.id}" } }
`;

await scene(async (person, page) => {
  let refuses = true;
  const partner = createServer((request, response) => {
    response.writeHead(refuses ? 503 : 201, { "content-type": "application/json" });
    response.end(JSON.stringify(refuses ? { why: EVIL } : { id: "s1" }));
  }).listen(0, "127.0.0.1");
  await once(partner, "listening");
  await person.api("POST", "/secrets", { name: "HUB", value: SECRET });
  await person.deploys(SIGNED);
  await person.signsIn();
  await page.waitForURL("**/console/cycles");

  // How it proves itself stands beside the address; a shell can't sign, and the page says what can.
  await person.goes("/console/cycles/signed");
  await page.getByText("The sender must prove who it is").waitFor();
  await page.getByText("holdfast verify").waitFor();
  const body = { ref: EVIL };
  const signature = `sha256=${createHmac("sha256", SECRET).update(JSON.stringify(body)).digest("hex")}`;
  const forged = await person.hits("signed", "pushed", body, { "x-hub-signature-256": signature.replace(/.$/, "x") });
  assert.deepEqual([forged.status, forged.hit], [401, null], "nothing is kept of who does not prove himself");
  const proven = await person.hits("signed", "pushed", body, { "x-hub-signature-256": signature });
  assert.equal(proven.status, 200);
  await page.locator("#at-noted").getByText("1 passed", { exact: true }).waitFor();
  await person.goes(`/console/hits/${proven.hit}`);
  await page.getByText("x-hub-signature-256").first().waitFor();
  const shown = await page.content();
  assert.ok(!shown.includes(SECRET));

  // A cycle whose subscription is refused is not started, and says why.
  await person.api("POST", "/cycles", shop(`http://127.0.0.1:${partner.address().port}`));
  await person.goes("/console/cycles/orders");
  person.expects(502);
  await page.getByRole("button", { name: "Start orders" }).click();
  await page.getByText("changed (shop, changed): subscribe: the answer's status is 503").waitFor();
  await person.goes("/console/cycles/orders");
  await page.getByText("Not subscribed at changed: subscribe: the answer's status is 503").waitFor();
  await page.getByRole("link", { name: "Subscriptions" }).last().click();
  await page.getByRole("row", { name: /orders\/changed/ }).getByText("failed", { exact: true }).waitFor();
  await person.looks("subscriptions-failed");

  // It is tried again by hand, in vain.
  await page.getByRole("button", { name: /^Try again orders\/changed/ }).click();
  await page.getByText("changed: subscribe: the answer's status is 503").waitFor();
  await person.goes("/console/subscriptions");

  // The system recovers; what another does here is seen without a reload.
  await page.evaluate(() => (globalThis.stayed = true));
  refuses = false;
  await person.api("POST", "/cycles/orders/start", {});
  await page.getByRole("row", { name: /orders\/changed/ }).getByText("active", { exact: true }).waitFor();
  assert.ok(await page.evaluate(() => globalThis.stayed), "the page was never left");
  await person.goes("/console/cycles/orders");
  assert.equal(await page.getByText("Not subscribed").count(), 0);
  partner.closeAllConnections();
  partner.close();
});
