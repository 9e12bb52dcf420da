"""Uploads a file by tuspy as it is published. Argument 1 is JSON: what to do. Prints one line of JSON: the
upload's URL, and whether it was resumed. (Its version 1.1.0 cannot defer the length.)"""

import json
import os
import sys

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

task = json.loads(sys.argv[1])
metadata = {"filename": os.path.basename(task["path"]), "filetype": "application/octet-stream"}


def uploader(**more):
    if "chunkSize" in task:
        more["chunk_size"] = task["chunkSize"]
    return TusClient(task["endpoint"]).uploader(task["path"], **more)


def upload(**more):
    own = uploader(**more)
    own.upload()
    return {"url": own.url}


def resume():
    """Stops after `abortAfter` bytes; then a new client finds in `storage` what it had begun."""
    first = uploader(metadata=metadata, store_url=True, url_storage=FileStorage(task["storage"]))
    first.upload(stop_at=min(task["abortAfter"], first.get_file_size()))
    second = uploader(metadata=metadata, store_url=True, url_storage=FileStorage(task["storage"]))
    resumed = second.url == first.url and 0 < second.offset < second.get_file_size()
    second.upload()
    return {"url": second.url, "resumed": resumed}


MODES = {
    "metadata": lambda: upload(metadata=metadata),
    "plain": upload,
    "checksum": lambda: upload(metadata=metadata, upload_checksum=True),
    "resume": resume,
}

print(json.dumps(MODES[task["mode"]]()))
