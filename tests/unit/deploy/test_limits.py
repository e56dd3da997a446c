"""A linked image against what it may take."""

from __future__ import annotations

import pytest

from edgeprune.budget import Budget
from edgeprune.deploy.firmware.limits import require_within
from edgeprune.errors import DoesNotFit
from edgeprune.toolchain.size import ImageSize

SIZE = ImageSize({"runtime": 1000, "model": 24}, {"arena": 500, "stack": 12})


def test_an_image_is_within_its_limits_to_the_byte() -> None:
    require_within(SIZE, Budget(1024, 512))
    with pytest.raises(DoesNotFit, match=r"1,024 B.* of flash, .*1,023 B"):
        require_within(SIZE, Budget(1023, 512))
    with pytest.raises(DoesNotFit, match=r"512 B.* of RAM, 511 B"):
        require_within(SIZE, Budget(1024, 511))
