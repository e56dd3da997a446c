"""Updates on the emulated board: written, verified, tried, kept or taken back."""

from __future__ import annotations

import contextlib

import pytest

from edgeprune.device.console.console import Console
from edgeprune.device.image.application import make_application, new_keys
from edgeprune.device.image.elf import parse_elf
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.loaders.boot_info import RETURNED, State, Verdict
from edgeprune.device.loaders.write_image import Erase, WriteOptions, write_image
from edgeprune.errors import DeviceError, DoesNotFit, UsageError
from edgeprune.progress import Silent
from tests.emulator.boot.board import TARGET, Board, running_build

SLOT, HEADER_BYTES, SLOT_BYTES = 0x2100_8000, 512, 786_432


def image(firmware) -> Image:
    return parse_elf(firmware.elf.read_bytes(), "app.elf")


def packed(firmware, target: str = TARGET, version: int = 0, secret_key: bytes | None = None) -> Image:
    payload = image(firmware).flat()
    return Image((make_application(payload, HEADER_BYTES, target, version, secret_key),))


def install(board: Board, link, firmware, **keywords) -> None:
    write_image(board.loader(link, **keywords), image(firmware), WriteOptions(), Silent())


def confirm(link) -> None:
    console = Console(link)
    console.identity()
    assert "m-init-done" in console.command("ep confirm")


def test_the_loader_fits_its_limits(bootloader) -> None:
    assert bootloader().size_bytes <= 8 * 1024
    assert bootloader(bytes(range(32))).size_bytes <= 24 * 1024


def test_an_update_is_tried_confirmed_and_survives_power_off(board, application) -> None:
    link = board.power_on()
    install(board, link, application(1))
    assert running_build(link) == application(1).build_id
    confirm(link)
    install(board, link, application(2))
    assert running_build(link) == application(2).build_id
    confirm(link)
    board.power_off()
    assert running_build(board.power_on()) == application(2).build_id


def test_an_update_that_never_answers_is_taken_back(board, application) -> None:
    link = board.power_on()
    install(board, link, application(1))
    confirm(link)
    install(board, link, application(2))
    builds = [running_build(link)]
    for _ in range(3):
        board.power_off()
        link = board.power_on()
        builds.append(running_build(link))
    assert builds == [application(2).build_id] * 3 + [application(1).build_id]
    loader = board.loader(link)
    loader.connect()
    info = loader.info()
    assert (info.state, info.detail) == (State.SETTLED, RETURNED)


def test_flashing_over_an_image_on_trial_brings_the_old_one_back_first(board, application) -> None:
    link = board.power_on()
    install(board, link, application(1))
    confirm(link)
    install(board, link, application(2))
    loader = board.loader(link)
    loader.connect()
    loader.erase(packed(application(3)), Silent())
    board.power_off()
    assert running_build(board.power_on()) == application(1).build_id


def test_half_an_update_changes_nothing(board, application) -> None:
    link = board.power_on()
    install(board, link, application(1))
    confirm(link)
    whole = packed(application(2)).segments[0]
    half = Image((Segment(whole.address, whole.content[: len(whole.content) // 2]),))
    loader = board.loader(link)
    loader.connect()
    loader.erase(half, Silent())
    loader.write(half, Silent())
    assert loader.info().written.verdict is Verdict.DIGEST
    with pytest.raises(DeviceError, match="damaged"):
        loader.start(half)
    board.power_off()
    assert running_build(board.power_on()) == application(1).build_id


def test_a_damaged_staging_slot_is_mended_by_verify(board, application) -> None:
    link = board.power_on()
    loader = board.loader(link)
    loader.connect()
    prepared = loader.prepare(image(application(1)))
    content = bytearray(prepared.segments[0].content)
    content[1000] ^= 0x10
    loader.erase(prepared, Silent())
    loader.write(Image((Segment(prepared.address, bytes(content)),)), Silent())
    loader.verify(prepared, Silent())
    loader.start(prepared)
    assert running_build(link) == application(1).build_id


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda whole: whole.content[:-4], UsageError, "cut off"),
        (lambda whole: whole.content[:700] + b"\0" + whole.content[701:], UsageError, "damaged"),
        (lambda whole: whole.content[HEADER_BYTES:], UsageError, "linked to"),
    ],
)
def test_a_broken_image_is_refused_before_anything_is_erased(board, application, change, error, words) -> None:
    link = board.power_on()
    install(board, link, application(1))
    confirm(link)
    broken = Image((Segment(SLOT, change(packed(application(2)).segments[0])),))
    with pytest.raises(error, match=words):
        write_image(board.loader(link), broken, WriteOptions(), Silent())
    loader = board.loader(link)
    loader.connect()
    assert loader.info().state is State.SETTLED


def test_images_for_elsewhere_are_refused_before_anything_is_erased(board, application) -> None:
    link = board.power_on()
    payload = image(application(1)).flat()
    elsewhere = make_application(payload, HEADER_BYTES, "nucleo-f446re")
    too_large = make_application(Segment(payload.address, bytes(SLOT_BYTES)), HEADER_BYTES, TARGET)
    over_the_loader = Segment(0, payload.content)
    for segment, error, words in (
        (elsewhere, UsageError, "is for nucleo-f446re, the board is mps2-an386-boot"),
        (too_large, DoesNotFit, "a slot of mps2-an386-boot 786,432 B"),
        (over_the_loader, UsageError, "linked to 0x00000000"),
    ):
        with pytest.raises(error, match=words):
            write_image(board.loader(link), Image((segment,)), WriteOptions(), Silent())
    loader = board.loader(link)
    loader.connect()
    assert loader.info().state is State.SETTLED
    assert loader.info().written.verdict is Verdict.NONE


def test_the_loader_itself_refuses_what_a_careless_tool_writes(board, application) -> None:
    """Another board's image, written without asking: the loader's own checks."""
    link = board.power_on()
    loader = board.loader(link)
    loader.connect()
    elsewhere = packed(application(1), target="nucleo-f446re")
    loader.erase(elsewhere, Silent())
    loader.write(elsewhere, Silent())
    assert loader.info().written.verdict is Verdict.TARGET
    with pytest.raises(DeviceError, match="built for another board"):
        loader.start(elsewhere)


def test_a_loader_with_a_key_runs_its_owners_images_only(bootloader, application, tmp_path) -> None:
    secret, public = new_keys()
    strangers_secret, _ = new_keys()
    board = Board(bootloader(public), tmp_path / "signed.bin")
    try:
        link = board.power_on()
        with pytest.raises(UsageError, match="not signed"):
            write_image(board.loader(link), packed(application(1)), WriteOptions(), Silent())
        with pytest.raises(UsageError, match="not signed by the key"):
            write_image(
                board.loader(link, secret_key=strangers_secret), image(application(1)), WriteOptions(), Silent()
            )
        unharmed = board.loader(link)
        unharmed.connect()
        assert unharmed.info().state is State.SETTLED
        install(board, link, application(1), secret_key=secret)
        assert running_build(link) == application(1).build_id
        confirm(link)
        careless = packed(application(2), secret_key=strangers_secret)
        loader = board.loader(link)
        loader.connect()
        loader.erase(careless, Silent())
        loader.write(careless, Silent())
        assert loader.info().written.verdict is Verdict.SIGNATURE
        board.power_off()
        assert running_build(board.power_on()) == application(1).build_id
    finally:
        board.power_off()


def test_erasing_all_keeps_what_runs(board, application) -> None:
    link = board.power_on()
    install(board, link, application(1))
    confirm(link)
    write_image(board.loader(link), image(application(2)), WriteOptions(erase=Erase.ALL), Silent())
    assert running_build(link) == application(2).build_id


def test_an_update_that_only_began_never_brings_back_an_older_image(board, application) -> None:
    """The staging slot holds the image before the last one, whole: a write that changes nothing must not install it."""
    link = board.power_on()
    for version in (1, 2):
        install(board, link, application(version))
        confirm(link)
    older = packed(application(1)).segments[0]
    loader = board.loader(link)
    loader.connect()
    with contextlib.suppress(DeviceError):
        loader.write(Image((Segment(older.address + 512, older.content[512:768]),)), Silent())
    assert loader.info().state is State.OPEN
    board.power_off()
    assert running_build(board.power_on()) == application(2).build_id
