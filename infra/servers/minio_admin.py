"""Calls MinIO's administration for what S3 has no call for: users, policies, quotas.

Bodies that carry secrets are encrypted as MinIO's `madmin.EncryptData` does: salt (32 bytes),
algorithm, nonce (8), then one AEAD stream of 16 KiB fragments whose nonces count and whose
associated data mark the last (github.com/secure-io/sio-go). What is sent here fits one fragment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from infra.servers.errors import ServerFailedError

ARGON2ID_AES_GCM = b"\x00"
FRAGMENT_BYTES = 16 * 1024
LAST = b"\x80"


@dataclass(frozen=True, slots=True)
class Admin:
    """The administrator of one server."""

    endpoint: str
    access_key: str
    secret_key: str

    def add_user(self, name: str, secret: str) -> None:
        """Create a user without rights, or give an existing one a new secret."""
        body = encrypt(self.secret_key, _json({"secretKey": secret, "status": "enabled"}))
        self._put("add-user", {"accessKey": name}, body)

    def allow(self, user: str, policy: str, document: Mapping[str, Any]) -> None:
        """Write a policy and make it a user's only one."""
        self._put("add-canned-policy", {"name": policy}, _json(document))
        who = {"userOrGroup": user, "isGroup": "false", "policyName": policy}
        self._put("set-user-or-group-policy", who, b"")

    def set_quota(self, bucket: str, size_bytes: int) -> None:
        """Limit the size of a bucket; 0 lifts the limit."""
        quota = {"quota": size_bytes, "size": size_bytes, "quotatype": "hard"}
        self._put("set-bucket-quota", {"bucket": bucket}, _json(quota))

    def _put(self, action: str, query: Mapping[str, str], body: bytes) -> None:
        url = f"{self.endpoint}/minio/admin/v3/{action}?{urlencode(sorted(query.items()))}"
        request = AWSRequest("PUT", url, data=body)
        credentials = Credentials(self.access_key, self.secret_key)
        S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
        answer = httpx.put(url, content=body, headers=dict(request.headers.items()), timeout=10)
        if answer.is_error:
            raise ServerFailedError(f"MinIO refused {action}: {answer.status_code} {answer.text}")


def encrypt(password: str, data: bytes) -> bytes:
    """Encrypt a short message as MinIO's administrators do.

    Raises:
        ValueError: the message is longer than one fragment.
    """
    if len(data) > FRAGMENT_BYTES:
        raise ValueError(f"expected at most {FRAGMENT_BYTES} bytes, found {len(data)}")
    salt, nonce = os.urandom(32), os.urandom(8)
    key = Argon2id(salt=salt, length=32, iterations=1, lanes=4, memory_cost=64 * 1024)
    aead = AESGCM(key.derive(password.encode()))
    # Fragment 0 authenticates the (empty) associated data of the stream; the text is fragment 1.
    mark = aead.encrypt(nonce + (0).to_bytes(4, "little"), b"", b"")
    sealed = aead.encrypt(nonce + (1).to_bytes(4, "little"), data, LAST + mark)
    return salt + ARGON2ID_AES_GCM + nonce + sealed


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data).encode()
