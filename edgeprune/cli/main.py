"""`edgeprune`: the commands, and the handling of exceptions.

A new command is one file `edgeprune/cli/<name>.py` holding `command`, and one line in COMMANDS; where it lies in a
folder below, another in FOLDERS.
"""

from __future__ import annotations

import signal
import sys
import warnings
from types import FrameType
from typing import NoReturn

import rich_click as click

from edgeprune.cli.options.lazy import LazyCommand
from edgeprune.cli.output.failure import failure_of, show_failure
from edgeprune.cli.output.printer import Session
from edgeprune.release import __version__

COMMANDS = {
    "init": "Write a project that works as it is: edgeprune.toml and the files it names.",
    "inspect": "Show what a network would take on a target as it is, layer by layer, and whether it fits.",
    "fit": "Thin and quantize a model until its firmware fits the target, then run and profile it there.",
    "report": "Write a finished run, several side by side, or a .tflite on a target, as one HTML page.",
    "compare": "Compare ways to prune at the same limits: which is best here, by how much, within what noise.",
    "sweep": "Try every combination of criteria, schedules, limits, targets and seeds, side by side.",
    "runs": "List, compare, tag and remove the runs of a folder; a tagged run stays.",
    "refit": "Fit a run again on new weights or data, compare the two, and say ship or do not ship.",
    "watch": "Refit a run each time its weights or data change.",
    "criteria": "List, explain and compare the criteria that rank channels (`fit --criterion`).",
    "granularities": "List and explain what a fit can remove beside channels (`fit --granularity`).",
    "schedules": "List and explain the ways from a trained network to a thinned one (`fit --schedule`).",
    "check": "Show what each layer of a .tflite would run on, why not on something faster, or what does not fit.",
    "build": "Compile an int8 .tflite to C, link it with the console for a target, and report flash and RAM.",
    "export": "Write a run's thinned network, or a project's as it is, as a .tflite or an ExecuTorch .pte.",
    "run": "Run a model on its device, emulated by default, and show its outputs.",
    "profile": "Run a model on its device, emulated by default, and show each layer's time and the memory in use.",
    "verify": "Replay samples on the device and compare every output byte with LiteRT's reference interpreter.",
    "bench": "Measure a .tflite by MLPerf Tiny's protocol, on a board or emulated, and write its result files.",
    "boot": "Make keys, build EdgePrune's own bootloader, pack images for it.",
    "devices": "List the boards, probes, drives, phones, hosts and emulators within reach, and what each can do.",
    "emulate": "Run a board in the emulator with its serial port on a pseudo-terminal, for other commands.",
    "flash": "Write an image (elf, bin, hex, uf2) or a run's firmware to a board, verify it and start it.",
    "monitor": "Show a board's serial output, and send it the lines typed here.",
    "targets": "List, show and check device profiles.",
    "doctor": "Look for what EdgePrune uses on this machine, and show the command that mends each gap.",
    "version": "Show the versions a fault report needs.",
}

# Commands whose file lies in a folder below; the others lie here.
FOLDERS = dict.fromkeys(("sweep", "runs", "refit", "watch"), "many_runs") | {"bench": "standard"}

# An option and its value share a column, without a frame: `fit --help` fits a screen of 80 columns.
HELP = {
    "options_table_column_types": ["opt_all_metavar", "help"],
    "options_table_help_sections": ["help", "default", "envvar", "required"],
    "append_metavars_help_string": "{}",
    "style_options_panel_box": "SIMPLE",
    "style_options_table_padding": (0, 1),
    "options_panel_title": "",
}


@click.group(
    invoke_without_command=True,
    commands=[LazyCommand(name, help_line, FOLDERS.get(name)) for name, help_line in COMMANDS.items()],
    context_settings={"help_option_names": ["-h", "--help"], "rich_help_config": HELP},
)
@click.version_option(__version__, prog_name="edgeprune", message="%(prog)s %(version)s")
@click.pass_context
def edgeprune(context: click.Context) -> None:
    """Thin, quantize and link a PyTorch model until it fits a microcontroller, then prove it on the board.

    Exit codes: 0 done, 1 anything else, 2 usage, 3 does not fit, 4 device missing or busy, 5 verification failed,
    6 toolchain missing.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit; results on stdout, everything else on stderr, never a stack trace."""
    arguments = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _terminate)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    session = Session()
    try:
        exit_code = edgeprune.main(arguments, prog_name="edgeprune", standalone_mode=False, obj=session)
        sys.stdout.flush()
    except Exception as error:  # click turns Ctrl-C into its own Abort
        failure = failure_of(error, arguments)
        show_failure(failure, as_json="--json" in arguments and not session.result_printed)
        sys.exit(failure.exit_code)
    sys.exit(exit_code or 0)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Unwind on SIGTERM as on Ctrl-C, so that temporary files and emulators are cleaned up."""
    sys.exit(128 + signal.SIGTERM)
