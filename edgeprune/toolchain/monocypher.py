"""monocypher.c, the signature and hash code of the bootloader, from pymonocypher's source distribution.

Nothing of it is kept in this repository: it is fetched once through pip, checked against the digests below and kept in
the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from edgeprune.errors import ToolchainError
from edgeprune.files import atomic

VERSION = "4.0.3.4"
# Of the archive, and of what is taken out of it.
_SDIST_DIGEST = "5e56e3d3eb770a53e0b9f6274146663c11a11f3d0de5cd48e3be0428d1b07a4a"
_DIGESTS = {
    "monocypher.c": "57eb914fc88136119bd41655cccb8c250048bf54d470540625186f8ab16f64be",
    "monocypher.h": "c494da712122da7ff679fdcf318a5317e84972b6c950fe9d896212947797facd",
}
_FETCH_TIMEOUT_S = 300
# pip asks an sdist's build system for its name and version before it keeps the archive, and would download one without
# digests for that. This one answers instead, and runs nothing of the archive.
_BUILD_SYSTEM = f"""
import pathlib, sys

__legacy__ = sys.modules[__name__]


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, "pymonocypher-{VERSION}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: pymonocypher\\nVersion: {VERSION}\\n")
    return folder.name
"""


def monocypher_sources() -> dict[str, str]:
    """File name -> text of monocypher.c and monocypher.h.

    Looked for in `EDGEPRUNE_MONOCYPHER` (a folder), then in the cache, then fetched.

    Raises:
        ToolchainError: cannot be fetched, or is not the version this loader was tested with.
    """
    given = os.environ.get("EDGEPRUNE_MONOCYPHER")
    if given:
        return _checked({name: _read(Path(given) / name) for name in _DIGESTS}, given)
    folder = _cache_folder()
    if not all((folder / name).is_file() for name in _DIGESTS):
        for name, content in _checked(_fetch(), f"pymonocypher {VERSION}").items():
            atomic.write_text(folder / name, content)
    return _checked({name: _read(folder / name) for name in _DIGESTS}, str(folder))


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edgeprune" / f"pymonocypher-{VERSION}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ToolchainError(f"cannot read {path}: {error.strerror}") from error


def _checked(contents: dict[str, bytes], place: str) -> dict[str, str]:
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != _DIGESTS[name]:
            raise ToolchainError(
                f"{name} in {place} is not the one of pymonocypher {VERSION}",
                hint="remove it; it is fetched again at the next build",
            )
    return {name: content.decode() for name, content in contents.items()}


def _fetch() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="edgeprune-monocypher-") as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"pymonocypher=={VERSION} --hash=sha256:{_SDIST_DIGEST}\n")
        build_system = Path(folder) / "build" / "setuptools"
        build_system.mkdir(parents=True)
        (build_system / "__init__.py").touch()
        (build_system / "build_meta.py").write_text(_BUILD_SYSTEM)
        command = [
            sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pymonocypher",
            "--no-build-isolation", "--require-hashes", "--dest", folder, "--requirement", str(wanted),
        ]  # fmt: skip
        paths = [str(build_system.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=_FETCH_TIMEOUT_S, check=False, env=environment
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _not_fetched(str(error)) from error
        archives = list(Path(folder).glob("*.tar.gz"))
        if result.returncode != 0 or not archives:
            raise _not_fetched((result.stderr.strip().splitlines() or ["no message"])[-1])
        with tarfile.open(archives[0]) as archive:
            return {Path(member.name).name: _member(archive, member) for member in archive if _is_wanted(member)}


def _is_wanted(member: tarfile.TarInfo) -> bool:
    return member.isfile() and member.name.count("/") == 1 and Path(member.name).name in _DIGESTS


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream else b""


def _not_fetched(why: str) -> ToolchainError:
    return ToolchainError(
        f"pip cannot fetch the sources of pymonocypher {VERSION}: {why}",
        hint="connect once, or unpack its sdist and name the folder in EDGEPRUNE_MONOCYPHER",
    )
