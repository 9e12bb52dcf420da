// What the pages' scripts share: numbers as the page's language writes them, texts out of the page, the clipboard.
"use strict";

const pannier = (() => {
  const language = document.documentElement.lang;

  const number = (value) => new Intl.NumberFormat(language).format(value);

  function bytes(count) {
    const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
    const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), names.length - 1);
    const format = new Intl.NumberFormat(language, {
      style: "unit",
      unit: names[power],
      unitDisplay: "short",
      maximumFractionDigits: power > 1 ? 1 : 0,
    });
    return format.format(count / 1000 ** power);
  }

  // A text of the page's own list, by its name.
  function text(name) {
    return document.getElementById("texts").content.querySelector(`[data-text="${name}"]`).textContent;
  }

  // Read out, whatever was said before.
  function tell(words) {
    document.getElementById("news").textContent = words;
  }

  // Puts text on the clipboard. Without https there is none to write to: the text is shown in `field`, selected.
  async function copy(words, field) {
    try {
      await navigator.clipboard.writeText(words);
      return true;
    } catch {
      if (!field) return false;
      field.value = words;
      field.hidden = false;
      field.focus();
      field.select();
      return document.execCommand("copy");
    }
  }

  // Copies, and says on the button for a moment how that went.
  async function copied(button, words, field) {
    const done = await copy(words, field);
    tell(text(done ? "copied" : "copy-failed"));
    if (!done) return;
    button.dataset.label ??= button.textContent;
    button.textContent = text("copied");
    clearTimeout(button.timer);
    button.timer = setTimeout(() => (button.textContent = button.dataset.label), 2000);
  }

  // --- what was uploaded from this browser -----------------------------------------------------------

  // The delete tokens by the names of their pictures; of the same picture sent twice there are two.
  const TOKENS = "pannier.tokens";
  const TOKENS_LIMIT = 1000;

  function allTokens() {
    try {
      const kept = JSON.parse(localStorage.getItem(TOKENS) ?? "[]");
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  }

  function store(tokens) {
    try {
      localStorage.setItem(TOKENS, JSON.stringify(tokens.slice(-TOKENS_LIMIT)));
    } catch {
      // A browser that keeps nothing cannot delete later; the answer to the upload still has the token.
    }
  }

  const tokens = (name) => allTokens().filter((kept) => kept.name === name);
  const keep = (name, token) => store([...allTokens(), { name, token }]);

  // Uses up all tokens of a picture. Whether it is gone, as far as this browser is concerned.
  async function remove(name) {
    for (const { token } of tokens(name)) {
      const request = { method: "DELETE", headers: { "X-Delete-Token": token } };
      const status = await fetch(`/images/${encodeURIComponent(name)}`, request).then((answer) => answer.status, () => 0);
      if (![204, 403, 404].includes(status)) return false;
      store(allTokens().filter((kept) => kept.token !== token));
    }
    return true;
  }

  // Asks before something is deleted for good.
  function really() {
    const dialog = document.getElementById("really");
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  }

  return { number, bytes, text, tell, copied, tokens, keep, remove, really };
})();
