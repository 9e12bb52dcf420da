// A person who looks at the gallery, finds their own pictures in it, and deletes one.
import assert from "node:assert/strict";
import { examine, fits, open, person, picture, shoot, task } from "./person.mjs";

const PAGE = 24;

await person(async (browser) => {
  const page = await open(browser, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto("/upload");
  const others = [];
  for (let seed = 0; seed < PAGE; seed++) {
    const body = new FormData();
    body.append("file", new Blob([await picture(page, seed, "image/png", 64 + seed * 40, 300)]), `${seed}.png`);
    others.push(await (await fetch(`${task.url}/api/upload`, { method: "POST", body })).json());
  }
  const own = ["mine.png", "other.png"];
  const files = await Promise.all(own.map(async (name, at) => ({ name, mimeType: "image/png", buffer: await picture(page, 100 + at) })));
  await page.getByLabel("Choose pictures").setInputFiles(files);
  await page.locator("#rows > [data-state=done]").nth(1).waitFor();

  await page.goto("/images/");
  const items = page.locator("#gallery > li");
  assert.equal(await items.count(), PAGE);
  for (const item of await items.all()) {
    await item.scrollIntoViewIfNeeded();
    const image = item.locator("img");
    await page.waitForFunction((image) => image.complete && image.naturalWidth > 0, await image.elementHandle());
    const { natural, set, lazy } = await image.evaluate((image) => ({
      natural: [image.naturalWidth, image.naturalHeight],
      set: [image.width / image.height > 0, Number(image.getAttribute("width")), Number(image.getAttribute("height"))],
      lazy: image.loading,
    }));
    assert.ok(natural[0] <= 320, "a thumbnail");
    assert.deepEqual(natural[0], set[1], "as wide as it says");
    assert.ok(Math.abs(natural[1] - set[2]) <= 1, "as high as it says");
    assert.equal(lazy, "lazy");
  }
  assert.equal(await page.getByText("Yours", { exact: true }).count(), 2);
  assert.equal(await page.getByRole("button", { name: "Delete", exact: true }).count(), 2, "only one's own can be deleted");
  await examine(page, "the gallery of an owner");
  await shoot(page, "gallery-own-1280");
  console.log("looked");

  await items.first().getByRole("button", { name: "Copy link" }).click();
  await items.first().getByRole("button", { name: "Copied" }).waitFor();
  const url = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(url, `${task.url}${await items.first().getByRole("link").getAttribute("href")}`);
  assert.equal((await fetch(url)).status, 200);
  // Without https a browser has no clipboard to write to: the link is shown, and copied the old way.
  const insecure = await open(browser);
  await insecure.addInitScript(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
  await insecure.goto("/images/");
  const item = insecure.locator("#gallery > li").first();
  await item.getByRole("button", { name: "Copy link" }).click();
  await item.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await item.getByRole("textbox", { name: "Copy link" }).inputValue(), url);
  await insecure.close();
  console.log("copied");

  await page.getByRole("link", { name: "Older pictures" }).click();
  await page.waitForURL(/cursor=/);
  assert.equal(await items.count(), 2);
  assert.equal(await page.getByRole("link", { name: "Older pictures" }).count(), 0);
  assert.deepEqual(
    await items.evaluateAll((all) => all.map((item) => item.dataset.name)),
    [others[1].name, others[0].name],
    "newest first, and none twice",
  );
  await page.getByRole("link", { name: "Back to the newest" }).click();
  await page.waitForURL(/images\/$/);
  console.log("turned pages");

  const gone = await items.first().getAttribute("data-name");
  await items.first().getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Keep" }).click();
  assert.equal(await items.count(), PAGE);
  await items.first().getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Yes, delete" }).click();
  await page.locator(`[data-name="${gone}"]`).waitFor({ state: "detached" });
  assert.equal((await fetch(`${task.url}/images/${gone}`)).status, 404);
  await page.reload();
  assert.equal(await page.getByText("Yours", { exact: true }).count(), 1);
  console.log("deleted");

  const plain = await open(browser, { javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  await plain.goto("/images/");
  assert.equal(await plain.locator("#gallery > li").count(), PAGE);
  assert.equal(await plain.getByRole("button").count(), 0, "no button that does nothing");
  await fits(plain, "the gallery without scripts");
  await plain.getByRole("link", { name: "Older pictures" }).click();
  assert.equal(await plain.locator("#gallery > li").count(), 1);
  console.log("without scripts");
});
