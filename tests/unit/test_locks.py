"""The lock files hold what pyproject.toml asks for, whole, by digest, and no address of any index."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {path.stem: path.read_text() for path in sorted((ROOT / "requirements").glob("*.lock"))}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = ("3.11", "3.14")


def pinned(*names: str) -> dict[str, str]:
    """Package -> version, of these lock files and `torch.lock`."""
    text = "\n".join(LOCKS[name] for name in (*names, "torch"))
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def requirements(texts: list[str]) -> list[Requirement]:
    return [Requirement(text) for text in texts]


def test_every_extra_has_its_lock_file() -> None:
    assert set(LOCKS) == {"run", "build", "torch", *EXTRAS}


@pytest.mark.parametrize("name", ["run", *EXTRAS])
def test_locked_versions_are_ones_that_the_project_admits(name: str) -> None:
    versions = pinned("run", name)
    wanted = PROJECT["dependencies"] + EXTRAS.get(name, [])
    for requirement in requirements(wanted):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is in no lock file: python scripts/lock.py"
        assert requirement.specifier.contains(version), f"{requirement}, locked {version}: python scripts/lock.py"


@pytest.mark.parametrize("name", ["run", "dev"])
def test_nothing_that_a_locked_package_needs_is_missing(name: str) -> None:
    """By what the installed packages state they need; those that are not installed here are left out."""
    versions = pinned("run", name)
    missing = []
    for package in versions:
        try:
            needed = importlib.metadata.requires(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in requirements(needed):
            environment = {"extra": "", "sys_platform": "linux", "platform_system": "Linux"}
            applies = requirement.marker is None or any(
                requirement.marker.evaluate(environment | {"python_version": python}) for python in PYTHONS
            )
            if applies and canonicalize_name(requirement.name) not in versions:
                missing.append(f"{package} needs {requirement}")
    assert not [line for line in missing if not re.search(r"needs (nvidia|cuda|triton)", line)]


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_digests_and_nothing_names_an_index(name: str) -> None:
    text = LOCKS[name]
    assert "://" not in text and not re.search(r"^\s*-", re.sub(r"^ +--hash=sha256:", "", text, flags=re.M), re.M)
    for pin in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin), pin.splitlines()[0]


def test_every_dependency_is_bounded_above() -> None:
    """A new major release may break what worked: it is tried, and the bound raised."""
    everything = PROJECT["dependencies"] + [text for texts in EXTRAS.values() for text in texts]
    for requirement in requirements(everything):
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators & {"==", "<", "~="}, f"{requirement} has no upper bound"


def test_torch_is_the_version_that_the_project_pins() -> None:
    (torch,) = [text for text in PROJECT["dependencies"] if text.startswith("torch")]
    assert {f"torch=={version.partition('+')[0]}" for version in re.findall(r"torch==(\S+)", LOCKS["torch"])} == {torch}
