"""Runs of different jobs over one store, each in a process of its own, begun a given time apart."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callveil.pipelines.history import HistoryOptions, run_history
from callveil.pipelines.redact import run_redact
from callveil.pipelines.redact_options import RedactOptions
from callveil.pipelines.retain import RetainOptions, run_retain
from callveil.schemas.policy_load import load_policy
from callveil.transforms.governance.retention.plan_file import PlanError
from callveil.transforms.storage.commit.catalog import PublishConflict
from callveil.transforms.storage.files.filesystem import Files, S3Settings
from support.waiting import HANGS

DONE, YIELDED = "done", "yielded"


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        kind: retain, redact or history.
        store, policy, keyring: where they are.
        as_of: its time.
        given: files it reads: `accounts` for retain, `inputs` for the others.
    """

    kind: str
    store: str
    policy: str
    keyring: str
    as_of: dt.datetime
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def run(self, s3: S3Settings) -> str:
        """Run it here. Returns `DONE`, or `YIELDED` where another run was faster too often; every
        other failure is raised.
        """
        files, policy = Files(s3), load_policy(self.policy)
        inputs = self.given.get("inputs", ())
        try:
            if self.kind == "retain":
                run_retain(
                    RetainOptions(
                        self.store,
                        policy,
                        self.as_of,
                        dt.datetime.now(dt.UTC),
                        self.given.get("accounts", ()),
                        keyring=self.keyring,
                        files=files,
                    )
                )
            elif self.kind == "redact":
                run_redact(
                    RedactOptions(
                        inputs,
                        self.store,
                        policy,
                        self.as_of,
                        keyring=self.keyring,
                        files=files,
                        progress=False,
                    )
                )
            else:
                run_history(
                    HistoryOptions(
                        inputs, self.store, policy, self.as_of, keyring=self.keyring, files=files
                    )
                )
        except (PublishConflict, PlanError):
            return YIELDED
        return DONE


def take_part(
    job: Job, s3: S3Settings, ready: Any, delay: float, said: Any, number: int, env: dict[str, str]
) -> None:
    """The body of a process: wait for all, then `delay` seconds, then run."""
    os.environ.update(env)
    ready.wait(HANGS)
    time.sleep(delay)
    said.put((number, job.run(s3)))


def race(context: Any, jobs: Sequence[Job], delays: Sequence[float], s3: S3Settings) -> list[str]:
    """Run jobs at once, the n-th begun `delays[n]` seconds after the signal. Returns how each
    ended; a job that fails fails the test.
    """
    ready, said = context.Barrier(len(jobs)), context.Queue()
    env = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}
    processes = [
        context.Process(target=take_part, args=(job, s3, ready, d, said, n, env))
        for n, (job, d) in enumerate(zip(jobs, delays, strict=True))
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(HANGS)
    assert [p.exitcode for p in processes] == [0] * len(jobs), (
        "a run failed instead of yielding; what it said is above"
    )
    return [how for _, how in sorted(said.get() for _ in jobs)]
