// A person who has databases: lets herself in with a key, creates one, uses it, gives it another password, restarts it and
// deletes it. What is told of it is tried with a client of its own.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { SCHEMES, examine, fits, open, person, shoot, task } from "./person.mjs";

const Redis = createRequire(`${process.argv[2]}/`)("ioredis");

// What the browser says of answers that are refusals, or that do not come.
const expected = /status of (400|401|404|409|429|500|503)|net::ERR_/;
const HIDDEN = /^[A-Za-z0-9]{32}$/;

// Whether a URI lets in; what is said to `commands`.
async function redis(uri, ...commands) {
  const client = new Redis(uri, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  // Why it is not let in; what the calls say then is only that there is no connection.
  let refused;
  client.on("error", (error) => (refused ??= error));
  try {
    await client.connect();
    const said = [await client.ping()];
    for (const [name, ...values] of commands) said.push(await client.call(name, ...values));
    return said;
  } catch (error) {
    return [(refused ?? error).message.split(" ")[0]];
  } finally {
    client.disconnect();
  }
}

async function api(method, path) {
  const answer = await fetch(`${task.url}${path}`, { method, headers: { Authorization: `Bearer ${task.key}` } });
  return (await answer.json()).data;
}

const uriOf = (password, port) => `redis://:${password}@127.0.0.1:${port}/0`;

await person(async (browser) => {
  const page = await open(browser, { permissions: ["clipboard-read", "clipboard-write"] }, expected);
  const urls = new Set();
  page.on("request", (request) => urls.add(request.url()));
  const rows = page.locator("#instances > li");
  const state = (words) => rows.first().locator(".badge").filter({ hasText: words }).waitFor();
  const button = (name) => rows.first().getByRole("button", { name, exact: true });
  const dialog = page.getByRole("dialog");
  const problem = page.getByRole("alert");
  const key = page.getByLabel("API key");

  // A key that nobody has, and one that is not even a key.
  await page.goto("/instances");
  await examine(page, "asked for a key");
  await shoot(page, "instances-key-1280");
  for (const wrong of ["nobody", "ключ", "a b"]) {
    await key.fill(wrong);
    await page.keyboard.press("Enter");
    await problem.getByText("not known here").waitFor();
    assert.equal(await key.getAttribute("aria-invalid"), "true");
    assert.equal(await page.locator(":focus").getAttribute("id"), "key");
  }
  await examine(page, "a wrong key");
  await key.fill(` ${task.key} `);
  await page.keyboard.press("Enter");
  await page.getByText("No databases yet").waitFor();
  assert.equal(await page.locator(":focus").innerText(), "Your databases");
  assert.ok(!(await key.isVisible()) && !(await problem.isVisible()));
  await examine(page, "nothing yet");
  await shoot(page, "instances-empty-1280");
  await page.reload();
  await page.getByText("No databases yet").waitFor();
  const kept = await page.evaluate(() => [Object.values(sessionStorage), Object.keys(localStorage), document.cookie]);
  assert.deepEqual(kept, [[task.key], [], ""], "for this tab alone");
  const other = await open(browser, {}, expected);
  await other.goto("/instances");
  await other.getByLabel("API key").waitFor();
  await other.close();
  console.log("let in");

  // The keyboard is enough. The answer comes late; the database is there before.
  let answered;
  const held = new Promise((resolve) => (answered = resolve));
  await page.route("**/redis", async (route) => {
    const answer = await route.fetch();
    await held;
    await route.fulfill({ response: answer });
  });
  await page.getByLabel("Memory in MB").fill("64");
  await page.keyboard.press("Enter");
  await rows.first().waitFor();
  assert.equal(await page.getByRole("form", { name: "Redis" }).getAttribute("aria-busy"), "true");
  await page.keyboard.press("Enter");
  await state("Ready");
  answered();
  await page.locator(".create[aria-busy=false]").waitFor();
  await page.unroute("**/redis");
  assert.equal(await rows.count(), 1, "sent twice, created once");
  const id = await rows.first().getAttribute("data-id");
  const { pwd, port, uri } = await api("GET", `/detail/${id}`);
  assert.match(pwd, HIDDEN);
  assert.ok(!(await page.content()).includes(pwd), "nobody has asked for the password");
  assert.match(await rows.first().innerText(), new RegExp(`Redis\\s+${id}\\s+Ready\\s+64 MB`));
  await shoot(page, "instances-1280");
  assert.deepEqual(await redis(uri, ["SET", "fruit", "pear"]), ["PONG", "OK"]);
  console.log("created");

  const reveal = (of) => rows.first().locator("summary", { hasText: of });
  const code = (name) => rows.first().locator(`[data-field=${name}]`);
  await reveal("Password").click();
  await code("pwd").getByText(pwd, { exact: true }).waitFor();
  await reveal("URI").focus();
  await page.keyboard.press("Enter");
  await code("uri").getByText(uri, { exact: true }).waitFor();
  await examine(page, "revealed");
  await reveal("URI").click();
  await page.waitForFunction(() => !document.querySelector("[data-field=uri]").textContent);
  for (const [label, value] of Object.entries({ Host: "127.0.0.1", Port: String(port), URI: uri, Password: pwd })) {
    await button(`Copy: ${label}`).click();
    await page.locator("#news").filter({ hasText: "Copied" }).waitFor({ state: "attached" });
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), value);
  }
  console.log("revealed and copied");

  // Nothing happens to who says no, in whatever way.
  await button("New password").click();
  await dialog.getByText(`Redis ${id}`).waitFor();
  await examine(page, "asked");
  await shoot(page, "instances-asked-1280");
  assert.equal(await page.locator(":focus").innerText(), "No, leave it");
  await page.keyboard.press("Enter");
  await button("Delete").click();
  await dialog.getByText("cannot be brought back").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.deepEqual(await redis(uri), ["PONG"]);
  await button("New password").click();
  await page.getByRole("button", { name: "Yes, change it" }).click();
  await page.waitForFunction((old) => !["", old].includes(document.querySelector("[data-field=pwd]").textContent), pwd);
  const next = await code("pwd").innerText();
  assert.match(next, HIDDEN);
  assert.equal(await page.locator(":focus").getAttribute("data-id"), null);
  assert.deepEqual(await redis(uri), ["WRONGPASS"]);
  assert.deepEqual(await redis(uriOf(next, port), ["GET", "fruit"]), ["PONG", "pear"]);
  console.log("rotated");

  await button("Restart").click();
  await page.getByRole("button", { name: "Yes, restart" }).click();
  await state("Restarting");
  assert.ok(!(await button("Restart").isVisible()), "not twice at once");
  await state("Ready");
  assert.deepEqual(await redis(uriOf(next, port), ["GET", "fruit"]), ["PONG", "pear"]);
  console.log("restarted");

  // What the API refuses is told, in the reader's language where it is known, and nothing is lost.
  const refusal = (status, msg) => (route) => route.fulfill({ status, json: { code: status, msg, data: null } });
  const keys = [];
  const create = page.getByRole("button", { name: "Create a Redis" });
  await page.route("**/redis", (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    return route.abort();
  });
  await create.click();
  await problem.getByText("connection was lost").waitFor();
  await page.waitForFunction(() => !document.querySelector(".create[aria-busy=true]"));
  await create.click();
  await page.waitForFunction(() => !document.querySelector(".create[aria-busy=true]"));
  assert.ok(keys.length === 2 && keys[0] === keys[1], `${keys}: tried again, it is the same`);
  for (const [status, msg, words, lang] of [
    [429, "You may have at most 5 instances", "as many databases as you may", "en"],
    [503, "The instance engine does not answer.", "cannot be reached", "en"],
    [500, "The instance 012345678901 failed: <b>No</b>.", "failed: <b>No</b>.", "en"],
  ]) {
    await page.unroute("**/redis");
    await page.route("**/redis", refusal(status, msg));
    await create.click();
    await problem.getByText(words).waitFor();
    assert.equal(await problem.getAttribute("lang"), lang);
    await page.waitForFunction(() => !document.querySelector(".create[aria-busy=true]"));
  }
  await examine(page, "refused");
  await shoot(page, "instances-refused-1280");
  await page.unroute("**/redis");
  await page.route("**/restart", refusal(409, "The instance is rotating."));
  await button("Restart").click();
  await page.getByRole("button", { name: "Yes, restart" }).click();
  await rows.first().getByRole("alert").getByText("Something else is being done").waitFor();
  await state("Ready");
  await page.unroute("**/restart");
  console.log("refused");

  // Every state there is, as somebody sees who has no luck.
  const one = await api("GET", `/detail/${id}`);
  const mysql = { type: "mysql", charset: "utf8mb3", collation: "utf8mb3_general_ci", memory: undefined, user: "root", uri: "mysql://root:x@127.0.0.1:2001/" };
  const all = ["creating", "restarting", "rotating", "deleting", "failed", "ready"].map((status, at) => ({
    ...one,
    ...(at % 2 ? mysql : {}),
    dockerId: `00000000000${at}`,
    status,
    reason: status === "failed" ? "It ended with status 1: <b>no space left on device</b>" : undefined,
    expires_at: "2027-01-02T03:04:05Z",
    host: status === "failed" ? null : "127.0.0.1",
  }));
  const looks = new Set();
  await page.route("**/list/2", (route) => route.fulfill({ json: { code: 200, msg: "success", data: all } }));
  await page.route("**/detail/*", (route) => {
    const data = all.find(({ dockerId }) => route.request().url().endsWith(dockerId));
    looks.add(data.status);
    return route.fulfill({ json: { code: 200, msg: "success", data } });
  });
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.getByText("Being created").waitFor();
  assert.deepEqual(await rows.locator(".badge").allInnerTexts(), ["Ready", "Failed", "Being deleted", "Getting a new password", "Restarting", "Being created"]);
  const buttons = await rows.evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll("[name=action]:not([hidden])")].map(({ value }) => value).join()));
  assert.deepEqual(buttons, ["restart,rotate,delete", "delete", "", "delete", "delete", "delete"]);
  await page.locator("#instances").getByText("<b>no space left on device</b>").waitFor();
  assert.equal(await rows.locator("b").count(), 0);
  while (looks.size < 4) await page.waitForResponse("**/detail/*");
  assert.ok(!looks.has("ready") && !looks.has("failed"), "what is settled is left alone");
  await examine(page, "every state");
  await shoot(page, "instances-states-1280");
  for (const colorScheme of SCHEMES) {
    // Colours that are on their way to others are not looked at.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width: 390, height: 844 });
    await examine(page, `on a phone, ${colorScheme}`);
    await shoot(page, `instances-${colorScheme}-390`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 720 });
  // One that goes meanwhile is gone here, too.
  await page.unroute("**/list/2");
  await page.route("**/detail/*", refusal(404, "There is no such instance."));
  await page.locator("[data-state=creating]").waitFor({ state: "detached" });
  await page.unroute("**/detail/*");
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#instances > li").length === 1);
  console.log("every state");

  await button("Delete").click();
  await page.getByRole("button", { name: "Yes, delete" }).click();
  await page.getByText("No databases yet").waitFor();
  assert.equal(await page.locator(":focus").innerText(), "Your databases");
  await page.locator("#news").filter({ hasText: "The database was deleted." }).waitFor({ state: "attached" });
  assert.deepEqual(await api("GET", "/list/2"), []);
  // Of the collations, those of the character set.
  await page.getByLabel("Character set").selectOption("latin1");
  const offered = await page.getByLabel("Collation").locator("option").allInnerTexts();
  assert.deepEqual(offered.slice(0, 3), ["Default", "latin1_swedish_ci", "latin1_bin"]);
  assert.equal(offered.length, 9);
  await page.getByRole("link", { name: "Forget the key" }).click();
  await key.waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.ok([...urls].every((url) => !url.includes(task.key) && !url.includes(pwd)), "neither is in an address");
  await page.close();
  console.log("deleted");

  // Without scripts: by forms, each of which asks first.
  const plain = await open(browser, { javaScriptEnabled: false, locale: "ru-RU" }, expected);
  const mine = plain.locator("#instances > li");
  const press = async (name) => {
    await plain.getByRole("button", { name, exact: true }).click();
    assert.equal(new URL(plain.url()).search, "");
  };
  await plain.goto("/instances");
  await plain.getByLabel("Ключ API").fill("nobody");
  await press("Показать мои базы");
  await plain.getByRole("alert").getByText("Такого ключа здесь не знают").waitFor();
  assert.equal(await plain.getByLabel("Ключ API").inputValue(), "");
  await plain.getByLabel("Ключ API").fill(task.key);
  await press("Показать мои базы");
  await plain.getByText("Баз данных пока нет").waitFor();
  await plain.getByLabel("Кодировка").selectOption("latin1");
  await plain.getByLabel("Сортировка").selectOption("utf8mb4_bin");
  await press("Создать MySQL");
  await plain.getByRole("alert").getByText("Эта сортировка не подходит").waitFor();
  assert.equal(await plain.getByLabel("Кодировка").inputValue(), "latin1", "as it was chosen");
  await plain.getByLabel("Память").fill("64");
  await press("Создать Redis");
  await plain.getByText("База данных готова.").waitFor();
  assert.equal(await mine.count(), 1);
  // Sent again it is the same.
  await plain.reload();
  assert.equal(await mine.count(), 1);
  const secret = () => mine.locator("[data-field=uri]");
  assert.equal(await secret().isVisible(), false);
  await mine.locator("summary", { hasText: "URI" }).click();
  const first = await secret().innerText();
  assert.deepEqual(await redis(first, ["SET", "fruit", "plum"]), ["PONG", "OK"]);
  await fits(plain, "without scripts");
  await shoot(plain, "instances-plain-1280");
  await press("Сменить пароль");
  await shoot(plain, "instances-plain-asked-1280");
  await press("Да, сменить");
  await plain.getByText("У базы данных новый пароль.").waitFor();
  await mine.locator("summary", { hasText: "URI" }).click();
  const second = await secret().innerText();
  assert.deepEqual([await redis(first), await redis(second, ["GET", "fruit"])], [["WRONGPASS"], ["PONG", "plum"]]);
  await press("Перезапустить");
  await press("Да, перезапустить");
  await plain.getByText("База данных перезапущена.").waitFor();
  assert.deepEqual(await redis(second, ["GET", "fruit"]), ["PONG", "plum"]);
  await press("Удалить");
  await press("Нет, оставить");
  assert.equal(await mine.count(), 1);
  await press("Удалить");
  await press("Да, удалить");
  await plain.getByText("База данных удалена.").waitFor();
  await plain.getByText("Баз данных пока нет").waitFor();
  assert.deepEqual(await plain.context().cookies(), []);
  await plain.getByRole("link", { name: "Забыть ключ" }).click();
  await plain.getByLabel("Ключ API").waitFor();
  console.log("without scripts");
});
