"""A phone's passkeys in software: ES256 keys, attestation "none", and every fault a real one must not have."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40  # flags of authenticator data


def to_text(content: bytes) -> str:
    """Base64url without padding, as browsers write it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    """And back."""
    return base64.urlsafe_b64decode(text + "==")


@dataclass
class Key:
    """One passkey as the phone keeps it."""

    rp_id: str
    user: bytes
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))


@dataclass
class Authenticator:
    """`flags` and `count` are what it says of the person and of itself; `rp_id`, where set, is a lie."""

    origin: str = "http://localhost"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    rp_id: str = ""
    keys: list[Key] = field(default_factory=list)

    def create(self, options: dict[str, Any], key: Key | None = None) -> str:
        """The answer to options of a new passkey: a new key unless one is named."""
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        key = key or Key(options["rp"]["id"], to_bytes(options["user"]["id"]))
        self.keys.append(key)
        attested = bytes(16) + len(key.id).to_bytes(2, "big") + key.id + self.public_key(key)
        about = self._about(key.rp_id, WITH_KEY) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": about})
        client = self._client_data("webauthn.create", options["challenge"])
        return self._answer(key, {"clientDataJSON": to_text(client), "attestationObject": to_text(attestation)})

    def get(self, options: dict[str, Any], key: Key | None = None) -> str:
        """The answer to options of signing in, by the last key unless another is named."""
        assert options["userVerification"] == "required"
        key = key or self.keys[-1]
        about = self._about(self.rp_id or options["rpId"], 0)
        client = self._client_data("webauthn.get", options["challenge"])
        signature = key.private.sign(about + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        parts = {
            "clientDataJSON": to_text(client),
            "authenticatorData": to_text(about),
            "signature": to_text(signature),
            "userHandle": to_text(key.user),
        }
        return self._answer(key, parts)

    def public_key(self, key: Key) -> bytes:
        """The public half in COSE: EC2, ES256, P-256, x, y."""
        numbers = key.private.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})

    def _about(self, rp_id: str, flags: int) -> bytes:
        return (
            hashlib.sha256((self.rp_id or rp_id).encode()).digest()
            + bytes([self.flags | flags])
            + self.count.to_bytes(4, "big")
        )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, key: Key, response: dict[str, str]) -> str:
        return json.dumps({"id": to_text(key.id), "rawId": to_text(key.id), "type": "public-key", "response": response})
