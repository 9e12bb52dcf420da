// The page /instances: shows a user's databases and does what is asked with them, by the API and without leaving the page.
// The key is kept for this tab alone, and passwords are put into the page only while they are asked for.
"use strict";

(() => {
  const KEY = "pannier.key";
  // Between two looks at a database that is not settled, in milliseconds.
  const FIRST_PAUSE = 500;
  const PAUSE_LIMIT = 5_000;
  const GROWTH = 1.5;
  const KINDS = { mysql: "MySQL", redis: "Redis" };
  const SETTLED = ["ready", "failed"];
  const FACTS = ["host", "port", "user", "pwd", "uri"];
  const DOING = { restart: "restarting", rotate: "rotating", delete: "deleting" };
  const find = (id) => document.getElementById(id);
  const [enter, field, problem, manage, list] = ["enter", "key", "problem", "manage", "instances"].map(find);
  const { text, tell } = pannier;
  // What the API says of each row, and which rows an answer is awaited for.
  const told = new WeakMap();
  const busy = new WeakSet();
  const watched = new WeakSet();
  let key = "";

  // --- the key ---------------------------------------------------------------------------------------

  function remembered() {
    try {
      return sessionStorage.getItem(KEY) ?? "";
    } catch {
      return "";
    }
  }

  function remember() {
    try {
      if (key) sessionStorage.setItem(KEY, key);
      else sessionStorage.removeItem(KEY);
    } catch {
      // A browser that keeps nothing asks again after a reload.
    }
  }

  function forget() {
    key = "";
    remember();
    list.replaceChildren();
    manage.hidden = true;
    enter.hidden = false;
    field.focus();
  }

  // --- the API ---------------------------------------------------------------------------------------

  class Refusal extends Error {
    constructor(status, words) {
      super(words);
      this.status = status;
    }
  }

  async function call(method, path, body, more = {}) {
    const headers = { Authorization: `Bearer ${key}`, Accept: "application/json", ...more };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { method, headers, body, cache: "no-store" });
    const { data, msg } = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refusal(answer.status, msg ?? "");
    return data;
  }

  // Says why something was not done, before `place`. Without a key that is known there is nothing else to do here.
  function refuse(error, place) {
    if (error.status === 401) {
      forget();
      field.setAttribute("aria-invalid", "true");
      place = manage;
    }
    const known = [...find("texts").content.querySelectorAll("[data-refusal]")];
    const ours = known.find((words) => error.status && error.message.startsWith(words.dataset.refusal))?.textContent;
    const general = error instanceof Refusal ? (error.status === 503 ? "busy" : "server") : "network";
    const words = ours ?? ((error.status && error.message) || text(general));
    place.before(problem);
    problem.lang = words === error.message ? "en" : document.documentElement.lang;
    problem.textContent = words;
    problem.hidden = false;
  }

  function calm() {
    problem.hidden = true;
    for (const control of document.querySelectorAll("main [aria-invalid]")) control.removeAttribute("aria-invalid");
    document.querySelector("main .notice")?.remove();
  }

  // --- what is shown ---------------------------------------------------------------------------------

  const part = (row, name) => row.querySelector(`[data-field="${name}"]`);
  const rowOf = (id) => [...list.children].find((row) => row.dataset.id === id);
  const nameOf = (row) => `${part(row, "kind").textContent} ${row.dataset.id}`;
  const isSettled = (row) => SETTLED.includes(row.dataset.state);

  function time(element, machine) {
    element.dateTime = machine ?? "";
    element.textContent = machine ? `${machine.slice(0, 16).replace("T", " ")} UTC` : "";
  }

  // Writes what the API says into a row, in its place: what has the focus keeps it, what is revealed stays so.
  function fill(row, data) {
    const before = told.get(row)?.status;
    const reached = Boolean(data.host) && !["creating", "deleting"].includes(data.status);
    told.set(row, data);
    row.dataset.id = data.dockerId;
    row.dataset.state = data.status;
    part(row, "dockerId").textContent = data.dockerId;
    part(row, "kind").textContent = KINDS[data.type];
    part(row, "state").textContent = text(data.status);
    part(row, "about").textContent = data.collation ?? `${pannier.number(data.memory)} ${text("megabytes")}`;
    time(part(row, "created_at"), data.created_at);
    time(part(row, "expires_at"), data.expires_at);
    part(row, "expires_at").parentElement.hidden = !data.expires_at;
    part(row, "reason").textContent = data.reason ?? "";
    part(row, "reason").hidden = !data.reason;
    row.querySelector(".facts").hidden = !reached;
    for (const name of ["host", "port", "user"]) part(row, name).textContent = data[name] ?? "";
    for (const name of FACTS) part(row, name).closest("div").hidden = !data[name];
    for (const details of row.querySelectorAll("details")) reveal(row, details);
    const may = {
      restart: data.status === "ready" || (data.status === "failed" && reached),
      rotate: data.status === "ready",
      delete: data.status !== "deleting",
    };
    for (const button of row.querySelectorAll("[name=action]")) button.hidden = !may[button.value];
    if (before && before !== data.status) tell(`${nameOf(row)}: ${text(data.status)}`);
    if (!isSettled(row)) watch(row);
  }

  function reveal(row, details) {
    const code = details.querySelector("code");
    code.textContent = details.open ? told.get(row)[code.dataset.field] : "";
  }

  // Shows what the API says of a database: in its row, or in a new one before all others.
  function put(data) {
    const old = rowOf(data.dockerId);
    if (old) {
      if (!busy.has(old)) fill(old, data);
      return;
    }
    const row = find("row").content.firstElementChild.cloneNode(true);
    for (const details of row.querySelectorAll("details")) details.addEventListener("toggle", () => reveal(row, details));
    const copy = row.querySelector(".field");
    for (const button of row.querySelectorAll("[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", () => pannier.copied(button, String(told.get(row)[button.dataset.copy]), copy));
    }
    copy.addEventListener("blur", () => {
      copy.hidden = true;
      copy.value = "";
    });
    row.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      act(row, event.submitter.value);
    });
    fill(row, data);
    list.prepend(row);
    count();
  }

  function drop(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const focused = row.contains(document.activeElement);
    if (row.contains(problem)) manage.before(problem);
    row.remove();
    count();
    if (focused) (next?.querySelector("h3") ?? find("yours")).focus();
  }

  function count() {
    find("none").hidden = list.children.length > 0;
  }

  // --- what is done ----------------------------------------------------------------------------------

  const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
  const seen = () =>
    document.hidden && new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));

  // Shows all there are, and no other that was there before it was asked.
  async function load() {
    const before = [...list.children];
    const all = (await Promise.all([call("GET", "/list/1"), call("GET", "/list/2")])).flat();
    const created = (data) => Date.parse(data.created_at);
    for (const data of all.sort((one, other) => created(one) - created(other))) put(data);
    for (const row of before) {
      if (!busy.has(row) && !all.some((data) => data.dockerId === row.dataset.id)) drop(row);
    }
    count();
  }

  // Looks at a database until it is settled, ever less often, and not while nobody looks at the page.
  async function watch(row) {
    if (watched.has(row)) return;
    watched.add(row);
    for (let time = FIRST_PAUSE; ; time = Math.min(time * GROWTH, PAUSE_LIMIT)) {
      await pause(time);
      await seen();
      if (!row.isConnected || isSettled(row)) break;
      // Who waits for an answer hears of it then.
      if (!busy.has(row)) await look(row).catch(() => undefined);
    }
    watched.delete(row);
  }

  async function look(row) {
    try {
      const data = await call("GET", `/detail/${row.dataset.id}`);
      if (row.isConnected && !busy.has(row)) fill(row, data);
    } catch (error) {
      if (error.status === 404 && row.isConnected) gone(row);
      if (error.status === 401) refuse(error, manage);
    }
  }

  function gone(row) {
    tell(`${nameOf(row)}: ${text("gone")}`);
    drop(row);
  }

  async function open() {
    calm();
    // Nothing else fits a header; so it is nobody's.
    if (!/^[\x21-\x7e]+$/.test(key)) return refuse(new Refusal(401, "An API key is missing"), manage);
    try {
      await load();
    } catch (error) {
      enter.hidden = !manage.hidden;
      return refuse(error, manage);
    }
    remember();
    field.value = "";
    enter.hidden = true;
    manage.hidden = false;
  }

  // What was sent last and not answered: sent again it is the same, and makes no second database.
  const sent = new WeakMap();

  async function create(form) {
    if (form.ariaBusy === "true") return;
    calm();
    form.ariaBusy = "true";
    const { charset, collation, memory, ttl } = Object.fromEntries(new FormData(form));
    const body = JSON.stringify({ charset, collation: collation || undefined, memory, ttl: ttl || undefined });
    const once = sent.get(form)?.body === body ? sent.get(form).once : crypto.getRandomValues(new Uint32Array(4)).join("-");
    sent.set(form, { body, once });
    // It is there long before it is ready.
    const early = setTimeout(() => load().catch(() => undefined), FIRST_PAUSE);
    try {
      put(await call("POST", form.dataset.path, body, { "Idempotency-Key": once }));
      sent.delete(form);
    } catch (error) {
      if (error.status) sent.delete(form);
      refuse(error, form.parentElement);
      // Why one failed is said in its row, too.
      if (error.status !== 401) await load().catch(() => undefined);
    }
    clearTimeout(early);
    form.ariaBusy = "false";
  }

  async function sure(row, action) {
    for (const name of ["question", "consequence", "yes"]) find(name).textContent = text(`${action}-${name}`);
    find("which").textContent = nameOf(row);
    return pannier.really();
  }

  async function act(row, action) {
    if (busy.has(row) || !(await sure(row, action)) || !row.isConnected) return;
    calm();
    const data = told.get(row);
    const path = `/detail/${row.dataset.id}`;
    // The button that was used may be gone in a moment.
    row.querySelector("h3").focus();
    fill(row, { ...data, status: DOING[action] });
    busy.add(row);
    try {
      const method = action === "delete" ? "DELETE" : "POST";
      const now = await call(method, { restart: `${path}/restart`, rotate: `${path}/rotate-password` }[action] ?? path);
      busy.delete(row);
      if (now) fill(row, { ...data, ...now });
      else gone(row);
    } catch (error) {
      busy.delete(row);
      if (error.status === 404) return gone(row);
      refuse(error, row.querySelector("form"));
      // It may be as it was, or have failed.
      await look(row);
    }
  }

  // Of the collations, those of the character set.
  const [charset, collation] = ["charset", "collation"].map(find);
  const groups = [...collation.querySelectorAll("optgroup")];

  function narrow() {
    const chosen = collation.value;
    for (const group of groups) group.remove();
    collation.append(groups.find((group) => group.label === charset.value));
    collation.value = chosen;
    if (collation.selectedIndex < 0) collation.value = "";
  }

  // --- what happens ----------------------------------------------------------------------------------

  enter.addEventListener("submit", async (event) => {
    event.preventDefault();
    key = field.value.trim();
    await open();
    if (!manage.hidden) find("yours").focus();
  });
  find("forget").addEventListener("click", (event) => {
    event.preventDefault();
    calm();
    forget();
  });
  find("again").addEventListener("submit", (event) => {
    event.preventDefault();
    open();
  });
  for (const form of document.querySelectorAll(".create")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      create(form);
    });
  }
  charset.addEventListener("change", narrow);
  // Others may have done something meanwhile, or the time of one was over.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && key) load().catch(() => undefined);
  });

  narrow();
  // The page may be the answer to a form that was sent before this script came: then its rows have passwords.
  key = document.querySelector(".create [name=key]").value || remembered();
  for (const where of [document, find("row").content]) {
    for (const control of where.querySelectorAll("[name=key][type=hidden]")) control.value = "";
  }
  list.replaceChildren();
  if (key) {
    enter.hidden = true;
    open();
  }
})();
