// Every page, in each language, scheme and width, with and without scripts: to be read, and to be looked at.
import assert from "node:assert/strict";
import { EVIL, SCHEMES, examine, fits, open, person, picture, shoot, task, unharmed } from "./person.mjs";

const PAGES = {
  home: "/",
  upload: "/upload",
  gallery: "/images/",
  files: "/files",
  archives: "/archives",
  speech: "/speech",
  "speech-route": `/speech?route=${encodeURIComponent(EVIL)}`,
  instances: "/instances",
  archive: `/archives?hash=${encodeURIComponent(`${task.url}/archive/summer/?name=x`)}`,
  "archive-missing": "/archives?hash=nowhere",
  terms: "/terms.html",
  docs: "/docs",
  missing: "/nowhere",
};
const WIDTHS = [1280, 390];
const LANGUAGES = { en: "Terms", ru: "Условия", zh: "使用条款" };
// What the browser says of a page that is not there.
const expected = /status of 40[04]/;

async function pages(page, each) {
  for (const [name, path] of Object.entries(PAGES)) {
    await page.goto(path);
    await each(name, path);
  }
}

await person(async (browser) => {
  const first = await open(browser, {}, expected);
  await first.goto("/images/");
  await first.getByRole("heading", { name: "No pictures yet" }).waitFor();
  await shoot(first, "gallery-empty-1280");
  for (let seed = 0; seed < 7; seed++) {
    const body = new FormData();
    body.append("file", new Blob([await picture(first, seed, "image/jpeg", 400 + 160 * (seed % 3), 480)]), `${seed}.jpg`);
    const { status } = await fetch(`${task.url}/api/upload`, { method: "POST", body });
    assert.equal(status, 201);
  }
  await first.close();
  const sent = await fetch(`${task.url}/string_to_audio`, { method: "POST", body: JSON.stringify({ route_id: EVIL, route_text: "Here." }) });
  assert.equal(sent.status, 200);
  const spoken = () => fetch(`${task.url}/get_track_for_route`, { method: "POST", body: JSON.stringify({ route_id: EVIL }) });
  while ((await (await spoken()).json()).msg === "PROCESSING");

  for (const colorScheme of SCHEMES) {
    const page = await open(browser, { colorScheme }, expected);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 844 });
      await pages(page, async (name) => {
        await page.waitForLoadState("networkidle");
        await examine(page, `${name}, ${colorScheme}, ${width}`);
        if (colorScheme === "light") await shoot(page, `${name}-${width}`);
        else if (width === 1280) await shoot(page, `${name}-dark`);
      });
    }
    await page.close();
  }
  console.log("examined");

  for (const javaScriptEnabled of [true, false]) {
    const page = await open(browser, { javaScriptEnabled, locale: "ru-RU", viewport: { width: 390, height: 844 } }, expected);
    for (const [tag, terms] of Object.entries(LANGUAGES)) {
      await page.goto("/terms.html");
      await page.locator(`footer a[hreflang=${tag}]`).and(page.locator("nav a")).click();
      await pages(page, async (name) => {
        assert.equal(await page.locator("html").getAttribute("lang"), tag, `${name}: the choice is remembered`);
        await page.locator("footer").getByRole("link", { name: terms, exact: true }).waitFor();
        await page.locator("h1").waitFor();
        await fits(page, `${name}, ${tag}`);
        if (javaScriptEnabled && tag !== "en") await shoot(page, `${name}-${tag}-390`);
      });
    }
    await page.close();
  }
  const visitor = await open(browser, { locale: "ru-RU" });
  await visitor.goto("/");
  assert.equal(await visitor.locator("html").getAttribute("lang"), "ru", "as the browser asks for");
  await visitor.close();
  console.log("read in every language");

  const plain = await open(browser, { javaScriptEnabled: false });
  await plain.goto("/archives");
  await plain.getByLabel("Link or code").fill(` ${task.url}/archive/summer/ `);
  await plain.getByRole("button", { name: "Show" }).click();
  await plain.getByRole("rowheader", { name: EVIL, exact: true }).waitFor();
  const [download] = await Promise.all([plain.waitForEvent("download"), plain.getByRole("link", { name: "Download" }).click()]);
  assert.equal(download.suggestedFilename(), "summer.zip");
  await plain.close();

  const page = await open(browser, {}, expected);
  for (const path of [PAGES.archive, `/archives?hash=${encodeURIComponent(EVIL)}`, `/${encodeURIComponent(EVIL)}?lang=${EVIL}`, `/images/?cursor=${EVIL}`, `/speech?route=${EVIL}`, `/speech?cursor=${EVIL}`, PAGES["speech-route"]]) {
    await page.goto(path);
    await page.waitForLoadState("networkidle");
    await unharmed(page);
  }
  console.log("names are names");

  // With the keyboard alone: over the header, and everything has a visible focus.
  await page.goto("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.locator(":focus").innerText(), "Skip to the content");
  await page.keyboard.press("Enter");
  const seen = new Set();
  for (let stop = 0; stop < 40; stop++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return { on: element.outerHTML.slice(0, 60), href: element.getAttribute("href"), visible: outlineStyle !== "none" && outlineWidth !== "0px", body: element === document.body };
    });
    if (at.body) break;
    assert.ok(at.visible, `the focus is seen on ${at.on}`);
    seen.add(at.href);
  }
  for (const path of ["/upload", "/images/", "/files", "/archives", "/speech", "/instances", "/terms.html", "/docs"]) assert.ok(seen.has(path), path);

  // The numbers come by themselves.
  const numbers = await page.locator("[data-number=images]").innerText();
  assert.equal(numbers, "7");
  await page.route("**/api/stats", (route) => route.fulfill({ json: { images: { count: 1234, bytes: 5e6, more: true } } }));
  await page.reload();
  await page.getByText("1,234+", { exact: true }).waitFor();
  await page.getByText("5 MB", { exact: true }).waitFor();
  console.log("numbers and keyboard");
});
