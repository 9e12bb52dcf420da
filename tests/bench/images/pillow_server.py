"""The simplest image host: Python's own server, and Pillow. Decodes the body, makes a thumbnail, writes both to the
folder that is named, and answers with the size."""

import io
import json
import os
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

folder = sys.argv[1]


class Upload(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        image = Image.open(io.BytesIO(data))
        image.load()
        size = image.size
        image.thumbnail((320, 320))
        name = os.path.join(folder, uuid.uuid4().hex)
        for path, write in ((name + ".jpg", lambda file: file.write(data)),
                            (name + ".s.jpg", lambda file: image.save(file, "JPEG"))):
            with open(path, "wb") as file:
                write(file)
                file.flush()
                # As durable as what it is compared with.
                os.fsync(file.fileno())
        answer = json.dumps({"width": size[0], "height": size[1]}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Upload)
print("listening on http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
