"""Ids that the server makes: UUIDv7, each once, in order."""

from __future__ import annotations

import os
import threading
import time

import pytest
import time_machine

from khata.core import ids
from khata.core.ids import MOST_A_MILLISECOND, Maker, new_id, parse_id
from khata.errors import Invalid


def test_version_variant_and_time() -> None:
    before = time.time_ns() // 1_000_000
    made = Maker().next()  # that of the process may be ahead: other tests have been in the future
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before - 1 <= made.int >> 80 <= before + 1000


def test_each_once_and_in_order_from_many_threads() -> None:
    maker, made = Maker(), []

    def make() -> None:
        made.append([maker.next() for _each in range(5000)])

    threads = [threading.Thread(target=make) for _each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for some in made for one in some}) == 40_000
    assert all(some == sorted(some) for some in made)


def test_while_the_clock_stands_or_goes_back() -> None:
    maker = Maker()
    with time_machine.travel("2026-11-20T08:00:00Z", tick=False):
        made = [maker.next() for _each in range(MOST_A_MILLISECOND * 2 + 5)]
    with time_machine.travel("2020-01-01T00:00:00Z", tick=False):
        made += [maker.next() for _each in range(5)]
    assert made == sorted(set(made))
    assert all(one.version == 7 for one in made)


def test_they_end_alike_in_one_place_only() -> None:
    one, other = Maker(), Maker()
    assert len({one.next().hex[-16:] for _each in range(50)}) == 1
    assert one.next().hex[-16:] != other.next().hex[-16:]


def test_a_forked_process_is_another_place() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, ids.new_id().hex[-16:].encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 16).decode() != new_id().hex[-16:]


@pytest.mark.parametrize("text", ["x", "0" * 31, "{}", "../etc"])
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(Invalid):
        parse_id(text)
