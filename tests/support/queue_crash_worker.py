"""A small runner around one queue reader, to be killed at any moment: objects are finished out of
order, marks finalized late or never.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from callveil.transforms.jobs.streaming.sqs import Queue
from callveil.transforms.jobs.streaming.sqs_source import QueueMark, QueueSource
from support.queues import FileSettled


def work(queue: Queue, folder: str, seed: int) -> None:
    """Read, and finish each object some time after it came, until killed."""
    rng = random.Random(seed)
    settled = FileSettled(folder)
    reader = QueueSource(queue, settled, wait=0, most_held=60).create_reader(None, None)
    waiting, marks = [], list[QueueMark]()
    more = reader.start()
    while True:
        if more:
            current = reader.get_current()
            assert current is not None
            waiting.append(current)
            with (Path(folder) / "taken.log").open("a") as log:
                log.write(current.url + "\n")
        if rng.random() < 0.1:
            marks.append(reader.get_checkpoint_mark())
        if marks and rng.random() < 0.1:
            marks.pop(rng.randrange(len(marks))).finalize_checkpoint()
        if waiting and rng.random() < 0.5:
            arrival = waiting.pop(rng.randrange(len(waiting)))
            part = Path(folder) / f".{os.getpid()}"
            part.write_text(arrival.url)
            part.rename(Path(folder) / arrival.object_id)
        if not more:
            time.sleep(0.01 if waiting else 0.1)
        more = reader.advance()
