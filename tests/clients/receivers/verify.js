// Deliveries, one JSON object a line on standard input, verified by the schemes' own libraries. Each must
// be taken as it came, and refused with one byte of its body changed. Says how many were.
import { createInterface } from "node:readline";
import { verify as github } from "@octokit/webhooks-methods";
import { HTTP } from "cloudevents";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";

const refused = async (check) => {
  try {
    return (await check()) === false;
  } catch {
    return true;
  }
};

const checks = {
  standard: [
    ({ secret, headers }) => (body) => new Standard(secret).verify(body, headers),
    ({ secret, headers }) => (body) => new Svix(secret).verify(body, headers),
  ],
  stripe: [
    ({ secret, headers }) => (body) =>
      new Stripe("sk_test_1").webhooks.constructEvent(body, headers["stripe-signature"], secret),
  ],
  github: [({ secret, headers }) => (body) => github(secret, body, headers["x-hub-signature-256"])],
  cloudevents: [({ secret, headers }) => (body) => new Standard(secret).verify(body, headers)],
};

let verified = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const delivery = JSON.parse(line);
  for (const check of checks[delivery.profile]) {
    const verify = check(delivery);
    if (await refused(() => verify(delivery.body))) throw new Error(`${delivery.profile} is refused: ${line}`);
    // Still JSON, and no byte longer.
    const changed = delivery.body.replace("order", "orden");
    if (changed === delivery.body) throw new Error("nothing to change");
    if (!(await refused(() => verify(changed)))) throw new Error(`${delivery.profile}: a changed body is taken`);
    verified += 1;
  }
  if (delivery.profile === "cloudevents") {
    const event = HTTP.toEvent({ headers: delivery.headers, body: delivery.body });
    if (!event.validate() || event.data.cycle !== "order") throw new Error(`no CloudEvent: ${line}`);
    verified += 1;
  }
  if (delivery.profile === "stripe") {
    const event = JSON.parse(delivery.body);
    if (event.object !== "event" || event.data.object.cycle !== "order") throw new Error(`no Stripe event: ${line}`);
  }
}
console.log(verified);
