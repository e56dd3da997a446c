"""LiteRT on a file from outside, in a process of its own: a file it crashes on ends that process and no command.

The child gets a function and its arguments as a pickle on stdin and answers on stdout with what it returned or raised.
It imports no module from the folder the user stands in.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import TypeVar

from edgeprune.errors import EdgePruneError, ModelError
from edgeprune.files.own_process import module_command, own_environment, signal_name

T = TypeVar("T")


def in_child(function: Callable[..., T], *arguments: object) -> T:
    """What the function returns in a process of its own.

    Args:
        function: of a module, by its name; arguments and result can be pickled.

    Raises:
        EdgePruneError: the function's own.
        ModelError: the process crashed.
    """
    done = subprocess.run(
        module_command(__name__),
        input=pickle.dumps((function, arguments)),
        env=own_environment(),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise ModelError(
            f"LiteRT crashed on the file: {_cause(done.returncode, done.stderr)}",
            hint="the file may be damaged: export it again",
        )
    result = pickle.loads(done.stdout)
    if isinstance(result, EdgePruneError):
        raise result
    answer: T = result
    return answer


def _cause(returncode: int, messages: bytes) -> str:
    if returncode < 0:
        return signal_name(-returncode)
    last = messages.decode(errors="replace").strip().splitlines()[-1:]
    return last[0][:300] if last else f"exit code {returncode}"


def _answer() -> None:
    answer = os.dup(1)
    os.dup2(2, 1)  # LiteRT may print
    function, arguments = pickle.load(sys.stdin.buffer)
    result: object
    try:
        result = function(*arguments)
    except EdgePruneError as refused:
        result = refused
    with os.fdopen(answer, "wb") as stream:
        pickle.dump(result, stream)


if __name__ == "__main__":
    _answer()
