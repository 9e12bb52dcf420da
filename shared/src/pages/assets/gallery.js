// The gallery: copies links, and deletes what was uploaded from this browser.
"use strict";

(() => {
  const { text, tell } = pannier;

  async function remove(item) {
    if (!(await pannier.really())) return;
    if (!(await pannier.remove(item.dataset.name))) {
      tell(text("delete-failed"));
      item.querySelector("p").textContent = text("delete-failed");
      return;
    }
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    tell(text("deleted"));
    (next?.querySelector("a") ?? document.getElementById("main")).focus();
    // The last one has left an empty page behind.
    if (!next) location.assign("/images/");
  }

  function own(item) {
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.textContent = text("yours");
    item.querySelector("p").prepend(badge, " ");
    const button = item.querySelector("[data-action=delete]");
    button.hidden = false;
    button.addEventListener("click", () => remove(item));
  }

  for (const item of document.querySelectorAll("#gallery > li")) {
    const button = item.querySelector("[data-copy]");
    button.hidden = false;
    button.addEventListener("click", () => pannier.copied(button, button.dataset.copy, item.querySelector(".field")));
    if (pannier.tokens(item.dataset.name).length) own(item);
  }
})();
