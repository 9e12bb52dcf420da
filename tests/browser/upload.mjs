// A person who uploads pictures: by picker, by drop and from the clipboard, several at once, good and bad ones.
import assert from "node:assert/strict";
import { EVIL, examine, open, person, picture, shoot, task, unharmed } from "./person.mjs";

// What the browser says of answers that are refusals, or that do not come.
const expected = /status of (400|413|404)|net::ERR_/;

await person(async (browser) => {
  const page = await open(browser, { permissions: ["clipboard-read", "clipboard-write"] }, expected);
  await page.goto("/upload");
  const row = (name) => page.locator("#rows > li").filter({ has: page.getByText(name, { exact: true }) });
  const state = (name, value) => row(name).and(page.locator(`[data-state=${value}]`)).waitFor();
  const choose = (...files) => page.getByLabel("Choose pictures").setInputFiles(files);
  const png = (name, buffer) => ({ name, mimeType: "image/png", buffer });
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  const bytesOf = async (url) => Buffer.from(await (await fetch(url)).arrayBuffer());

  // A picture on a slow line: its progress is seen before its end.
  const noise = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 700, height: 700 });
    const pen = canvas.getContext("2d");
    const data = pen.createImageData(700, 700);
    for (let at = 0; at < data.data.length; at++) data.data[at] = at % 4 === 3 ? 255 : (Math.random() * 256) | 0;
    pen.putImageData(data, 0, 0);
    return canvas.toDataURL().split(",")[1];
  });
  const network = await page.context().newCDPSession(page);
  const throttle = (bytes) =>
    network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytes });
  await throttle(512 * 1024);
  await choose(png("noise.png", Buffer.from(noise, "base64")));
  await page.waitForFunction(() => {
    const { value } = document.querySelector("#rows progress");
    return value > 0 && value < 1;
  });
  await throttle(-1);
  await state("noise.png", "done");
  console.log("progress");

  // What is shown and copied leads to the picture.
  const one = await picture(page, 1);
  await choose(png(EVIL, one));
  await state(EVIL, "done");
  await unharmed(page);
  await row(EVIL).getByRole("button", { name: "Copy link" }).click();
  await row(EVIL).getByRole("button", { name: "Copied" }).waitFor();
  const url = await clipboard();
  assert.match(url, new RegExp(`^${task.url}/images/[\\w-]{22}\\.png$`));
  assert.deepEqual((await bytesOf(url)).subarray(0, 8), one.subarray(0, 8), "it is a PNG");
  for (const [name, text] of [
    ["HTML", `<img src="${url}" alt="`],
    ["Markdown", `](${url})`],
    ["BBCode", `[img]${url}[/img]`],
  ]) {
    await row(EVIL).getByRole("button", { name }).click();
    await page.waitForFunction(async (text) => (await navigator.clipboard.readText()).includes(text), text);
    assert.ok((await row(EVIL).getByLabel("Address").inputValue()).includes(text));
  }
  assert.equal(await row(EVIL).getByRole("link", { name: "Open" }).getAttribute("href"), url);
  console.log("copied");

  // Several by drop, and one from the clipboard.
  const drop = async (event, files) => {
    const transfer = await page.evaluateHandle((files) => {
      const data = new DataTransfer();
      for (const [name, type, content] of files) {
        data.items.add(new File([Uint8Array.from(atob(content), (byte) => byte.charCodeAt(0))], name, { type }));
      }
      return data;
    }, files);
    if (event === "drop") return page.dispatchEvent("main", "drop", { dataTransfer: transfer });
    return page.evaluate((clipboardData) => dispatchEvent(new ClipboardEvent("paste", { clipboardData })), transfer);
  };
  const jpeg = await picture(page, 2, "image/jpeg");
  await drop("drop", [
    ["a.jpg", "image/jpeg", jpeg.toString("base64")],
    ["b.png", "image/png", (await picture(page, 3)).toString("base64")],
  ]);
  await state("a.jpg", "done");
  await state("b.png", "done");
  await drop("paste", [["image.png", "image/png", (await picture(page, 4)).toString("base64")]]);
  await state("image.png", "done");
  await page.getByRole("button", { name: "Copy all links" }).click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).split("\n").length === 5);
  console.log("dropped and pasted");

  // Each that is refused says why; the others go on.
  await choose(
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") },
    png("huge.png", Buffer.alloc(5 * 1024 * 1024 + 1)),
    png("empty.png", Buffer.alloc(0)),
    png("text.png", Buffer.from("no picture at all")),
    png("torn.png", one.subarray(0, one.length / 2)),
    png("good.png", await picture(page, 5)),
  );
  for (const [name, words] of [
    ["notes.txt", "not a JPEG, PNG or GIF"],
    ["huge.png", "larger than 5 MiB"],
    ["empty.png", "This file is empty."],
    ["text.png", "damaged or incomplete"],
    ["torn.png", "damaged or incomplete"],
  ]) {
    await state(name, "failed");
    await row(name).getByText(words).waitFor();
    assert.equal(await row(name).getByRole("button", { name: "Try again" }).count(), 0, `${name} stays what it is`);
  }
  await state("good.png", "done");
  await row("notes.txt").getByRole("button", { name: "Remove from the list" }).click();
  await row("notes.txt").waitFor({ state: "detached" });
  await examine(page, "uploaded and refused");
  await shoot(page, "upload-done-1280");
  await page.setViewportSize({ width: 390, height: 844 });
  await examine(page, "the same on a phone");
  await shoot(page, "upload-done-390");

  // A line that breaks is tried again, with a button.
  await page.route("**/api/upload", (route) => route.abort());
  await choose(png("later.png", await picture(page, 6)));
  await row("later.png").getByText("connection was lost").waitFor();
  await page.unroute("**/api/upload");
  await row("later.png").getByRole("button", { name: "Try again" }).click();
  await state("later.png", "done");
  console.log("refused and tried again");

  // Deleting asks first.
  const remove = row(EVIL).getByRole("button", { name: "Delete" });
  await remove.click();
  await page.getByRole("dialog", { name: "Delete this picture for good?" }).waitFor();
  await shoot(page, "delete-390");
  await page.keyboard.press("Escape");
  assert.equal((await fetch(url)).status, 200);
  await remove.click();
  await page.getByRole("button", { name: "Yes, delete" }).click();
  await state(EVIL, "deleted");
  assert.equal((await fetch(url)).status, 404);
  console.log("deleted");

  // Without scripts: a form, and a page that says what became of it.
  const plain = await open(browser, { javaScriptEnabled: false, locale: "ru-RU" }, expected);
  await plain.goto("/upload");
  await plain.locator("#pick").setInputFiles([png(EVIL, await picture(page, 7)), png("torn.png", one.subarray(0, 200))]);
  await plain.getByRole("button", { name: "Загрузить" }).click();
  await plain.getByRole("heading", { name: "Ваша картинка здесь" }).waitFor();
  // A form writes a quote like that (HTML, "Multipart form data").
  await plain.getByText(EVIL.replaceAll('"', "%22"), { exact: true }).waitFor();
  await plain.getByText("Картинка повреждена").waitFor();
  const address = await plain.getByLabel("Адрес").inputValue();
  assert.equal((await fetch(address)).status, 200);
  await plain.getByLabel("Markdown").waitFor();
  await shoot(plain, "uploaded-plain-1280");
  await plain.getByRole("link", { name: "Удалить" }).click();
  assert.equal((await fetch(address)).status, 200, "a link that is followed deletes nothing");
  await shoot(plain, "delete-plain-1280");
  await plain.getByRole("button", { name: "Да, удалить" }).click();
  await plain.getByText("Удалено.").waitFor();
  assert.equal((await fetch(address)).status, 404);
  await plain.goto("/upload");
  await plain.locator("#pick").setInputFiles([{ name: "x.txt", mimeType: "text/plain", buffer: Buffer.from("x") }]);
  await plain.getByRole("button", { name: "Загрузить" }).click();
  await plain.getByRole("heading", { name: "Картинка не загружена" }).waitFor();
  await plain.getByText("Это не файл JPEG").waitFor();
  console.log("without scripts");
});
