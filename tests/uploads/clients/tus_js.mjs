// Uploads a file by tus-js-client as it is published. The modules are where the installation script puts
// them: argument 2. Argument 3 is JSON: what to do, of which MODES below. Prints one line of JSON: the
// upload's URL, how many requests of which method were sent, whether it was resumed, whether the server was busy once.
import { createReadStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { Readable } from "node:stream";

const modules = createRequire(`${process.argv[2]}/`);
const tus = modules("tus-js-client");
const task = JSON.parse(process.argv[3]);
const requests = {};
// A busy server asks its clients to come again, and only then they do.
const BUSY = 503;
let busy = false;

// Its source for files does not know its last piece when it is not the first (4.3.1), which the IETF draft
// depends on, and cannot make an empty one. The source for buffers, like that of browsers, can.
const stream = () => createReadStream(task.path);
const buffer = () => readFileSync(task.path);

const MODES = {
  // In chunks of `chunkSize`, or in one request without it.
  single: () => upload(stream(), {}),
  parallel: () => upload(buffer(), { parallelUploads: 4 }),
  creation: () => upload(buffer(), { uploadDataDuringCreation: true }),
  // The length comes with the last chunk.
  deferred: () => upload(buffer(), { uploadLengthDeferred: true }),
  // The length comes after the last chunk, in an empty request, as from a browser's stream.
  "deferred-stream": () => upload(stream(), { uploadLengthDeferred: true, fileReader: { openFile: browserStream } }),
  "ietf-draft-03": () => upload(buffer(), { protocol: "ietf-draft-03" }),
  "ietf-draft-05": () => upload(buffer(), { protocol: "ietf-draft-05" }),
  "ietf-draft-05-creation": () => upload(buffer(), { protocol: "ietf-draft-05", uploadDataDuringCreation: true }),
  resume: () => resume({}),
  "resume-ietf-draft-05": () => resume({ protocol: "ietf-draft-05" }),
  terminate,
};

function options(more, settle) {
  return {
    endpoint: task.endpoint,
    chunkSize: task.chunkSize ?? Number.POSITIVE_INFINITY,
    metadata: { filename: basename(task.path), filetype: "application/octet-stream" },
    retryDelays: [100, 1000, 3000],
    onShouldRetry: (error) => error.originalResponse?.getStatus() === BUSY,
    onAfterResponse: (_, response) => {
      busy ||= response.getStatus() === BUSY;
    },
    onBeforeRequest: (request) => {
      const method = request.getMethod();
      requests[method] = (requests[method] ?? 0) + 1;
    },
    onSuccess: settle.resolve,
    onError: settle.reject,
    ...more,
  };
}

async function upload(file, more) {
  const { promise, settle } = pending();
  const own = new tus.Upload(file, options(more, settle));
  own.start();
  await promise;
  return { url: own.url };
}

// Breaks off after `abortAfter` bytes, within a request; what is left of an upload then is in `storage`.
async function interrupt(more, terminates) {
  const { promise, settle } = pending();
  const own = new tus.Upload(
    buffer(),
    options({ ...more, onProgress: (sent) => sent >= task.abortAfter && settle.resolve("interrupted") }, settle),
  );
  own.start();
  const how = await promise;
  await own.abort(terminates);
  return { url: own.url, interrupted: how === "interrupted" };
}

async function resume(protocol) {
  const more = { ...protocol, urlStorage: new tus.FileUrlStorage(task.storage) };
  const { interrupted } = await interrupt(more, false);
  const { promise, settle } = pending();
  // As after a restart of the client: a new object, which knows no more than what was stored.
  const own = new tus.Upload(buffer(), options({ ...more, urlStorage: new tus.FileUrlStorage(task.storage) }, settle));
  const [previous] = await own.findPreviousUploads();
  if (previous) own.resumeFromPreviousUpload(previous);
  own.start();
  await promise;
  return { url: own.url, resumed: interrupted && own.url === previous?.uploadUrl };
}

async function terminate() {
  return interrupt({}, true);
}

async function browserStream(input) {
  const { default: StreamSource } = modules("tus-js-client/lib.es5/browser/sources/StreamSource.js");
  const source = new StreamSource(Readable.toWeb(input).getReader());
  const slice = source.slice.bind(source);
  source.slice = async (start, end) => {
    const piece = await slice(start, end);
    // What the source for streams of this platform adds, and the request takes its length from.
    if (piece.value) piece.value.size = piece.value.length;
    return piece;
  };
  return source;
}

function pending() {
  const settle = {};
  const promise = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return { promise, settle };
}

try {
  const result = await MODES[task.mode]();
  console.log(JSON.stringify({ ...result, requests, busy }));
  // An aborted request may keep the process alive.
  process.exit(0);
} catch (error) {
  console.error(error?.message ?? error);
  process.exit(1);
}
