"""The header our bootloader asks for: what is built is read back, any change is found, a signature is its owner's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.device.image.application import make_application, new_keys, read_application, read_key
from edgeprune.device.image.segments import Segment
from edgeprune.errors import UsageError
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target

PAYLOAD = Segment(0x2100_8200, bytes(range(256)) * 5)


def test_a_header_states_what_was_built() -> None:
    made = make_application(PAYLOAD, 512, "a-board", version=7)
    application = read_application(made.content, "x")
    assert made.address == application.load_address == 0x2100_8000
    assert (application.target, application.version) == ("a-board", 7)
    assert (application.header_bytes, application.payload_bytes) == (512, 1280)
    assert made.content[512:] == PAYLOAD.content
    assert not application.is_signed


def test_without_a_version_an_image_is_the_oldest() -> None:
    assert read_application(make_application(PAYLOAD, 512, "a-board").content, "x").version == 0


@settings(max_examples=200)
@given(st.integers(0, 511 + 1280), st.integers(1, 255))
def test_a_changed_byte_is_found(place: int, change: int) -> None:
    content = bytearray(make_application(PAYLOAD, 512, "a-board").content)
    content[place] ^= change
    if 96 <= place < 160:
        return  # the signature, which its owner's key checks
    with pytest.raises(UsageError):
        read_application(bytes(content), "x")


@given(st.integers(0, 1791))
def test_a_cut_image_is_found(length: int) -> None:
    with pytest.raises(UsageError, match=r"cut off|no application header"):
        read_application(make_application(PAYLOAD, 512, "a-board").content[:length], "x")


def test_a_signature_is_its_owners() -> None:
    secret, public = new_keys()
    _, stranger = new_keys()
    application = read_application(make_application(PAYLOAD, 512, "a-board", secret_key=secret).content, "x")
    assert application.is_signed
    assert application.signed_by(public)
    assert not application.signed_by(stranger)


def test_a_signature_holds_for_one_image_only() -> None:
    secret, public = new_keys()
    signed = make_application(PAYLOAD, 512, "a-board", secret_key=secret).content
    other = make_application(Segment(PAYLOAD.address, PAYLOAD.content[::-1]), 512, "a-board").content
    forged = read_application(other[:96] + signed[96:160] + other[160:], "x")
    assert not forged.signed_by(public)


def test_long_names_fit_no_header() -> None:
    with pytest.raises(UsageError, match="at most 32"):
        make_application(PAYLOAD, 512, "a" * 33)


def test_a_target_with_a_bootloader_has_a_name_its_header_holds() -> None:
    data = load_target("mps2-an386-boot").model_dump(mode="json")
    assert Target.model_validate(data | {"name": "a" * 32}).boot
    with pytest.raises(ValueError, match="at most 32 characters"):
        Target.model_validate(data | {"name": "a" * 33})
    assert Target.model_validate(data | {"name": "a" * 33, "boot": None})


def test_key_files_are_hex(tmp_path) -> None:
    path = tmp_path / "a.pub"
    path.write_text("00" * 32 + "\n")
    assert read_key(path, 32) == bytes(32)
    path.write_text("00" * 31)
    with pytest.raises(UsageError, match="no key"):
        read_key(path, 32)
    with pytest.raises(UsageError, match="cannot read"):
        read_key(tmp_path / "none", 32)
