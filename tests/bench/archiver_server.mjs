// Serves a directory as a ZIP by archiver, the way its documentation shows: piped into the response,
// and stored. The modules are where the installation script puts them: argument 2; the directory: 3.
import http from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, directory] = process.argv.slice(2);
const { ZipArchive } = await import(pathToFileURL(createRequire(`${modules}/`).resolve("archiver")));

const server = http.createServer((request, response) => {
  const archive = new ZipArchive({ store: true });
  archive.on("error", (error) => response.destroy(error));
  response.writeHead(200, { "Content-Type": "application/zip" });
  archive.pipe(response);
  archive.directory(directory, false);
  archive.finalize();
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
