"""Objects in S3 or a compatible server, through boto3 and its usual credential chain.

Conditional writes are S3's own (`If-None-Match: *`, `If-Match`): see "Conditional writes" in the
Amazon S3 User Guide.
"""

from __future__ import annotations

import datetime as dt
import errno
import io
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    IncompleteReadError,
    ReadTimeoutError,
)

from callveil.transforms.storage.files.s3_errors import (
    ATTEMPTS,
    CONNECT_SECONDS,
    READ_SECONDS,
    code_of,
    limit_retries,
    translate_errors,
)
from callveil.transforms.storage.files.s3_reader import open_ranged
from callveil.transforms.storage.files.urls import (
    FileInfo,
    Infos,
    Names,
    ObjectLocked,
    PreconditionFailed,
    S3Settings,
    fixed_prefix,
    glob_regex,
    has_magic,
    hidden_below,
    split_s3,
)

PART_BYTES = 16 << 20
_NONCE = "callveil-write"
"""Metadata of an object written under a condition: a random name of that write, so that its
repetition knows its own work.
"""
_PART = re.compile(r"bytes (\d+)-(\d+)/")
_CONFLICTS = ("ConditionalRequestConflict", "OperationAborted")
_DAMAGED = (
    "BadDigest",
    "XAmzContentSHA256Mismatch",
    "XAmzContentChecksumMismatch",
    "InvalidDigest",
)
_Result = TypeVar("_Result")
_making_client = threading.Lock()
_silent: set[S3Settings] = set()
"""Servers that did not answer the last request of this process."""


class S3Files:
    """The S3 half of `Files`; same methods. The client is made on first use in each process and
    never pickled.
    """

    def __init__(self, settings: S3Settings) -> None:
        self.settings = settings
        self._made: dict[tuple[int, int, int], Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"settings": self.settings, "_made": {}}

    @property
    def client(self) -> Any:
        """boto3's S3 client of this process; safe to share between threads.

        Where a request has had no answer in all its attempts, those that follow, most often to
        clear up, do not wait as long again.
        """
        how = (
            (os.getpid(), 1, CONNECT_SECONDS)
            if self.settings in _silent
            else (os.getpid(), ATTEMPTS, READ_SECONDS)
        )
        if how not in self._made:
            with _making_client:
                if how not in self._made:
                    self._made[how] = self._client(*how[1:])
        return self._made[how]

    def _client(self, attempts: int, seconds: int) -> Any:
        custom = (
            self.settings.endpoint_url
            or os.environ.get("AWS_ENDPOINT_URL_S3")
            or os.environ.get("AWS_ENDPOINT_URL")
        )
        import boto3  # which takes half a second to load, and a store on disk does without

        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=seconds,
            s3={"addressing_style": "path"} if custom else None,
            max_pool_connections=32,
        )
        where = {"endpoint_url": self.settings.endpoint_url, "region_name": self.settings.region}
        client = limit_retries(
            boto3.session.Session().client("s3", config=config, **where), "s3", attempts
        )
        client.meta.events.register("after-call.s3", self._answered)
        client.meta.events.register("after-call-error.s3", self._failed)
        return client

    def _answered(self, **_: Any) -> None:
        _silent.discard(self.settings)

    def _failed(self, exception: Exception, **_: Any) -> None:
        if isinstance(exception, ReadTimeoutError | ConnectTimeoutError):
            _silent.add(self.settings)

    def info(self, url: str) -> FileInfo | None:
        bucket, key = split_s3(url)
        if not key or key.endswith("/"):
            return None
        try:
            with translate_errors(url):
                head = self.client.head_object(Bucket=bucket, Key=key)
        except FileNotFoundError:
            return None
        return FileInfo(
            url,
            int(head["ContentLength"]),
            str(head["ETag"]).strip('"'),
            head["LastModified"].timestamp(),
        )

    def read(
        self, url: str, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> bytes:
        bucket, key = split_s3(url)
        if length == 0:
            return b""
        args: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if start or length is not None:
            args["Range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        if etag:
            args["IfMatch"] = f'"{etag}"'
        with translate_errors(url):
            return self._body(args)

    def _body(self, args: dict[str, Any]) -> bytes:
        """Make one GET and return its body; botocore tries again what fails before the body, and
        this what breaks off or comes damaged within it.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self.client.get_object(**args)
            except ClientError as error:
                if code_of(error) == "InvalidRange":
                    return b""
                raise
            try:
                data: bytes = answer["Body"].read()
                part = _PART.match(answer.get("ContentRange") or "")
                if part and len(data) != (wanted := int(part[2]) - int(part[1]) + 1):
                    raise IncompleteReadError(actual_bytes=len(data), expected_bytes=wanted)
                return data
            except BotoCoreError as error:
                if attempt == ATTEMPTS:
                    self._failed(error)
                    raise
                time.sleep(0.2 * attempt)
        raise AssertionError("unreachable")

    def open(self, url: str, offset: int = 0) -> BinaryIO:
        info = self.info(url)
        if info is None:
            raise FileNotFoundError(errno.ENOENT, "no such object", url)
        source = open_ranged(self.read, info)
        source.seek(offset)
        return source

    def write(
        self, url: str, data: bytes | BinaryIO, if_none_match: bool, if_match: str | None
    ) -> str:
        bucket, key = split_s3(url)
        condition = (
            {"IfNoneMatch": "*"}
            if if_none_match
            else {"IfMatch": f'"{if_match}"'}
            if if_match is not None
            else {}
        )
        where: dict[str, Any] = {"Bucket": bucket, "Key": key}
        made = where | ({"Metadata": {_NONCE: uuid.uuid4().hex}} if condition else {})
        head = (
            bytes(data)
            if isinstance(data, bytes | bytearray | memoryview)
            else data.read(PART_BYTES + 1)
        )
        stream = io.BytesIO(head) if isinstance(data, bytes | bytearray | memoryview) else data
        try:
            with translate_errors(url):
                if len(head) <= PART_BYTES:
                    return self._etag(
                        made, lambda: self.client.put_object(**made, Body=head, **condition)
                    )
                if stream is not data:
                    head = stream.read(PART_BYTES)
                return self._multipart(made, head, stream, condition)
        except FileNotFoundError:
            if (
                if_match is not None
            ):  # S3 answers 404, not 412, where the object to be replaced is gone
                raise PreconditionFailed(
                    errno.EAGAIN, "the object is gone since it was read", url
                ) from None
            raise

    def _etag(self, made: dict[str, Any], call: Callable[[], Any]) -> str:
        """Run a write; S3 asks for a retry (409) where another request to the key was under way,
        and refuses a body that came damaged.

        Where the answer to a write that happened was lost, botocore repeats it, and its condition
        fails for its own work: the nonce tells.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return str(call()["ETag"]).strip('"')
            except ClientError as error:
                code = code_of(error)
                lost = code in (
                    "PreconditionFailed",
                    "NoSuchUpload",
                    *_CONFLICTS,
                ) and error.response["ResponseMetadata"].get("RetryAttempts")
                if lost and (etag := self._own(made)):
                    return etag
                if code not in (*_CONFLICTS, *_DAMAGED) or attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _own(self, made: dict[str, Any]) -> str:
        """Return the etag of the object where it is the one this write made, or nothing."""
        try:
            head = self.client.head_object(Bucket=made["Bucket"], Key=made["Key"])
        except ClientError:
            return ""
        nonce = made.get("Metadata", {}).get(_NONCE)
        return (
            str(head["ETag"]).strip('"')
            if nonce and head.get("Metadata", {}).get(_NONCE) == nonce
            else ""
        )

    def _multipart(
        self, made: dict[str, Any], head: bytes, stream: BinaryIO, condition: dict[str, str]
    ) -> str:
        made.setdefault(
            "Metadata", {_NONCE: uuid.uuid4().hex}
        )  # a lost answer leaves no upload to complete, condition or not
        begun = self.client.create_multipart_upload(**made, ChecksumAlgorithm="CRC32")
        upload = {"Bucket": made["Bucket"], "Key": made["Key"], "UploadId": begun["UploadId"]}
        parts: list[dict[str, Any]] = []
        try:
            while head:
                body, head = head[:PART_BYTES], head[PART_BYTES:]
                while len(body) < PART_BYTES and (more := stream.read(PART_BYTES - len(body))):
                    body += more
                answer = self.client.upload_part(
                    **upload, PartNumber=len(parts) + 1, Body=body, ChecksumAlgorithm="CRC32"
                )
                checksums = {
                    k: v
                    for k, v in answer.items()
                    if k.startswith("Checksum") and k != "ChecksumType"
                }
                parts.append({"PartNumber": len(parts) + 1, "ETag": answer["ETag"], **checksums})
                head = head or stream.read(PART_BYTES)
            return self._etag(
                made,
                lambda: self.client.complete_multipart_upload(
                    **upload, MultipartUpload={"Parts": parts}, **condition
                ),
            )
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                self.client.abort_multipart_upload(**upload)
            raise

    def delete(self, url: str) -> None:
        bucket, key = split_s3(url)
        with translate_errors(url):
            self.client.delete_object(Bucket=bucket, Key=key)

    def purge(self, url: str, older: bool = False, if_match: str | None = None) -> Names:
        bucket, key = split_s3(url)
        gone: list[str] = []
        refused: list[tuple[str, str]] = []
        with translate_errors(url):
            doomed = (
                self._older(bucket, key).get(key, [])
                if older
                else list(self._versions(bucket, key))
            )
            now = (
                self.info(url) if if_match is not None else None
            )  # after the list: what comes later is not in it
            if now is not None and now.etag != if_match:
                raise PreconditionFailed(errno.EAGAIN, "the object changed since it was read", url)
            for version in doomed:
                try:
                    self.client.delete_object(Bucket=bucket, Key=key, VersionId=version)
                    gone.append(version)
                except ClientError:
                    if self._is_locked(bucket, key, version):
                        refused.append((url, version))
                    elif version in self._versions(bucket, key):
                        raise
                    # else another process has purged it meanwhile: AWS calls that a success, other
                    # servers an invalid argument
        if refused:
            raise ObjectLocked(refused)
        return gone

    def _versions(self, bucket: str, key: str) -> Iterator[str]:
        """Yield ids of every version and delete marker of exactly this key. A bucket without
        versioning has one, called `null`.
        """
        for page in self.client.get_paginator("list_object_versions").paginate(
            Bucket=bucket, Prefix=key
        ):
            for group in ("Versions", "DeleteMarkers"):
                for item in page.get(group, ()):
                    if item["Key"] == key:
                        yield str(item["VersionId"])

    def superseded(self, folder: str) -> Names:
        bucket, key = split_s3(folder.rstrip("/") + "/")
        with translate_errors(folder):
            return sorted(f"s3://{bucket}/{name}" for name in self._older(bucket, key))

    def _older(self, bucket: str, prefix: str) -> dict[str, list[str]]:
        """Return versions below a prefix that are not the present content of their key, by key; a
        deleted key's delete marker comes last.
        """
        out: dict[str, list[str]] = {}
        markers: dict[str, str] = {}
        for page in self.client.get_paginator("list_object_versions").paginate(
            Bucket=bucket, Prefix=prefix
        ):
            for item in page.get("Versions", ()):
                if not item["IsLatest"]:
                    out.setdefault(item["Key"], []).append(str(item["VersionId"]))
            for item in page.get("DeleteMarkers", ()):
                if item["IsLatest"]:
                    markers[item["Key"]] = str(item["VersionId"])
                else:
                    out.setdefault(item["Key"], []).append(str(item["VersionId"]))
        return {
            key: versions + ([markers[key]] if key in markers else [])
            for key, versions in out.items()
        }

    def _is_locked(self, bucket: str, key: str, version: str) -> bool:
        try:
            head = self.client.head_object(Bucket=bucket, Key=key, VersionId=version)
        except ClientError:
            return False
        return "ObjectLockMode" in head or head.get("ObjectLockLegalHoldStatus") == "ON"

    def list(self, folder: str) -> Iterator[FileInfo]:
        bucket, key = split_s3(folder.rstrip("/") + "/")
        yield from self._listed(bucket, key)

    def _listed(self, bucket: str, prefix: str) -> Iterator[FileInfo]:
        with translate_errors(f"s3://{bucket}/{prefix}"):
            for page in self.client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix
            ):
                for item in page.get("Contents", ()):
                    if not item["Key"].endswith("/"):  # consoles make empty objects to show folders
                        name, etag = f"s3://{bucket}/{item['Key']}", str(item["ETag"]).strip('"')
                        yield FileInfo(
                            name, int(item["Size"]), etag, item["LastModified"].timestamp()
                        )

    def glob(self, pattern: str) -> Infos:
        if has_magic(pattern):
            regex = glob_regex(pattern)
            bucket, prefix = split_s3(fixed_prefix(pattern))
            return sorted(
                f
                for f in self._listed(bucket, prefix)
                if f.url == pattern or regex.fullmatch(f.url)
            )
        exact = self.info(pattern)
        if exact:
            return [exact]
        folder = pattern.rstrip("/")
        return sorted(f for f in self.list(folder) if not hidden_below(f.url, folder))

    def abort_uploads(self, root: str, before: dt.datetime) -> Names:
        """Abort multipart uploads under `root` begun before `before`: their parts are stored, and
        billed, though no listing shows them.
        """
        bucket, prefix = split_s3(root.rstrip("/") + "/")
        aborted = []
        with translate_errors(root):
            for page in self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, Prefix=prefix
            ):
                for item in page.get("Uploads", ()):
                    if item["Initiated"] < before:
                        self.client.abort_multipart_upload(
                            Bucket=bucket, Key=item["Key"], UploadId=item["UploadId"]
                        )
                        aborted.append(f"s3://{bucket}/{item['Key']}")
        return sorted(aborted)
