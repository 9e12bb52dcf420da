// The page /upload: each picture by itself, a few at once. Every text is in the page.
"use strict";

(() => {
  const AT_ONCE = 3;
  const EXTENSIONS = /\.(jpe?g|png|gif)$/i;
  const form = document.getElementById("upload");
  const pick = document.getElementById("pick");
  const list = document.getElementById("rows");
  const copyAll = document.getElementById("copy-all");
  const limit = Number(form.dataset.limit);
  const { text, tell } = pannier;
  const rows = new Set();

  const part = (row, selector) => row.element.querySelector(selector);
  const action = (row, name) => part(row, `[data-action="${name}"]`);

  // What the page says of a file that the server refuses, or would refuse, with these words.
  function refusal(detail) {
    const all = document.getElementById("texts").content.querySelectorAll("[data-refusal]");
    return [...all].find((element) => element.dataset.refusal === detail)?.textContent;
  }

  // --- what is shown ---------------------------------------------------------------------------------

  function newRow(file) {
    const element = document.getElementById("row").content.firstElementChild.cloneNode(true);
    const row = { file, element };
    const label = `name-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    const title = part(row, ".name");
    title.id = label;
    title.textContent = file.name;
    part(row, ".size").textContent = pannier.bytes(file.size);
    part(row, "progress").setAttribute("aria-labelledby", label);
    for (const control of element.querySelectorAll("button, a")) control.setAttribute("aria-describedby", label);
    for (const button of element.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => copy(row, button));
    }
    action(row, "delete").addEventListener("click", () => remove(row));
    action(row, "again").addEventListener("click", () => begin(row));
    action(row, "dismiss").addEventListener("click", () => drop(row));
    preview(row);
    rows.add(row);
    list.append(element);
    return row;
  }

  function preview(row) {
    const image = part(row, ".preview");
    if (!row.file.type.startsWith("image/") || row.file.type.includes("svg")) {
      image.hidden = true;
      return;
    }
    const url = URL.createObjectURL(row.file);
    image.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
    image.addEventListener("error", () => {
      URL.revokeObjectURL(url);
      image.hidden = true;
    }, { once: true });
    image.src = url;
  }

  function enter(row, state, said = "") {
    row.state = state;
    row.element.dataset.state = state;
    part(row, ".state").textContent = text(state);
    const problem = part(row, ".problem");
    problem.textContent = said;
    problem.hidden = !said;
    part(row, "progress").hidden = !["waiting", "uploading", "checking"].includes(state);
    part(row, ".share").hidden = part(row, "a.button").hidden = action(row, "delete").hidden = state !== "done";
    action(row, "dismiss").hidden = !["failed", "deleted"].includes(state);
    action(row, "again").hidden = state !== "failed" || !row.again;
    if (state !== "done") part(row, ".field").hidden = true;
    copyAll.hidden = [...rows].filter((other) => other.state === "done").length < 2;
    if (!["waiting", "uploading", "checking"].includes(state)) tell(`${row.file.name}: ${text(state)} ${said}`);
  }

  function drop(row) {
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    row.element.remove();
    rows.delete(row);
    document.getElementById("results").hidden = !rows.size;
    (next?.querySelector("button:not([hidden])") ?? pick).focus();
  }

  // --- what is done ----------------------------------------------------------------------------------

  async function copy(row, button) {
    const words = row.told[button.dataset.copy];
    const field = part(row, ".field");
    field.value = words;
    field.hidden = false;
    await pannier.copied(button, words, field);
  }

  async function remove(row) {
    if (!(await pannier.really())) return;
    if (!(await pannier.remove(row.told.name))) {
      tell(text("delete-failed"));
      part(row, ".problem").textContent = text("delete-failed");
      part(row, ".problem").hidden = false;
      return;
    }
    part(row, ".preview").hidden = true;
    enter(row, "deleted");
    action(row, "dismiss").focus();
  }

  function begin(row) {
    part(row, "progress").value = 0;
    enter(row, "waiting");
    startNext();
  }

  // Why a file is not even sent.
  function hopeless(file) {
    if (!file.size) return text("empty");
    if (file.size > limit) return refusal("File too large");
    return EXTENSIONS.test(file.name) ? "" : refusal("File type not allowed");
  }

  function add(file) {
    const row = newRow(file);
    const reason = hopeless(file);
    if (reason) enter(row, "failed", reason);
    else enter(row, "waiting");
  }

  function addAll(files) {
    if (!files.length) return;
    document.getElementById("results").hidden = false;
    for (const file of files) add(file);
    startNext();
  }

  function startNext() {
    const running = () => [...rows].filter((row) => ["uploading", "checking"].includes(row.state)).length;
    for (const row of rows) {
      if (row.state === "waiting" && running() < AT_ONCE) send(row);
    }
  }

  function send(row) {
    enter(row, "uploading");
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", row.file);
    request.open("POST", form.dataset.target);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) part(row, "progress").value = event.loaded / event.total;
    });
    request.upload.addEventListener("load", () => enter(row, "checking"));
    request.addEventListener("loadend", () => {
      finish(row, request.status, request.response);
      startNext();
    });
    request.send(body);
  }

  function finish(row, status, told) {
    if (status === 201 && told?.url) {
      row.told = told;
      part(row, "a.button").href = told.url;
      pannier.keep(told.name, told.delete_token);
      enter(row, "done");
      return;
    }
    // Worth another try: what was no fault of the file.
    row.again = !status || status >= 500 || status === 429;
    enter(row, "failed", reason(status, told?.detail));
  }

  function reason(status, detail) {
    if (!status) return text("network");
    if (status === 413) return refusal("File too large");
    if (status === 429 || status === 503 || status === 504) return text("busy");
    if (status >= 500) return text("server");
    return refusal(detail) ?? detail ?? text("server");
  }

  // --- what happens ----------------------------------------------------------------------------------

  pick.addEventListener("change", () => {
    addAll([...pick.files]);
    // The same file may be chosen again.
    pick.value = "";
  });
  // The whole page takes what is dropped: a near miss would leave it for the file.
  for (const name of ["dragover", "drop"]) {
    addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.toggle("over", name === "dragover");
      if (name === "drop") addAll([...event.dataTransfer.files]);
    });
  }
  addEventListener("dragleave", () => form.classList.remove("over"));
  addEventListener("paste", (event) => addAll([...event.clipboardData.files]));
  form.addEventListener("submit", (event) => event.preventDefault());
  copyAll.addEventListener("click", () => {
    const links = [...rows].filter((row) => row.state === "done").map((row) => row.told.url);
    pannier.copied(copyAll, links.join("\n"));
  });
  // Chosen files are sent at once.
  document.getElementById("send").hidden = true;
  pick.required = false;
  // Its label is the button from now on.
  pick.classList.add("unseen");
})();
