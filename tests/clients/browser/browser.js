// A person at the console, in a real browser. What holds of every page is checked wherever one is looked
// at: no request for another host, no error in the page (a violated content security policy is one), and
// nothing that axe finds, in light and dark, narrow and wide.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 360, height: 740 };
// What a page may weigh on first load, in bytes as they are sent.
const FIRST_LOAD_MAX = 200_000;
// What htmx logs when a page's stream of events ends, as with its session; it connects again by itself.
const STREAM_ENDED = "[object Event]";
// The hash of no text. Axe leaves empty styles behind, and htmx carries them over into what comes anew.
const EMPTY_STYLE = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

export class Person {
  static async comes({ url, key, pictures }) {
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--force-prefers-reduced-motion"],
    });
    const context = await browser.newContext({ viewport: WIDE, colorScheme: "light", timezoneId: "UTC", locale: "en-GB" });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const person = Object.assign(new Person(), { url, key, pictures, browser, context, page, faults: [], expected: [EMPTY_STYLE, STREAM_ENDED] });
    page.on("request", (request) => {
      const asked = new URL(request.url());
      if (asked.protocol !== "data:" && asked.host !== new URL(url).host) person.faults.push(`asked ${asked}`);
    });
    page.on("pageerror", (error) => person.faults.push(`threw ${error}`));
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && !person.expected.some((part) => text.includes(part))) person.faults.push(text);
    });
    page.on("dialog", (dialog) => dialog.accept());
    return person;
  }

  async leaves() {
    await this.browser.close();
    assert.deepEqual(this.faults, []);
  }

  // The browser and htmx say in the log that an answer had this status; here it was meant to have it, or may.
  expects(status) {
    this.expected.push(`status of ${status}`, `Status Error Code ${status}`);
  }

  async signsIn(key = this.key, next = "/console") {
    await this.page.goto(`${this.url}/console/sign-in?next=${encodeURIComponent(next)}`);
    await this.page.getByLabel("API key").fill(key);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  goes(path) {
    return this.page.goto(`${this.url}${path}`);
  }

  // The page as it stands, held against everything that must hold of each; `name` is its picture's.
  async looks(name) {
    await this.page.evaluate(() => scrollTo(0, 0));
    for (const colorScheme of ["light", "dark"]) {
      for (const viewport of [NARROW, WIDE]) {
        await this.page.setViewportSize(viewport);
        await this.page.emulateMedia({ colorScheme });
        await this.page.evaluate(axe);
        const { violations } = await this.page.evaluate(() => globalThis.axe.run(document));
        const told = violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html).join("\n")}`);
        assert.deepEqual(told, [], `${name}, ${colorScheme}, ${viewport.width} wide`);
        const over = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${name}: ${over} pixels wider than a screen of ${viewport.width}`);
      }
    }
    await this.page.emulateMedia({ colorScheme: "light" });
    if (this.pictures && name) {
      await this.page.screenshot({ path: join(this.pictures, `${name}.png`), animations: "disabled" });
    }
  }

  // What a first visit of a path loads, in bytes as sent.
  async weighs(path) {
    const context = await this.browser.newContext({ storageState: await this.context.storageState() });
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    session.on("Network.loadingFinished", (loaded) => (bytes += loaded.encodedDataLength));
    await page.goto(`${this.url}${path}`, { waitUntil: "load" });
    await context.close();
    assert.ok(bytes > 0 && bytes < FIRST_LOAD_MAX, `${path} loads ${bytes} bytes`);
  }

  async api(method, path, body) {
    const headers = this.key ? { authorization: `Bearer ${this.key}` } : {};
    if (typeof body === "string") headers["content-type"] = "application/yaml";
    else if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method, headers, body: typeof body === "object" ? JSON.stringify(body) : body,
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  async deploys(yaml) {
    await this.api("POST", "/cycles", yaml);
    for (const { name, state } of (await this.api("GET", "/cycles?limit=1000")).data) {
      if (state !== "running") await this.api("POST", `/cycles/${name}/start`, {});
    }
  }

  // The session, as a request bears it.
  async cookie() {
    const found = (await this.context.cookies()).find((cookie) => cookie.name === "holdfast-session");
    return `holdfast-session=${found.value}`;
  }

  // A hit at a step's own address: its answer, its id and its transaction.
  async hits(cycle, step, body, headers = {}) {
    const all = (await this.api("GET", "/webhooks?limit=1000")).data;
    const { url } = all.find((webhook) => webhook.cycle === cycle && webhook.step === step);
    const answer = await fetch(new URL(new URL(url).pathname, this.url), {
      method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body),
    });
    const text = await answer.text();
    const id = (name) => answer.headers.get(name);
    return { status: answer.status, answer: text, hit: id("holdfast-hit"), transaction: id("holdfast-transaction") };
  }
}

// What every field of a hit may hold: none of it may ever run or break a page.
export const EVIL = `"><script>globalThis.evil=1</script><img src=x onerror="globalThis.evil=1">'\`{{7*7}}\${1}`;

// Runs a scene with its settings from the environment; a fault ends it with what was wrong.
export async function scene(play) {
  const { HOLDFAST_URL: url, HOLDFAST_KEY: key, HOLDFAST_PICTURES: pictures } = process.env;
  const person = await Person.comes({ url, key, pictures });
  try {
    await play(person, person.page);
    assert.equal(await person.page.evaluate(() => globalThis.evil), undefined, "what came from outside ran");
  } catch (error) {
    await person.page.screenshot({ path: "failed.png" }).catch(() => {});
    console.error(error, "\nat", person.page.url(), "\nfaults:", person.faults);
    process.exitCode = 1;
  }
  await person.leaves().catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
  // Whatever a scene still has open.
  process.exit();
}
