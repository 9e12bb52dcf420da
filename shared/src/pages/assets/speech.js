// The page /speech: sends a text without leaving the page, and shows what becomes of it. Rows and refusals are drawn by the
// server alone: they are taken out of the page that it would have shown without a script.
"use strict";

(() => {
  // Between two looks at a route, in milliseconds.
  const FIRST_PAUSE = 500;
  const PAUSE_LIMIT = 15_000;
  const GROWTH = 1.5;
  const form = document.getElementById("speak");
  const field = document.getElementById("text");
  const counter = document.getElementById("counter");
  const problem = document.getElementById("problem");
  const list = document.getElementById("routes");
  const limit = Number(field.dataset.limit);
  const { text, tell } = pannier;
  let sending = false;

  // --- what is shown ---------------------------------------------------------------------------------

  function count() {
    // As the server counts: characters, not halves of them.
    const length = [...field.value].length;
    counter.textContent = length ? `${pannier.number(length)} / ${pannier.number(limit)}` : "";
    counter.classList.toggle("problem", length > limit);
    if (length > limit) mark(field, true);
  }

  function mark(control, wrong) {
    if (wrong) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }

  const read = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");
  const asked = (page) => page.querySelector("#routes > [aria-current]");
  const routeOf = (row) => new URL(row.querySelector(".name").href).searchParams.get("route");
  const say = (row) => tell(`${row.querySelector(".name").textContent}: ${row.querySelector(".state").textContent}`);

  // Puts a row that the server has drawn first, or where another is.
  function put(drawn, old) {
    const row = document.importNode(drawn, true);
    const focused = old?.contains(document.activeElement);
    if (old) {
      // It was drawn as the one that is asked for, which another may be here.
      if (!old.hasAttribute("aria-current")) row.removeAttribute("aria-current");
      old.replaceWith(row);
    } else {
      for (const other of list.children) other.removeAttribute("aria-current");
      list.prepend(row);
    }
    if (focused) row.querySelector(".name").focus();
    document.getElementById("none").hidden = true;
    tend(row);
    say(row);
  }

  function tend(row) {
    const button = row.querySelector("[data-copy]");
    if (button) {
      button.hidden = false;
      button.addEventListener("click", () => pannier.copied(button, button.dataset.copy, row.querySelector(".field")));
    }
    if (row.dataset.state === "PROCESSING") watch(row);
  }

  function refuse(words) {
    problem.textContent = words;
    problem.hidden = !words;
  }

  // --- what is done ----------------------------------------------------------------------------------

  const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
  const seen = () =>
    document.hidden && new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));

  // Looks at a route until it is done, ever less often, and not while nobody looks at the page.
  async function watch(row) {
    for (let time = FIRST_PAUSE; ; time = Math.min(time * GROWTH, PAUSE_LIMIT)) {
      await pause(time);
      await seen();
      if (!row.isConnected) return;
      const drawn = await changed(row).catch(() => undefined);
      // It may have been sent anew meanwhile.
      if (drawn && row.isConnected) return put(drawn, row);
    }
  }

  // The row as it is drawn now; nothing while it is still worked on.
  async function changed(row) {
    const route = routeOf(row);
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify({ route_id: route }) };
    const progress = await (await fetch("/get_track_for_route", request)).json();
    if (!["OK", "BROKEN"].includes(progress.msg)) return undefined;
    return asked(await read(await fetch(`/speech?route=${encodeURIComponent(route)}`)));
  }

  async function send() {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const page = await read(answer);
    const drawn = answer.ok && asked(page);
    if (!drawn) return refused(answer.status, page);
    refuse("");
    for (const row of [...list.children]) if (routeOf(row) === routeOf(drawn)) row.remove();
    put(drawn);
    document.getElementById("statistics").textContent = page.getElementById("statistics").textContent;
    for (const control of form.elements) mark(control, false);
    field.value = document.getElementById("name").value = "";
    count();
    // After a reload it is still the first.
    history.replaceState(null, "", answer.url);
  }

  function refused(status, page) {
    const told = page.getElementById("problem")?.textContent;
    refuse(told || text(status === 429 || status === 503 || status === 504 ? "busy" : "server"));
    for (const control of form.elements) {
      mark(control, page.getElementById(control.id)?.hasAttribute("aria-invalid"));
    }
    form.querySelector("[aria-invalid]")?.focus();
  }

  // --- what happens ----------------------------------------------------------------------------------

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    refuse("");
    await send().catch(() => refuse(text("network")));
    sending = false;
  });
  field.addEventListener("input", () => {
    mark(field, false);
    count();
  });
  for (const row of list.children) tend(row);
  count();
})();
