// Signing in and out, and keys.
import assert from "node:assert/strict";
import { EVIL, scene } from "./browser.js";

await scene(async (person, page) => {
  await person.goes("/console/keys");
  assert.match(page.url(), /sign-in\?next=/, "who is not signed in is led to sign in");
  await person.looks("sign-in");
  await page.getByLabel("API key").fill("hf_wrong");
  person.expects(422);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("unknown, expired or revoked").waitFor();
  await page.getByLabel("API key").fill(person.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/console/keys");
  const [cookie] = (await person.context.cookies()).filter((cookie) => cookie.name === "holdfast-session");
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict", "the cookie is no script's and no other site's");
  assert.notEqual(cookie.value, person.key, "the cookie is not the key");

  // A key that may only read is not shown what it may not do.
  await page.getByLabel("Name").fill(EVIL);
  await page.getByRole("button", { name: "Make the key" }).click();
  const secret = await page.locator("#secret").innerText();
  assert.match(secret, /^hf_/);
  await person.looks("keys");
  await page.getByRole("button", { name: /^Revoke ">/ }).waitFor();
  const answer = await fetch(`${person.url}/console/keys`, { headers: { cookie: `holdfast-session=${cookie.value}` } });
  assert.equal(answer.status, 200);
  for (const policy of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]) {
    assert.ok(answer.headers.get("content-security-policy").includes(policy), policy);
  }

  // A change without the session's token is none.
  const forged = await fetch(`${person.url}/console/keys`, {
    method: "POST", redirect: "manual", body: "name=forged&scope=admin",
    headers: { cookie: `holdfast-session=${cookie.value}`, "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(forged.status, 403);
  const names = async () => (await person.api("GET", "/keys")).data.map((key) => key.name);
  assert.ok(!(await names()).includes("forged"));
  await person.weighs("/console/keys");

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/console/sign-in");
  const after = await fetch(`${person.url}/console/keys`, {
    redirect: "manual", headers: { cookie: `holdfast-session=${cookie.value}` },
  });
  assert.equal(after.status, 303, "a session that was left is over");

  await person.signsIn(secret);
  await page.waitForURL("**/console/cycles");
  assert.equal(await page.getByRole("link", { name: "Keys" }).count(), 0);
  person.expects(403);
  const refused = await person.goes("/console/keys");
  assert.equal(refused.status(), 403);
  await page.getByText("this needs the scope admin").waitFor();

  // Revoked: at the next step it is over.
  const made = (await person.api("GET", "/keys")).data.find((key) => key.name === EVIL);
  await person.api("DELETE", `/keys/${made.id}`);
  await person.goes("/console/cycles");
  assert.match(page.url(), /sign-in/);
});
