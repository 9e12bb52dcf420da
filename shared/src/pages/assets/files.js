// The page /files: uploads by tus-js-client, which remembers in the browser's own storage what it has begun.
// Every text is in the page itself.
"use strict";

(() => {
  const AT_ONCE = 3;
  // Long enough for a restart of the server: ten minutes.
  const RETRY_DELAYS = Array.from({ length: 44 }, (_, attempt) => Math.min(500 * 2 ** attempt, 15_000));
  // Of a cancellation somebody waits for the end.
  const CANCEL_DELAYS = [0, 1000, 3000];
  // Speed is that of the last seconds; what changes faster than this is not readable.
  const SPEED_WINDOW = 5_000;
  const SHOW_EVERY = 250;
  // Worth another try although the server says that it is our fault.
  const PASSING = [408, 409, 423, 429];
  const RUNNING = ["uploading", "retrying"];
  const ACTIONS = {
    waiting: ["pause", "cancel"],
    uploading: ["pause", "cancel"],
    retrying: ["pause", "cancel"],
    offline: ["pause", "cancel"],
    paused: ["resume", "cancel"],
    failed: ["resume", "cancel"],
    stuck: ["cancel"],
    unfinished: ["cancel"],
  };

  // States that nobody has to be told of.
  const QUIET = ["waiting", "unfinished"];

  const HEAD = { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" }, cache: "no-store" };

  const form = document.getElementById("uploads");
  const pick = document.getElementById("pick");
  const list = document.getElementById("rows");
  const unfinished = document.getElementById("unfinished");
  const texts = document.getElementById("texts").content;
  const text = (name) => texts.querySelector(`[data-text="${name}"]`).textContent;
  const endpoint = new URL(form.dataset.endpoint, location.href).href;
  const storage = tus.defaultOptions.urlStorage;
  const rows = new Set();
  // The rows of what an earlier visit has begun, by their URLs.
  const remembered = new Map();

  // --- what is shown ---------------------------------------------------------------------------------

  const unit = (value, name, digits) =>
    new Intl.NumberFormat(document.documentElement.lang, {
      style: "unit",
      unit: name,
      unitDisplay: "short",
      maximumFractionDigits: digits,
    }).format(value);

  function bytes(count) {
    const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
    const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), names.length - 1);
    return unit(count / 1000 ** power, names[power], power > 1 ? 1 : 0);
  }

  function time(seconds) {
    if (seconds < 90) return unit(Math.ceil(seconds), "second", 0);
    return seconds < 5400 ? unit(seconds / 60, "minute", 0) : unit(seconds / 3600, "hour", 1);
  }

  const part = (row, selector) => row.element.querySelector(selector);

  function newRow(name, size, into) {
    const element = document.getElementById("row").content.firstElementChild.cloneNode(true);
    const row = { name, size, element, sent: 0, samples: [], shown: 0, state: "", starts: 0 };
    const label = `name-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    const title = part(row, ".name");
    title.id = label;
    title.textContent = name;
    part(row, ".size").textContent = bytes(size);
    part(row, "progress").setAttribute("aria-labelledby", label);
    for (const button of element.querySelectorAll("button")) {
      button.setAttribute("aria-describedby", label);
      button.addEventListener("click", () => act[button.dataset.action](row));
    }
    into.append(element);
    return row;
  }

  // A change of state is read out; progress is not.
  function enter(row, state) {
    if (row.state === state) return;
    const focused = document.activeElement;
    row.state = state;
    row.samples = [];
    row.element.dataset.state = state;
    for (const button of row.element.querySelectorAll("button")) {
      button.hidden = !ACTIONS[state]?.includes(button.dataset.action);
    }
    // Whoever pressed Pause is on Resume now, not at the top of the page.
    if (row.element.contains(focused) && focused.hidden) {
      (row.element.querySelector("button:not([hidden]), a:not([hidden])") ?? pick).focus();
    }
    if (!QUIET.includes(state)) document.getElementById("news").textContent = `${row.name}: ${text(state)}`;
    show(row);
  }

  function show(row) {
    row.shown = performance.now();
    part(row, "progress").value = row.size ? row.sent / row.size : Number(row.state === "done");
    part(row, ".state").textContent = [text(row.state), ...pace(row)].join(" · ");
  }

  function pace(row) {
    if (row.state === "done") return [];
    const sent = row.sent ? [`${bytes(row.sent)} / ${bytes(row.size)}`] : [];
    if (row.state !== "uploading" || row.samples.length < 2) return sent;
    const [first, last] = [row.samples[0], row.samples.at(-1)];
    const speed = ((last.sent - first.sent) / (last.at - first.at)) * 1000;
    if (!(speed > 0)) return sent;
    return [...sent, `${bytes(speed)}/s`, `${time((row.size - row.sent) / speed)} ${text("left")}`];
  }

  function progress(row, sent) {
    // The last word of a request that was aborted.
    if (!RUNNING.includes(row.state)) return;
    enter(row, "uploading");
    const at = performance.now();
    // After a break the server may have less than what was sent.
    if (sent < row.sent) row.samples = [];
    row.sent = sent;
    row.samples = row.samples.filter((sample) => at - sample.at < SPEED_WINDOW);
    row.samples.push({ at, sent });
    if (at - row.shown > SHOW_EVERY) show(row);
  }

  function finish(row) {
    const link = part(row, ".link");
    link.href = row.upload?.url ?? row.url;
    link.setAttribute("aria-describedby", part(row, ".name").id);
    link.hidden = false;
    row.sent = row.size;
    release(row);
    enter(row, "done");
  }

  function drop(row) {
    release(row);
    row.element.remove();
    rows.delete(row);
    remembered.delete(row.url);
    unfinished.hidden = !remembered.size;
  }

  // --- one tab at a time -----------------------------------------------------------------------------

  // Whether this tab has an upload in hand from now on: two that send the same bytes only take the turn from each
  // other. Without https there are no locks.
  function hold(row, url) {
    if (row.held === url || !navigator.locks) return true;
    release(row);
    return new Promise((tell) => {
      const take = (lock) => {
        tell(Boolean(lock));
        if (!lock) return undefined;
        row.held = url;
        return new Promise((resolve) => (row.letGo = resolve));
      };
      navigator.locks.request(url, { ifAvailable: true }, take).catch(() => tell(true));
    });
  }

  function release(row) {
    row.letGo?.();
    row.letGo = row.held = undefined;
  }

  // When no tab has it in hand.
  const released = (url) => navigator.locks?.request(url, () => {}).catch(() => {});

  // --- what is done ----------------------------------------------------------------------------------

  const act = {
    pause(row) {
      row.upload.abort();
      enter(row, "paused");
      startNext();
    },
    resume(row) {
      enter(row, "waiting");
      startNext();
    },
    async cancel(row) {
      enter(row, "cancelling");
      row.upload?.abort();
      const url = row.upload?.url ?? row.url;
      try {
        // What another tab has in hand is for that one to cancel.
        if (!url || (await hold(row, url))) {
          await terminate(url);
          enter(row, "cancelled");
        }
        drop(row);
      } catch {
        enter(row, "stuck");
      }
      startNext();
    },
  };

  // Takes an upload from the server, then out of the storage; none that has not begun.
  async function terminate(url) {
    if (!url) return;
    try {
      await tus.Upload.terminate(url, { retryDelays: CANCEL_DELAYS });
    } catch (error) {
      if (![404, 410].includes(error.originalResponse?.getStatus())) throw error;
    }
    await forget(url);
  }

  async function forget(url) {
    const known = await storage.findAllUploads();
    const keys = known.filter((entry) => entry.uploadUrl === url).map((entry) => entry.urlStorageKey);
    await Promise.all(keys.map((key) => storage.removeUpload(key)));
  }

  function add(file) {
    const same = (row) => ["name", "size", "type", "lastModified"].every((field) => row.file[field] === file[field]);
    if ([...rows].some((row) => row.state !== "done" && same(row))) {
      document.getElementById("news").textContent = `${file.name}: ${text("again")}`;
      return;
    }
    const row = newRow(file.name, file.size, list);
    row.file = file;
    row.upload = new tus.Upload(file, options(row, file));
    rows.add(row);
    enter(row, "waiting");
  }

  function options(row, file) {
    return {
      endpoint,
      chunkSize: Number(form.dataset.chunk),
      metadata: { filename: file.name, filetype: file.type || "application/octet-stream" },
      retryDelays: RETRY_DELAYS,
      removeFingerprintOnSuccess: true,
      onUploadUrlAvailable: () => hold(row, row.upload.url),
      onProgress: (sent) => progress(row, sent),
      onSuccess: () => {
        finish(row);
        startNext();
      },
      onError: () => {
        enter(row, navigator.onLine ? "failed" : "offline");
        startNext();
      },
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        const retries = navigator.onLine && (status < 400 || status >= 500 || PASSING.includes(status));
        if (retries) enter(row, "retrying");
        return retries;
      },
      // The client would begin anew when the server cannot say how far it is. It can, a moment later.
      onAfterResponse: (request, response) => {
        const status = response.getStatus();
        const unknown = request.getMethod() === "HEAD" && (status >= 500 || PASSING.includes(status));
        if (unknown) throw new Error(`HTTP ${status}`);
      },
    };
  }

  async function startNext() {
    const running = () => [...rows].filter((row) => RUNNING.includes(row.state)).length;
    for (const row of rows) {
      if (row.state !== "waiting" || running() >= AT_ONCE) continue;
      enter(row, "uploading");
      const start = ++row.starts;
      if (!row.upload.url) {
        const previous = await takePrevious(row);
        if (previous) row.upload.resumeFromPreviousUpload(previous);
        if (remembered.has(previous?.uploadUrl)) drop(remembered.get(previous.uploadUrl));
      }
      // Somebody may have pressed a button, or two.
      if (row.state === "uploading" && row.starts === start) row.upload.start();
      else if (!rows.has(row)) release(row);
    }
  }

  // What was begun of the same file, and is in no other tab's hands.
  async function takePrevious(row) {
    for (const previous of await row.upload.findPreviousUploads()) {
      if (await hold(row, previous.uploadUrl)) return previous;
    }
    return undefined;
  }

  function addAll(files) {
    for (const file of files) add(file);
    startNext();
  }

  // --- what was begun before -------------------------------------------------------------------------

  // Shows what is in the storage, of an earlier visit, until its file is chosen again; what another tab has in hand
  // as soon as that one lets go of it unfinished.
  async function showRemembered(entry) {
    const url = entry.uploadUrl;
    await released(url);
    const known = await storage.findAllUploads();
    if (!known.some((other) => other.uploadUrl === url)) return;
    const sent = await offset(entry);
    if (sent === null || [...rows].some((row) => row.upload.url === url)) return;
    const whole = sent === entry.size;
    const row = newRow(entry.metadata?.filename ?? url, entry.size ?? 0, whole ? list : unfinished.querySelector("ul"));
    Object.assign(row, { url, sent });
    if (whole) {
      // Only the last answer was lost.
      finish(row);
      await storage.removeUpload(entry.urlStorageKey);
      return;
    }
    enter(row, "unfinished");
    remembered.set(url, row);
    unfinished.hidden = false;
  }

  async function showAllRemembered() {
    const known = await storage.findAllUploads();
    for (const entry of known.filter((entry) => entry.uploadUrl)) showRemembered(entry);
  }

  // How much of an upload has arrived; null, and forgotten, if the server knows nothing of it.
  async function offset(entry) {
    try {
      const response = await fetch(entry.uploadUrl, HEAD);
      if ([404, 410].includes(response.status)) {
        await storage.removeUpload(entry.urlStorageKey);
        return null;
      }
      return Number(response.headers.get("Upload-Offset"));
    } catch {
      return 0;
    }
  }

  // --- what happens ----------------------------------------------------------------------------------

  function network() {
    document.getElementById("network").hidden = navigator.onLine;
    for (const row of rows) {
      if (navigator.onLine && row.state === "offline") enter(row, "waiting");
    }
    startNext();
  }

  addEventListener("online", network);
  addEventListener("offline", network);
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
  form.addEventListener("submit", (event) => event.preventDefault());

  pick.disabled = false;
  // Its label is the button from now on.
  pick.classList.add("unseen");
  network();
  showAllRemembered();
})();
