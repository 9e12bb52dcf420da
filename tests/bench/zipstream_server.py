"""Serves a directory as a ZIP by zipstream-ng, the way its documentation shows: sized, so that the
length is known, and stored."""

import http.server
import sys

from zipstream import ZIP_STORED, ZipStream


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        archive = ZipStream.from_path(sys.argv[1], compress_type=ZIP_STORED, sized=True)
        self.send_response(200)
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(archive)))
        self.end_headers()
        self.wfile.writelines(archive)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
