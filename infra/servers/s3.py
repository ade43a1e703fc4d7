"""A throw-away S3 server: MinIO.

with s3.started() as server:
    bucket = server.new_bucket()
    environment = server.environment()
"""

from __future__ import annotations

import secrets
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from infra.servers import minio_program
from infra.servers.guarded import LOOPBACK, Guarded, free_port
from infra.servers.minio_admin import Admin

REGION = "us-east-1"
READ_WRITE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}],
}


@dataclass(frozen=True, slots=True)
class User:
    """An account of the server."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass
class S3:
    """A running server.

    Attributes:
        user: for the platform. No policy binds the administrator, and MinIO asks bucket
            policies of anonymous callers only: what a user may do is in `new_user`.
    """

    program: minio_program.Program
    endpoint: str
    admin: Admin = field(repr=False)
    user: User = field(repr=False)
    process: Guarded = field(repr=False)

    @property
    def version(self) -> str:
        """Return the program's version, for logs."""
        return str(self.program)

    def new_bucket(self, *, object_lock: bool = False) -> str:
        """Create an empty bucket and return its name; object lock also turns versioning on."""
        name = f"t{uuid.uuid4().hex}"
        self.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=object_lock)
        return name

    def new_user(self, policy: Mapping[str, Any] = READ_WRITE) -> User:
        """Create a user to whom only this IAM policy applies."""
        user = User(f"u{uuid.uuid4().hex[:16]}", secrets.token_urlsafe(16))
        self.admin.add_user(user.access_key, user.secret_key)
        self.admin.allow(user.access_key, f"p-{user.access_key}", policy)
        return user

    def client(self, user: User | None = None) -> Any:
        """Return a boto3 client of the server, for a user or for the platform's."""
        who = user or self.user
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            config=Config(
                s3={"addressing_style": "path"}, connect_timeout=2, read_timeout=10,
                retries={"total_max_attempts": 1},
            ),
        )  # fmt: skip

    def environment(self, user: User | None = None) -> dict[str, str]:
        """Return the variables by which the platform, MLflow and boto3 find the server."""
        who = user or self.user
        return {
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": who.access_key,
            "AWS_SECRET_ACCESS_KEY": who.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def start(self) -> None:
        """Start the server again after `stop` or `kill`."""
        self.process.start(self._ready)

    def stop(self) -> None:
        """Stop the server in order."""
        self.process.stop()

    def kill(self) -> None:
        """SIGKILL the server, whatever it is doing."""
        self.process.kill()

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/minio/health/ready", timeout=2).is_success
        except httpx.TransportError:
            return False


@contextmanager
def started() -> Iterator[S3]:
    """Run a server on a free port of 127.0.0.1, with its files in a new folder, for the block.

    Raises:
        ServerMissingError: MinIO is not installed and cannot be built.
        ServerFailedError: it did not start.
    """
    program = minio_program.obtain()
    folder = Path(tempfile.mkdtemp(prefix="acgs-s3-"))
    port, console = free_port(), free_port()
    root = User("server", secrets.token_urlsafe(16))
    endpoint = f"http://{LOOPBACK}:{port}"
    command = [
        str(program.path), "server", str(folder / "data"), "--quiet",
        "--address", f"{LOOPBACK}:{port}", "--console-address", f"{LOOPBACK}:{console}",
    ]  # fmt: skip
    environment = {
        "MINIO_ROOT_USER": root.access_key,
        "MINIO_ROOT_PASSWORD": root.secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "HOME": str(folder),
    }
    process = Guarded("MinIO", folder, command, signal.SIGTERM, None, environment)
    admin = Admin(endpoint, root.access_key, root.secret_key)
    server = S3(program, endpoint, admin, root, process)
    try:
        server.start()
        server.user = server.new_user()
        yield server
    finally:
        process.close()
        shutil.rmtree(folder, ignore_errors=True)
