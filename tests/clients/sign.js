// Requests that the providers' own libraries signed, one JSON object a line.
import { createHash, generateKeyPairSync, sign as ed25519 } from "node:crypto";
import { sign as github } from "@octokit/webhooks-methods";
import { verifyKey } from "discord-interactions";
import { httpbis, createSigner } from "http-message-signatures";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";
import twilio from "twilio";

const body = JSON.stringify({ id: "evt_1", text: "größer <&> 日本" });
const now = 1700000000;
const url = "https://hooks.example.com/hooks/abc?a=1&b=two%20words";
const say = (library, verify, secret, headers, more = {}) =>
  console.log(JSON.stringify({ library, verify, secret, headers, body, now, url, ...more }));

const whsec = "whsec_" + Buffer.from("a secret of twenty-four.").toString("base64");
say("standardwebhooks", "{ preset: standard-webhooks, secret: SECRET }", whsec, {
  "webhook-id": "msg_1", "webhook-timestamp": `${now}`,
  "webhook-signature": new Standard(whsec).sign("msg_1", new Date(now * 1000), body),
});
say("svix", "{ preset: svix, secret: SECRET }", whsec, {
  "svix-id": "msg_1", "svix-timestamp": `${now}`,
  "svix-signature": new Svix(whsec).sign("msg_1", new Date(now * 1000), body),
});
say("stripe", "{ preset: stripe, secret: SECRET }", "whsec_stripe", {
  "stripe-signature": new Stripe("sk_test_1").webhooks.generateTestHeaderString({
    payload: body, secret: "whsec_stripe", timestamp: now,
  }),
});
say("@octokit/webhooks-methods", "{ preset: github, secret: SECRET }", "s3cret", {
  "x-hub-signature-256": await github("s3cret", body),
});

const fields = { To: "+18005551212", Body: "größer & more", Digits: "12" };
say("twilio", "{ preset: twilio, secret: SECRET }", "12345", {
  "content-type": "application/x-www-form-urlencoded",
  "x-twilio-signature": twilio.getExpectedTwilioSignature("12345", url, fields),
}, { body: new URLSearchParams(fields).toString() });
const digested = `${url}&bodySHA256=${createHash("sha256").update(body).digest("hex")}`;
say("twilio, JSON", "{ preset: twilio, secret: SECRET }", "12345", {
  "content-type": "application/json",
  "x-twilio-signature": twilio.getExpectedTwilioSignature("12345", digested, {}),
}, { url: digested });

// This library only checks: what it takes, we take.
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const raw = publicKey.export({ type: "spki", format: "der" }).subarray(12).toString("hex");
const signature = ed25519(null, Buffer.from(now + body), privateKey).toString("hex");
if (!(await verifyKey(body, signature, `${now}`, raw))) throw new Error("discord-interactions refuses it");
say("discord-interactions", "{ preset: discord, secret: SECRET }", raw, {
  "x-signature-ed25519": signature, "x-signature-timestamp": `${now}`,
});

const digest = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
const fieldsCovered = ["@method", "@authority", "@path", "@query", "content-digest"];
const signMessage = (key) => httpbis.signMessage(
  { key, fields: fieldsCovered, params: ["created", "keyid", "alg"], paramValues: { created: new Date(now * 1000) } },
  { method: "POST", url, headers: { "content-digest": digest } },
);
for (const [algorithm, key, secret] of [
  ["hmac-sha256", createSigner(Buffer.from("s3cret"), "hmac-sha256", "k"), Buffer.from("s3cret").toString("base64")],
  ["ed25519", createSigner(privateKey.export({ type: "pkcs8", format: "pem" }), "ed25519", "k"),
    publicKey.export({ type: "spki", format: "der" }).toString("base64")],
]) {
  const { headers } = await signMessage(key);
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  say(`http-message-signatures, ${algorithm}`,
    `{ preset: http-signatures, algorithm: ${algorithm}, secret: SECRET }`, secret, lower);
}
