// The start page: keeps its numbers current while somebody looks.
"use strict";

(() => {
  const EVERY = 10_000;
  const list = document.getElementById("stats");

  const shown = (stats, path) => path.split(".").reduce((value, name) => value?.[name], stats);

  function show(stats) {
    for (const element of list.querySelectorAll("[data-number]")) {
      const counted = shown(stats, element.dataset.number);
      if (counted) element.textContent = pannier.number(counted.count) + (counted.more ? "+" : "");
    }
    for (const element of list.querySelectorAll("[data-bytes]")) {
      const count = shown(stats, element.dataset.bytes);
      if (count !== undefined) element.textContent = count ? pannier.bytes(count) : "";
    }
  }

  async function update() {
    if (document.hidden) return;
    try {
      const response = await fetch(list.dataset.source, { headers: { Accept: "application/json" } });
      if (response.ok) show(await response.json());
    } catch {
      // What is shown stays until the next time.
    }
  }

  setInterval(update, EVERY);
  document.addEventListener("visibilitychange", update);
  update();
})();
