"""Objects in S3 or a compatible server, through boto3 and its usual credential chain.

Conditional writes are S3's own (`If-None-Match: *`, `If-Match`): see "Conditional writes" in the Amazon S3 User Guide.
"""

from __future__ import annotations

import datetime as dt
import errno
import io
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from callveil.transforms.store.paths import (
    FileInfo,
    FilesError,
    Infos,
    Names,
    ObjectLocked,
    PreconditionFailed,
    fixed_prefix,
    glob_regex,
    has_magic,
    hidden_below,
    split_s3,
)

RANGE_BYTES = 4 << 20
PART_BYTES = 16 << 20
ATTEMPTS = 4
_CONFLICTS = ("ConditionalRequestConflict", "OperationAborted")
_MISSING = ("404", "NoSuchKey", "NoSuchVersion", "NotFound")
_Result = TypeVar("_Result")
_making_client = threading.Lock()


@dataclass(frozen=True)
class S3Settings:
    """Where S3 is. Credentials are never kept here: boto3's chain finds them (environment, profile, instance role).

    Attributes:
        endpoint_url: of a compatible server; None for AWS, or for what AWS_ENDPOINT_URL says.
        region: None for what the environment says.
    """

    endpoint_url: str | None = None
    region: str | None = None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn botocore's errors into ones that say what to do."""
    try:
        yield
    except NoCredentialsError:
        raise FilesError(errno.EACCES, "no S3 credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role", url) from None
    except ClientError as error:
        code = _code(error)
        if code in _MISSING:
            raise FileNotFoundError(errno.ENOENT, "no such object", url) from None
        if code == "NoSuchBucket":
            raise FilesError(errno.ENOENT, "the bucket does not exist; check its name, the region and the endpoint", url) from None
        if code == "PreconditionFailed":
            raise PreconditionFailed(errno.EAGAIN, "the object already exists, or changed since it was read", url) from None
        if code in ("AccessDenied", "403", "Forbidden"):
            raise FilesError(errno.EACCES, f"S3 refused {error.operation_name}; check the bucket policy and the role's permissions", url) from None
        raise FilesError(errno.EIO, f"S3 answered {code or 'an error'} to {error.operation_name}", url) from None
    except BotoCoreError as error:
        raise FilesError(errno.EIO, f"S3 could not be reached ({type(error).__name__}); check endpoint, region and network", url) from None


class RangedReader(io.RawIOBase):
    """A seekable view of one object, read by ranged GETs. It fails if the object is replaced while being read."""

    def __init__(self, s3: S3Files, info: FileInfo) -> None:
        self._s3, self._info, self._at = s3, info, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._info.size}[whence]
        if at < 0:
            raise ValueError("cannot seek before the beginning")
        self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        want = min(len(view), self._info.size - self._at)
        if want <= 0:
            return 0
        data = self._s3.read(self._info.url, self._at, want, self._info.etag)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self) -> bytes:
        data = self._s3.read(self._info.url, self._at, None, self._info.etag) if self._at < self._info.size else b""
        self._at += len(data)
        return data


class S3Files:
    """The S3 half of `Files`; same methods. The client is made on first use in each process and never pickled."""

    def __init__(self, settings: S3Settings) -> None:
        self.settings = settings
        self._made: tuple[int, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"settings": self.settings, "_made": None}

    @property
    def client(self) -> Any:
        """boto3's S3 client of this process; safe to share between threads."""
        if self._made is None or self._made[0] != os.getpid():
            with _making_client:
                if self._made is None or self._made[0] != os.getpid():
                    custom = self.settings.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
                    config = Config(
                        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                        s3={"addressing_style": "path"} if custom else None,
                        max_pool_connections=32,
                    )
                    where = {"endpoint_url": self.settings.endpoint_url, "region_name": self.settings.region}
                    self._made = (os.getpid(), boto3.session.Session().client("s3", config=config, **where))
        return self._made[1]

    def info(self, url: str) -> FileInfo | None:
        bucket, key = split_s3(url)
        if not key or key.endswith("/"):
            return None
        try:
            with _explained(url):
                head = self.client.head_object(Bucket=bucket, Key=key)
        except FileNotFoundError:
            return None
        return FileInfo(url, int(head["ContentLength"]), str(head["ETag"]).strip('"'), head["LastModified"].timestamp())

    def read(self, url: str, start: int = 0, length: int | None = None, etag: str | None = None) -> bytes:
        bucket, key = split_s3(url)
        if length == 0:
            return b""
        args: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if start or length is not None:
            args["Range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        if etag:
            args["IfMatch"] = f'"{etag}"'
        with _explained(url):
            return self._body(args)

    def _body(self, args: dict[str, Any]) -> bytes:
        """One GET with its body; a connection that breaks in the middle of the body is not retried by botocore, so it is here."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return cast(bytes, self.client.get_object(**args)["Body"].read())
            except ClientError as error:
                if _code(error) == "InvalidRange":
                    return b""
                raise
            except BotoCoreError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def open(self, url: str, offset: int = 0) -> BinaryIO:
        info = self.info(url)
        if info is None:
            raise FileNotFoundError(errno.ENOENT, "no such object", url)
        source = io.BufferedReader(RangedReader(self, info), RANGE_BYTES)
        source.seek(offset)
        return cast(BinaryIO, source)

    def write(self, url: str, data: bytes | BinaryIO, if_none_match: bool, if_match: str | None) -> str:
        bucket, key = split_s3(url)
        condition = {"IfNoneMatch": "*"} if if_none_match else {"IfMatch": f'"{if_match}"'} if if_match is not None else {}
        where = {"Bucket": bucket, "Key": key}
        head = bytes(data) if isinstance(data, bytes | bytearray | memoryview) else data.read(PART_BYTES + 1)
        stream = io.BytesIO(head) if isinstance(data, bytes | bytearray | memoryview) else data
        try:
            with _explained(url):
                if len(head) <= PART_BYTES:
                    return self._etag(lambda: self.client.put_object(**where, Body=head, **condition))
                if stream is not data:
                    head = stream.read(PART_BYTES)
                return self._multipart(where, head, stream, condition)
        except FileNotFoundError:
            if if_match is not None:  # S3 answers 404, not 412, where the object to be replaced is gone
                raise PreconditionFailed(errno.EAGAIN, "the object is gone since it was read", url) from None
            raise

    @staticmethod
    def _etag(call: Callable[[], Any]) -> str:
        """Run a write; S3 asks for a retry (409) where another request to the key was under way."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return str(call()["ETag"]).strip('"')
            except ClientError as error:
                if _code(error) not in _CONFLICTS or attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _multipart(self, where: dict[str, str], head: bytes, stream: BinaryIO, condition: dict[str, str]) -> str:
        upload = where | {"UploadId": self.client.create_multipart_upload(**where)["UploadId"]}
        parts: list[dict[str, Any]] = []
        try:
            while head:
                body, head = head[:PART_BYTES], head[PART_BYTES:]
                while len(body) < PART_BYTES and (more := stream.read(PART_BYTES - len(body))):
                    body += more
                answer = self.client.upload_part(**upload, PartNumber=len(parts) + 1, Body=body)
                checksums = {k: v for k, v in answer.items() if k.startswith("Checksum") and k != "ChecksumType"}
                parts.append({"PartNumber": len(parts) + 1, "ETag": answer["ETag"], **checksums})
                head = head or stream.read(PART_BYTES)
            return self._etag(lambda: self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **condition))
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                self.client.abort_multipart_upload(**upload)
            raise

    def delete(self, url: str) -> None:
        bucket, key = split_s3(url)
        with _explained(url):
            self.client.delete_object(Bucket=bucket, Key=key)

    def purge(self, url: str, older: bool = False) -> Names:
        bucket, key = split_s3(url)
        gone: list[str] = []
        refused: list[tuple[str, str]] = []
        with _explained(url):
            doomed = self._older(bucket, key).get(key, []) if older else list(self._versions(bucket, key))
            for version in doomed:
                try:
                    self.client.delete_object(Bucket=bucket, Key=key, VersionId=version)
                    gone.append(version)
                except ClientError:
                    if self._is_locked(bucket, key, version):
                        refused.append((url, version))
                    elif version in self._versions(bucket, key):
                        raise
                    # else another process has purged it meanwhile: AWS calls that a success, other servers an invalid argument
        if refused:
            raise ObjectLocked(refused)
        return gone

    def _versions(self, bucket: str, key: str) -> Iterator[str]:
        """Ids of every version and delete marker of exactly this key. A bucket without versioning has one, called `null`."""
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
            for group in ("Versions", "DeleteMarkers"):
                for item in page.get(group, ()):
                    if item["Key"] == key:
                        yield str(item["VersionId"])

    def superseded(self, folder: str) -> Names:
        bucket, key = split_s3(folder.rstrip("/") + "/")
        with _explained(folder):
            return sorted(f"s3://{bucket}/{name}" for name in self._older(bucket, key))

    def _older(self, bucket: str, prefix: str) -> dict[str, list[str]]:
        """Versions below a prefix that are not the present content of their key, by key; a deleted key's delete marker comes last."""
        out: dict[str, list[str]] = {}
        markers: dict[str, str] = {}
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Versions", ()):
                if not item["IsLatest"]:
                    out.setdefault(item["Key"], []).append(str(item["VersionId"]))
            for item in page.get("DeleteMarkers", ()):
                if item["IsLatest"]:
                    markers[item["Key"]] = str(item["VersionId"])
                else:
                    out.setdefault(item["Key"], []).append(str(item["VersionId"]))
        return {key: versions + ([markers[key]] if key in markers else []) for key, versions in out.items()}

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
        with _explained(f"s3://{bucket}/{prefix}"):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Contents", ()):
                    if not item["Key"].endswith("/"):  # consoles make empty objects to show folders
                        name, etag = f"s3://{bucket}/{item['Key']}", str(item["ETag"]).strip('"')
                        yield FileInfo(name, int(item["Size"]), etag, item["LastModified"].timestamp())

    def glob(self, pattern: str) -> Infos:
        if has_magic(pattern):
            regex = glob_regex(pattern)
            bucket, prefix = split_s3(fixed_prefix(pattern))
            return sorted(f for f in self._listed(bucket, prefix) if f.url == pattern or regex.fullmatch(f.url))
        exact = self.info(pattern)
        if exact:
            return [exact]
        folder = pattern.rstrip("/")
        return sorted(f for f in self.list(folder) if not hidden_below(f.url, folder))

    def abort_uploads(self, root: str, before: dt.datetime) -> Names:
        """Abort multipart uploads under `root` begun before `before`: their parts are stored, and billed, though no listing shows them."""
        bucket, prefix = split_s3(root.rstrip("/") + "/")
        aborted = []
        with _explained(root):
            for page in self.client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Uploads", ()):
                    if item["Initiated"] < before:
                        self.client.abort_multipart_upload(Bucket=bucket, Key=item["Key"], UploadId=item["UploadId"])
                        aborted.append(f"s3://{bucket}/{item['Key']}")
        return sorted(aborted)


def spooled() -> BinaryIO:
    """A nameless temporary file in TMPDIR, for building a file of unknown size before its upload; the system deletes it with its process."""
    return cast(BinaryIO, tempfile.TemporaryFile())
