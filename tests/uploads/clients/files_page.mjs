// A person at the page /files, in a real browser. The modules are where the installation script puts them:
// argument 2. Argument 3 is JSON: the browser, the URL of the service, and two files, of which the first has
// at least two chunks and a half. Prints what it has done, a line each; "restart" asks whoever runs this to
// restart the server and to send a line when it is under way.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { createInterface } from "node:readline";

const modules = createRequire(`${process.argv[2]}/`);
const { chromium } = modules("playwright-core");
const task = JSON.parse(process.argv[3]);
const [large, small] = task.files;
const PATIENCE = 60_000;
// So that there is time to press a button: 20 MiB take ten seconds.
const BYTES_PER_SECOND = 2 * 1024 * 1024;

const problems = [];
const requests = [];
// What the browser itself says of a server that is away.
const expected = /net::ERR_|status of 50[0-9]/;

const browser = await chromium.launch({ executablePath: task.browser, args: ["--no-sandbox"] });
const context = await browser.newContext();
const page = await context.newPage();
page.setDefaultTimeout(PATIENCE);
page.on("console", (message) => {
  if (["error", "warning"].includes(message.type()) && !expected.test(message.text())) problems.push(`${message.text()} ${message.location().url}`);
});
page.on("pageerror", (error) => problems.push(String(error)));
page.on("request", (request) => {
  requests.push({ method: request.method(), url: request.url(), offset: request.headers()["upload-offset"] });
});
const network = await context.newCDPSession(page);

const throttle = (bytes, offline = false, session = network) =>
  session.send("Network.emulateNetworkConditions", {
    offline,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytes,
  });
const row = (file) => page.locator("li", { hasText: basename(file) });
const state = (file, name) => page.locator(`li[data-state="${name}"]`, { hasText: basename(file) }).waitFor();
const press = (file, name) => row(file).getByRole("button", { name }).click();
const sent = (file) => row(file).getByRole("progressbar").evaluate((bar) => bar.value);
const choose = (file) => page.getByLabel("Choose files").setInputFiles(file);

async function beyond(file, share) {
  const element = await row(file).elementHandle();
  await page.waitForFunction(([li, least]) => li.querySelector("progress").value > least, [element, share]);
}

async function done(file) {
  await state(file, "done");
  const link = await row(file).getByRole("link").getAttribute("href");
  const content = Buffer.from(await (await fetch(link)).arrayBuffer());
  const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(digest(content), digest(readFileSync(file)), `${file} is what was uploaded`);
}

async function steps() {
  await page.goto(`${task.url}/files`);
  await throttle(BYTES_PER_SECOND);
  await choose(large);
  await beyond(large, 0.45);
  await press(large, "Pause");
  await state(large, "paused");
  console.log("paused");

  await page.reload();
  await throttle(BYTES_PER_SECOND);
  await page.getByRole("heading", { name: "Not finished" }).waitFor();
  assert.ok((await sent(large)) > 0.3, "what has arrived is shown");
  requests.length = 0;
  await choose(large);
  await state(large, "uploading");
  await page.getByRole("heading", { name: "Not finished" }).waitFor({ state: "hidden" });
  await beyond(large, 0.5);
  await press(large, "Pause");
  await press(large, "Resume");
  await state(large, "uploading");
  console.log("resumed");

  await throttle(BYTES_PER_SECOND, true);
  await page.getByRole("alert").waitFor();
  await state(large, "offline");
  await throttle(BYTES_PER_SECOND);
  await state(large, "uploading");
  console.log("offline and back");

  if (task.restarts) {
    console.log("restart");
    for await (const _ of createInterface({ input: process.stdin })) break;
    await state(large, "retrying");
    console.log("waits for the server");
  }
  await throttle(-1);
  await done(large);
  assert.ok(!requests.some(({ method }) => method === "POST"), "it was never begun anew");
  const first = requests.find(({ method }) => method === "PATCH");
  assert.ok(Number(first.offset) > 0, "it went on where it stopped");
  console.log("done");

  await page.reload();
  await page.getByLabel("Choose files").and(page.locator(":enabled")).waitFor();
  assert.equal(await page.getByRole("listitem").count(), 0, "nothing is left");
  const transfer = await page.evaluateHandle(
    ([name, content]) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(content), (byte) => byte.charCodeAt(0))], name));
      return data;
    },
    [basename(small), readFileSync(small).toString("base64")],
  );
  await page.dispatchEvent("#uploads", "drop", { dataTransfer: transfer });
  await done(small);
  console.log("dropped");

  await throttle(BYTES_PER_SECOND);
  await choose(large);
  await beyond(large, 0.1);
  // What one tab has in hand, another leaves alone: it begins anew.
  const other = await context.newPage();
  other.setDefaultTimeout(PATIENCE);
  await throttle(BYTES_PER_SECOND, false, await context.newCDPSession(other));
  await other.goto(`${task.url}/files`);
  await other.getByLabel("Choose files").and(other.locator(":enabled")).waitFor();
  const begun = other.waitForRequest((request) => request.method() === "POST");
  await other.getByLabel("Choose files").setInputFiles(large);
  await begun;
  await other.getByRole("button", { name: "Cancel" }).click();
  await other.getByRole("listitem").waitFor({ state: "detached" });
  await other.close();
  console.log("left alone");

  requests.length = 0;
  await press(large, "Cancel");
  await row(large).waitFor({ state: "detached" });
  const { url } = requests.find(({ method }) => method === "DELETE");
  const { status } = await fetch(url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
  assert.ok([404, 410].includes(status), `${status}: it is gone from the server`);
  assert.equal(await page.evaluate(() => Object.keys(localStorage).length), 0, "and from the browser");
  console.log("cancelled");

  // With the keyboard alone: past the header, from which the first stop leads away.
  await page.reload();
  await page.getByLabel("Choose files").and(page.locator(":enabled")).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "pick", "the keyboard reaches it");
}

let code = 0;
try {
  await steps();
  assert.deepEqual(problems, [], "the browser complains of nothing");
} catch (error) {
  console.error(error.stack, problems, await page.locator("body").innerText());
  code = 1;
}
await browser.close();
process.exit(code);
