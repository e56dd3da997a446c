"""The header our bootloader requires of an application, as docs/boot.md and firmware/boot/application.h state it."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.device.image.segments import Segment
from edgeprune.errors import ToolchainError, UsageError
from edgeprune.hardware.boot import TARGET_BYTES

MAGIC = b"EPI1"
DIGEST_BYTES = 32
SIGNATURE_BYTES = 64
PUBLIC_KEY_BYTES = 32
SECRET_KEY_BYTES = 64
_FIXED = struct.Struct(f"<4s4I12x{TARGET_BYTES}s")
_HASHED_BYTES = _FIXED.size
_SIGNED_BYTES = _HASHED_BYTES + DIGEST_BYTES
HEADER_MIN_BYTES = _SIGNED_BYTES + SIGNATURE_BYTES


@dataclass(frozen=True)
class Application:
    """An application image with its header, whose digest has been checked.

    Attributes:
        header_bytes: from the header's start to the vector table.
        payload_bytes: from the vector table to the end.
        load_address: of the header, where the image runs.
        version: the maker's number; a loader may refuse older ones than it kept.
        target: name of the target it was built for.
        digest: BLAKE2b-256 over the header's first 64 bytes and the payload.
        is_signed: a signature is there; `signed_by` checks whose.
    """

    header_bytes: int
    payload_bytes: int
    load_address: int
    version: int
    target: str
    digest: bytes
    signature: bytes
    content: bytes

    @property
    def is_signed(self) -> bool:
        return any(self.signature)

    def signed_by(self, public_key: bytes) -> bool:
        """Does the signature hold for that key? Raises ToolchainError when pymonocypher is missing."""
        return bool(_monocypher().signature_check(self.signature, public_key, self.content[:_SIGNED_BYTES]))


def make_application(
    payload: Segment, header_bytes: int, target: str, version: int = 0, secret_key: bytes | None = None
) -> Segment:
    """`payload` with a header before it.

    Args:
        payload: begins with the vector table, `header_bytes` behind a slot's start.
        header_bytes: from the target's [boot] table.
        secret_key: 64 bytes (`new_keys`); None leaves the image unsigned.

    Raises:
        UsageError: the name or the version does not fit into the header.
        ToolchainError: a signature is requested and pymonocypher is missing.
    """
    name = target.encode("ascii", errors="replace")
    if len(name) > TARGET_BYTES or not 0 <= version < 1 << 32:
        raise UsageError(
            f"target '{target}' (at most {TARGET_BYTES} characters) or version {version} fits no header",
            hint="versions are 0 to 4294967295",
        )
    fixed = _FIXED.pack(
        MAGIC,
        header_bytes,
        len(payload.content),
        payload.address - header_bytes,
        version,
        name,
    )
    signed = fixed + hashlib.blake2b(fixed + payload.content, digest_size=DIGEST_BYTES).digest()
    signature = bytes(SIGNATURE_BYTES) if secret_key is None else _monocypher().signature_sign(secret_key, signed)
    header = (signed + signature).ljust(header_bytes, b"\xff")
    return Segment(payload.address - header_bytes, header + payload.content)


def read_application(content: bytes, name: str) -> Application:
    """The application at the start of `content`.

    Args:
        content: header, payload; bytes behind the payload are an error, a shorter payload is one too.
        name: in error messages.

    Raises:
        UsageError: no header, a length that is not the file's, another digest, or bytes nothing covers.
    """
    if len(content) < HEADER_MIN_BYTES or not content.startswith(MAGIC):
        raise UsageError(
            f"{name} has no application header, which this board's bootloader requires",
            hint="build it for this target, or add a header with `edgeprune boot pack`",
        )
    _, header_bytes, payload_bytes, load_address, version, target = _FIXED.unpack_from(content)
    if header_bytes < HEADER_MIN_BYTES or header_bytes + payload_bytes != len(content):
        raise UsageError(
            f"{name} has {len(content):,} B, its header states {header_bytes + payload_bytes:,} B: it was cut off",
            hint="build or copy it again",
        )
    if content[HEADER_MIN_BYTES:header_bytes].strip(b"\xff"):
        raise UsageError(
            f"{name} has bytes in its header that neither digest nor signature covers", hint="build it again"
        )
    digest = content[_HASHED_BYTES:_SIGNED_BYTES]
    actual = hashlib.blake2b(content[:_HASHED_BYTES] + content[header_bytes:], digest_size=DIGEST_BYTES).digest()
    if digest != actual:
        raise UsageError(f"{name} is damaged: its digest is not the one in its header", hint="build or copy it again")
    text = target.rstrip(b"\0").decode("ascii", errors="replace")
    signature = content[_SIGNED_BYTES:HEADER_MIN_BYTES]
    return Application(header_bytes, payload_bytes, load_address, version, text, digest, signature, content)


def new_keys() -> tuple[bytes, bytes]:
    """A secret key to sign with and its public key, random. Raises ToolchainError when pymonocypher is missing."""
    secret, public = _monocypher().generate_signing_key_pair()
    return bytes(secret), bytes(public)


def read_key(path: Path, size_bytes: int) -> bytes:
    """A key file: hex digits, of SECRET_KEY_BYTES or PUBLIC_KEY_BYTES.

    Raises:
        UsageError: missing or not that.
    """
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="`edgeprune boot keys` makes a pair") from None
    except ValueError:
        key = b""
    if len(key) != size_bytes:
        raise UsageError(
            f"{path} is no key of {size_bytes} bytes in hex digits", hint="`edgeprune boot keys` makes a pair"
        )
    return key


def _monocypher() -> Any:
    try:
        import monocypher
    except ImportError as error:
        raise ToolchainError(
            "signatures need the pymonocypher package, which is not installed", hint="pip install edgeprune[boot]"
        ) from error
    return monocypher
