// What all the people have in common who look at the pages in a real browser. The modules are where the installation
// script puts them: argument 2. Argument 3 is JSON: the browser, the URL of the service, a folder for pictures, a folder
// for screenshots. A person complains of anything the browser complains of, and of any request to another host.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const modules = createRequire(`${process.argv[2]}/`);
const { chromium } = modules("playwright-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

export const task = JSON.parse(process.argv[3]);
export const PATIENCE = 60_000;
export const SCHEMES = ["light", "dark"];
// A name that would do harm wherever it is taken for markup; if it does, `hacked` is there.
export const EVIL = `"><img src=x onerror=hacked=1>'&amp;.png`;

// The rules of WCAG 2.2 AA, and what is good practice.
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const problems = [];
const hosts = new Set();

// Opens a window. `expected` is what the browser may say.
export async function open(browser, options = {}, expected = /^$/) {
  const context = await browser.newContext({ baseURL: task.url, locale: "en-US", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expected.test(message.text())) {
      problems.push(`${message.text()} ${message.location().url}`);
    }
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("dialog", (dialog) => {
    problems.push(`a dialog opens: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "blob:" && url.protocol !== "data:") hosts.add(url.origin);
  });
  return page;
}

// A picture that no other is like: `seed` colours it.
export async function picture(page, seed, type = "image/png", width = 640, height = 480) {
  const encoded = await page.evaluate(
    ([seed, type, width, height]) => {
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const pen = canvas.getContext("2d");
      const sky = pen.createLinearGradient(0, 0, width / 3, height);
      sky.addColorStop(0, `hsl(${(seed * 47) % 360} 60% 70%)`);
      sky.addColorStop(1, `hsl(${(seed * 47 + 60) % 360} 50% 35%)`);
      pen.fillStyle = sky;
      pen.fillRect(0, 0, width, height);
      pen.fillStyle = "#fff8";
      for (let hill = 0; hill < 5; hill++) {
        pen.beginPath();
        pen.arc((width * ((seed * 31 + hill * 53) % 100)) / 100, height * 1.1, height * (0.3 + hill / 12), 0, 7);
        pen.fill();
      }
      pen.fillStyle = "#000";
      pen.fillRect(0, 0, seed + 1, 2);
      return canvas.toDataURL(type).split(",")[1];
    },
    [seed, type, width, height],
  );
  return Buffer.from(encoded, "base64");
}

// What axe-core calls serious or critical, and a line of scrolling sideways.
export async function examine(page, of) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((values) => axe.run({ runOnly: { type: "tag", values } }), RULES);
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(grave.map(({ id, nodes }) => [id, ...nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)]), [], of);
  await fits(page, of);
}

export async function fits(page, of) {
  const [content, window] = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return [scrollWidth, clientWidth];
  });
  assert.ok(content <= window, `${of}: ${content} pixels wide, in a window of ${window}`);
}

// A build artefact, to be looked at.
export async function shoot(page, name) {
  mkdirSync(task.screenshots, { recursive: true });
  await page.screenshot({ path: `${task.screenshots}/${name}.png`, fullPage: true });
}

export async function unharmed(page) {
  assert.equal(await page.evaluate(() => typeof hacked), "undefined", "nothing was taken for markup");
}

// Runs `steps` with a browser; the process ends with what came of it.
export async function person(steps) {
  const browser = await chromium.launch({ executablePath: task.browser, args: ["--no-sandbox"] });
  let code = 0;
  try {
    await steps(browser);
    assert.deepEqual(problems, [], "the browser complains of nothing");
    assert.deepEqual([...hosts], [new URL(task.url).origin], "nothing is asked of another host");
  } catch (error) {
    console.error(error.stack, problems);
    for (const context of browser.contexts()) {
      for (const page of context.pages()) console.error(page.url(), (await page.locator("body").innerText().catch(String)).slice(0, 1500));
    }
    code = 1;
  }
  await browser.close();
  process.exit(code);
}
