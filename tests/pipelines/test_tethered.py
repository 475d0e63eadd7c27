"""Children that end with their parent: killed parents, and parents that are gone before the child
has begun.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.emulated_cloud import gone
from support.waiting import wait_for

from callveil.pipelines.tethered import tethered_command

PARENT = """
import subprocess, sys
from callveil.pipelines.tethered import tethered_command
child = subprocess.Popen(list(map(str, tethered_command(sys.argv[1:]))))
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part of it is Linux's")
def test_a_child_ends_with_a_parent_that_was_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, "sleep", "600"], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        try:
            wait_for("the command", lambda: psutil.Process(pid).name() == "sleep")
            parent.kill()
            parent.wait()
            wait_for("the child's end", lambda: gone(pid))
        finally:
            if not gone(pid):
                os.kill(pid, 9)


def test_a_child_whose_parent_is_gone_already_does_not_begin(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = [str(word) for word in tethered_command(["touch", str(mark)])]
    here = command.index(str(os.getpid()))
    assert subprocess.run([*command[:here], "1", *command[here + 1 :]], check=False).returncode == 1
    assert not mark.exists()
    assert subprocess.run(command, check=False).returncode == 0
    assert mark.exists()
