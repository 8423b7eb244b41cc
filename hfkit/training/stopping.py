"""Ctrl-C and SIGTERM while a net trains: the step is finished, a checkpoint is written, and the run ends."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..errors import Stopped
from .stopped import find_launcher

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAME_SECONDS = 2.0
"""torchrun and `accelerate launch` hand on what the terminal has sent to all processes already: so long it is the same."""
_KEY = "hfkit_stop_after"


class StopAtStep(TrainerCallback):
    """Has a checkpoint written at the next step after a signal, and ends the training then; at a second one at once.

    Several processes stop after the same step, which they agree on in the store that they met in. The end of `accelerate launch`
    of one process, which hands no signal on, is taken for SIGTERM.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._first = 0.0
        self._launcher = None if "TORCHELASTIC_RUN_ID" in os.environ else find_launcher()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Receive signals in a block; afterwards they do what they did before.

        Raises:
            Stopped: A signal came, and is not told yet.

        """
        if threading.current_thread() is not threading.main_thread():
            yield  # Python has signals in the main thread alone
            return
        process, before = os.getpid(), {number: signal.getsignal(number) for number in _SIGNALS}

        def receive(number: int, frame: FrameType | None) -> None:
            """Note a signal; processes that load data leave Ctrl-C to this one, which ends them."""
            if os.getpid() == process:
                self.receive(number)
            elif number == signal.SIGTERM:
                os._exit(128 + number)

        for number in _SIGNALS:
            signal.signal(number, receive)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self.received is not None:  # it came behind the last step
            raise Stopped(self.received)

    def receive(self, number: int) -> None:
        """Note the first signal and say what follows; the second one ends the training.

        Raises:
            Stopped: It is the second one.

        """
        if self.received is None:
            self.received, self._first = number, time.monotonic()
            if os.environ.get("RANK", "0") == "0":
                # What is printed may be cut in half by a signal; this is not.
                os.write(2, b"\nStopping: a checkpoint is written after this step. Ctrl-C again ends at once.\n")
        elif "TORCHELASTIC_RUN_ID" not in os.environ or time.monotonic() - self._first > _SAME_SECONDS:
            raise Stopped(number)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Have a checkpoint written where it is time to stop."""
        is_gone = self._launcher is not None and os.getppid() != self._launcher
        if is_gone and self.received is None:
            self.receive(signal.SIGTERM)
        if self._is_due(state.global_step):
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """End the training: the checkpoint is whole.

        Raises:
            Stopped: As above.

        """
        if self._is_due(state.global_step):
            raise Stopped(self.received or signal.SIGINT)

    def _is_due(self, step: int) -> bool:
        """Whether to stop after a step.

        A process is at most one step behind another one, as no gradient is whole without all: what one asks for at the end of
        a step, all know at the end of the next.
        """
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return self.received is not None
        store = torch.distributed.distributed_c10d._get_default_store()
        if store.check([_KEY]):
            return step >= int(store.get(_KEY))
        if self.received is not None:
            store.set(_KEY, str(step + 1))
        return False
