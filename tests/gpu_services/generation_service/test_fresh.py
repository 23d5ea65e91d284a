"""Values that are read in the background: never a wait, never a very old one."""

import threading
from collections.abc import Callable

from gpu_services.generation.service.fresh import Fresh


class Seconds:
    """A clock to turn."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def counting(hold: threading.Event | None = None) -> tuple[Callable[[], int], list[int]]:
    reads: list[int] = []

    def read() -> int:
        if hold is not None and reads:
            hold.wait(10)
        reads.append(len(reads) + 1)
        return reads[-1]

    return read, reads


def test_a_fresh_value_is_not_read_again_and_a_very_old_one_at_once() -> None:
    clock, (read, reads) = Seconds(), counting()
    value = Fresh(read, clock)
    assert [value(), value()] == [1, 1]
    clock.now_s = 10.0
    assert value() == 2
    value.forget()
    assert value() == 3
    assert reads == [1, 2, 3]


def test_an_old_value_serves_while_the_new_one_is_read() -> None:
    hold = threading.Event()
    clock, (read, reads) = Seconds(), counting(hold)
    value = Fresh(read, clock)
    assert value() == 1
    clock.now_s = 1.5
    assert [value(), value(), value()] == [1, 1, 1]
    hold.set()
    for thread in threading.enumerate():
        if thread.name == "fresh":
            thread.join()
    assert value() == 2
    assert reads == [1, 2]
