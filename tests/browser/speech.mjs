// A person who has texts read out: sends them, waits, listens, and comes back.
import assert from "node:assert/strict";
import { EVIL, SCHEMES, examine, fits, open, person, shoot, task, unharmed } from "./person.mjs";

// What the browser says of answers that are refusals, or that do not come.
const expected = /status of (400|404)|net::ERR_/;
const TEXT = "Turn left at the fountain, then straight on.";

await person(async (browser) => {
  const page = await open(browser, { permissions: ["clipboard-read", "clipboard-write"] }, expected);
  const rows = page.locator("#routes > li");
  const row = (name) => rows.filter({ has: page.getByRole("link", { name, exact: true }) });
  const news = (words) => page.locator("#news").filter({ hasText: words }).waitFor({ state: "attached" });
  await page.goto("/speech");
  await page.getByText("Nothing yet.").waitFor();
  await examine(page, "nothing yet");
  await shoot(page, "speech-empty-1280");

  // The keyboard is enough; a route that is worked on is looked at until it is done.
  let looks = 0;
  const held = (route) => (++looks < 3 ? route.fulfill({ json: { msg: "PROCESSING" } }) : route.continue());
  await page.route("**/get_track_for_route", held);
  // The worker may be quicker than the page.
  await page.route("**/speech", async (route) => {
    const answer = await route.fetch();
    const body = (await answer.text()).replace('data-state="OK"', 'data-state="PROCESSING"').replace(">Ready<", ">Being read out<");
    await route.fulfill({ response: answer, body });
  });
  await page.getByLabel("Text", { exact: true }).focus();
  await page.keyboard.type(TEXT);
  await page.getByText(`${TEXT.length} / 5,000`).waitFor();
  for (const stop of ["ssml", "language", "name"]) {
    await page.keyboard.press("Tab");
    assert.equal(await page.locator(":focus").getAttribute("id"), stop);
  }
  await page.keyboard.type(EVIL);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await row(EVIL).and(page.locator("[data-state=PROCESSING]")).waitFor();
  await news("Being read out");
  assert.equal(await page.getByLabel("Text", { exact: true }).inputValue(), "");
  await examine(page, "being read out");
  await row(EVIL).and(page.locator("[data-state=OK]")).waitFor();
  await news("Ready");
  assert.equal(looks, 3);
  await page.unroute("**/speech");
  await page.unroute("**/get_track_for_route", held);
  await unharmed(page);
  console.log("sent");

  const player = row(EVIL).locator("audio");
  const source = await player.getAttribute("src");
  assert.match(source, /^\/audio\/[\w-]{22}\.mp3$/);
  const answer = await fetch(`${task.url}${source}`);
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "audio/mpeg"]);
  assert.ok((await answer.arrayBuffer()).byteLength > 5000);
  assert.equal(await row(EVIL).getByRole("link", { name: "Download" }).getAttribute("href"), source);
  await row(EVIL).getByRole("button", { name: "Copy link" }).click();
  await row(EVIL).getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${task.url}${source}`);
  console.log("copied");

  // The list says how long it lasts; so does the player, which has heard it to its end.
  const shown = await row(EVIL).locator("time[datetime^=PT]").getAttribute("datetime");
  const duration = await player.evaluate(
    (audio) =>
      new Promise((resolve, reject) => {
        audio.muted = true;
        audio.playbackRate = 4;
        audio.addEventListener("ended", () => resolve(audio.duration));
        audio.addEventListener("error", () => reject(new Error(audio.error.message)));
        audio.play().catch(reject);
      }),
  );
  assert.equal(`PT${Math.ceil(duration)}S`, shown, `${duration} s`);
  assert.ok(duration > 1 && duration < 10, `${duration} s`);
  console.log("listened");

  // Another text takes the place, the others stay; after a reload it is the first.
  const send = async (text, name) => {
    await page.getByLabel("Text", { exact: true }).fill(text);
    await page.getByLabel("Name").fill(name);
    await page.getByRole("button", { name: "Read it out" }).click();
    await page.waitForFunction(() => !document.getElementById("text").value);
    await row(name).and(page.locator("[data-state=OK]")).waitFor();
  };
  await send("One.", "one");
  await send("Two.", "two");
  const first = await row("one").locator("audio").getAttribute("src");
  await send("Another one.", "one");
  assert.notEqual(await row("one").locator("audio").getAttribute("src"), first);
  assert.deepEqual(await rows.locator(".name").allInnerTexts(), ["one", "two", EVIL]);
  assert.match(page.url(), /\?route=one$/);
  await row("two").getByRole("link", { name: "two", exact: true }).click();
  await page.waitForURL(/route=two$/);
  assert.equal(await rows.first().locator(".name").innerText(), "two");
  await page.reload();
  assert.deepEqual(await rows.locator(".name").allInnerTexts(), ["two", "one", EVIL]);
  assert.equal(await page.locator("#routes > [aria-current]").count(), 1);
  await unharmed(page);
  console.log("came back");

  // What is refused stays as it was written, and says why.
  const field = page.getByLabel("Text", { exact: true });
  const problem = page.getByRole("alert");
  const button = page.getByRole("button", { name: "Read it out" });
  await field.fill("\u{1f600}");
  await button.click();
  await problem.getByText("nothing to read out").waitFor();
  assert.deepEqual([await field.getAttribute("aria-invalid"), await field.inputValue()], ["true", "\u{1f600}"]);
  assert.equal(await page.locator(":focus").getAttribute("id"), "text");
  await field.fill("\u{1f600}".repeat(5001));
  await page.getByText("5,001 / 5,000").waitFor();
  await button.click();
  await problem.getByText("at most 5,000 characters").waitFor();
  await field.fill("<p>open");
  await page.getByLabel("The text is SSML").check();
  await button.click();
  await problem.getByText("not well-formed").waitFor();
  await examine(page, "refused");
  await shoot(page, "speech-refused-1280");
  await page.route("**/speech", (route) => route.abort());
  await button.click();
  await problem.getByText("connection was lost").waitFor();
  await page.unroute("**/speech");
  await field.fill("<p>Closed, <break time='100ms'/> and told.</p>");
  await page.getByLabel("Name").fill("ssml");
  await button.click();
  await row("ssml").and(page.locator("[data-state=OK]")).waitFor();
  assert.equal(await problem.isVisible(), false);
  console.log("refused and sent again");

  // Nobody is asked while nobody looks, and at once when somebody does.
  let asked = 0;
  const busy = await open(browser);
  await busy.clock.install();
  await busy.route("**/get_track_for_route", (route) => {
    asked++;
    return route.fulfill({ json: { msg: "PROCESSING" } });
  });
  await busy.route("**/speech?*", async (route) => {
    const answer = await route.fetch();
    return route.fulfill({ response: answer, body: (await answer.text()).replace('data-state="OK"', 'data-state="PROCESSING"') });
  });
  const look = async (hidden) => {
    await busy.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  };
  await busy.goto("/speech?route=two");
  await look(true);
  await busy.clock.runFor(60_000);
  assert.equal(asked, 0, "hidden");
  const again = busy.waitForRequest("**/get_track_for_route");
  await look(false);
  await again;
  await busy.close();
  console.log("patient");

  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto("/speech?route=two");
    await page.waitForLoadState("networkidle");
    await examine(page, `on a phone, ${colorScheme}`);
    await shoot(page, `speech-${colorScheme}-390`);
  }

  // Without scripts: the page looks again by itself.
  const plain = await open(browser, { javaScriptEnabled: false, locale: "ru-RU" }, expected);
  await plain.goto("/speech");
  assert.equal(await plain.getByRole("button").count(), 1, "no button that does nothing");
  await plain.getByLabel("Текст", { exact: true }).fill(" \u{1f600} ");
  await plain.getByLabel("Имя").fill(EVIL);
  await plain.getByRole("button", { name: "Озвучить" }).click();
  await plain.getByRole("alert").getByText("нет ни букв, ни цифр").waitFor();
  assert.equal(await plain.getByLabel("Имя").inputValue(), EVIL);
  await shoot(plain, "speech-plain-refused-1280");
  await plain.getByLabel("Текст", { exact: true }).fill("One, two, three. ".repeat(200));
  await plain.getByRole("button", { name: "Озвучить" }).click();
  await plain.waitForURL(/\?route=/);
  await plain.locator("[aria-current] audio").waitFor();
  await plain.getByText("Готово").first().waitFor();
  await fits(plain, "without scripts");
  await shoot(plain, "speech-plain-1280");
  await plain.locator("footer nav").getByRole("link", { name: "中文" }).click();
  await plain.getByText("完成").first().waitFor();
  assert.equal(await plain.locator("#routes > [aria-current] .name").innerText(), EVIL, "the route stays");
  console.log("without scripts");
});
