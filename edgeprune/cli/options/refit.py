"""What `refit` and `watch` have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

F = TypeVar("F", bound=Callable[..., Any])

tag_option = click.option("--tag", metavar="NAME", help="Where the new run is to ship, give it this tag.")


def new_files(exists: bool) -> Callable[[F], F]:
    """--weights and --data; `exists`: whether they must be there already."""
    path = click.Path(exists=exists, path_type=Path)

    def decorated(function: F) -> F:
        data = click.option("--data", type=path, help="In place of what [data] names: .npz, .zip or folder.")
        weights = click.option("--weights", type=path, help="Checkpoint in place of the old run's.")
        return weights(data(function))

    return decorated
