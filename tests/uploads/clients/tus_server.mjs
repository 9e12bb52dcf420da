// The reference tus server, @tus/server: on a directory, or on a bucket as it is in production. The modules
// are where the installation script puts them: argument 2. From the environment: TUS_DIRECTORY, or
// S3_ENDPOINT, BUCKET and the usual AWS_* variables. TUS_PART_SIZE is the size of the parts in a bucket.
import http from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const modules = createRequire(`${process.argv[2]}/`);
const load = (name) => import(pathToFileURL(modules.resolve(name)));
const { env } = process;

async function store() {
  if (env.TUS_DIRECTORY) {
    const { FileStore } = await load("@tus/file-store");
    return new FileStore({ directory: env.TUS_DIRECTORY });
  }
  const { S3Store } = await load("@tus/s3-store");
  return new S3Store({
    partSize: Number(env.TUS_PART_SIZE ?? 8 * 1024 * 1024),
    // Tags are for the expiry of incomplete uploads, which nothing here waits for; not every store has them.
    useTags: false,
    s3ClientConfig: {
      bucket: env.BUCKET,
      region: env.AWS_REGION ?? "us-east-1",
      endpoint: env.S3_ENDPOINT,
      forcePathStyle: true,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    },
  });
}

const { Server } = await load("@tus/server");
const tus = new Server({ path: "/files", datastore: await store() });
const server = http.createServer((request, response) => tus.handle(request, response));
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
