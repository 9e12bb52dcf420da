"""The probe in short, by boto3: second_client.py ENDPOINT ACCESS_KEY SECRET_KEY"""

import hashlib
import io
import os
import sys
import urllib.request
import zlib
import base64
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET = "second-client"
MIB = 1024 * 1024


def refused(call, **arguments):
    try:
        call(Bucket=BUCKET, **arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError(f"{arguments} was not refused")


def crc32(body):
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def objects(s3):
    for size in (0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB):
        body = os.urandom(size)
        etag = s3.put_object(Bucket=BUCKET, Key=f"size/{size}", Body=body, Metadata={"a": "1"})["ETag"]
        assert etag.strip('"') == hashlib.md5(body).hexdigest()
        got = s3.get_object(Bucket=BUCKET, Key=f"size/{size}", ChecksumMode="ENABLED")
        assert got["Body"].read() == body and got["Metadata"] == {"a": "1"}
        assert got["ChecksumCRC32"] == crc32(body) and got["ChecksumType"] == "FULL_OBJECT"
    for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"):
        try:
            s3.put_object(Bucket=BUCKET, Key="sum", Body=b"x" * 100_000, ChecksumAlgorithm=algorithm)
        except Exception as error:  # botocore without awscrt cannot compute all of them
            assert "crt" in str(error).lower(), error
    assert refused(s3.put_object, Key="bad", Body=b"x", ChecksumSHA256=base64.b64encode(bytes(32)).decode())[0] == 400
    assert refused(s3.get_object, Key="bad") == (404, "NoSuchKey")
    assert refused(s3.head_object, Key="bad")[0] == 404


def conditions(s3):
    def create(number):
        try:
            s3.put_object(Bucket=BUCKET, Key="create", Body=b"%d" % number, IfNoneMatch="*")
            return 1
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412)
            return 0

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(create, range(32))) == 1
    etag = s3.head_object(Bucket=BUCKET, Key="create")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="create", Body=b"next", IfMatch=etag)
    assert refused(s3.put_object, Key="create", Body=b"late", IfMatch=etag) == (412, "PreconditionFailed")
    assert refused(s3.put_object, Key="absent", Body=b"x", IfMatch=etag) == (404, "NoSuchKey")
    now = s3.head_object(Bucket=BUCKET, Key="create")["ETag"]
    assert refused(s3.get_object, Key="create", IfNoneMatch=now)[0] == 304


def multipart(s3):
    body = os.urandom(17 * MIB + 3)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "multipart", Config=config)
    head = s3.head_object(Bucket=BUCKET, Key="multipart", ChecksumMode="ENABLED")
    assert head["ETag"].strip('"').endswith("-4") and head["ChecksumCRC32"] == crc32(body)
    target = io.BytesIO()
    s3.download_fileobj(BUCKET, "multipart", target, Config=config)
    assert target.getvalue() == body
    s3.copy({"Bucket": BUCKET, "Key": "multipart"}, BUCKET, "copied", Config=config)
    assert s3.get_object(Bucket=BUCKET, Key="copied")["Body"].read() == body
    ranged = s3.get_object(Bucket=BUCKET, Key="multipart", Range=f"bytes={5 * MIB - 1}-{5 * MIB + 1}")
    assert ranged["Body"].read() == body[5 * MIB - 1 : 5 * MIB + 2]
    part = s3.get_object(Bucket=BUCKET, Key="multipart", PartNumber=2)
    assert part["Body"].read() == body[5 * MIB : 10 * MIB] and part["PartsCount"] == 4
    sizes = s3.get_object_attributes(Bucket=BUCKET, Key="multipart", ObjectAttributes=["ObjectParts", "ObjectSize"])
    assert sizes["ObjectSize"] == len(body) and sizes["ObjectParts"]["TotalPartsCount"] == 4


def listings(s3):
    keys = sorted(f"list/{folder}/{name}" for folder in "abc" for name in ("a b", "+", "%2F", "\u00fc", "\U0001f600"))
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    for operation in ("list_objects_v2", "list_objects"):
        pages = s3.get_paginator(operation).paginate(Bucket=BUCKET, Prefix="list/", PaginationConfig={"PageSize": 4})
        found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        assert found == keys, (operation, found)
        pages = s3.get_paginator(operation).paginate(
            Bucket=BUCKET, Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 2}
        )
        folders = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
        assert folders == ["list/a/", "list/b/", "list/c/"], (operation, folders)
    deleted = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(deleted["Deleted"]) == len(keys)
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="list/")["KeyCount"] == 0


def presigned(s3):
    arguments = {"Bucket": BUCKET, "Key": "presigned +\u00fc"}
    url = s3.generate_presigned_url("put_object", Params=arguments)
    request = urllib.request.Request(url, data=b"presigned body", method="PUT")
    request.add_header("Content-Type", "")
    urllib.request.urlopen(request).read()
    url = s3.generate_presigned_url("get_object", Params=arguments)
    assert urllib.request.urlopen(url).read() == b"presigned body"
    form = s3.generate_presigned_post(BUCKET, "form", Conditions=[["content-length-range", 1, 10]])
    assert post(form, b"form body") in (200, 204)
    assert s3.get_object(Bucket=BUCKET, Key="form")["Body"].read() == b"form body"
    assert post(form, b"a body that is too long") == 400


def post(form, body):
    boundary = "boundary7d1"
    lines = [f'--{boundary}\r\ncontent-disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in form["fields"].items()]
    lines.append(f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n')
    data = "".join(lines).encode() + body + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(form["url"], data=data, method="POST")
    request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code


def main(endpoint, access_key, secret_key):
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1})
    s3 = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=access_key, aws_secret_access_key=secret_key,
        region_name="us-east-1", config=config,
    )
    s3.create_bucket(Bucket=BUCKET)
    for check in (objects, conditions, multipart, listings, presigned):
        check(s3)
    assert refused(s3.delete_bucket) == (409, "BucketNotEmpty")


main(*sys.argv[1:])
