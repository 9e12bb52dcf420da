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

  return { number, bytes, text, tell, copy };
})();
