"""The circuit breaker, on a clock that the test turns."""

import pytest

from idiff.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        permit = breaker.admit()
        assert permit
        permit.settle(False)


def test_only_failures_in_a_row_open_it(clock: Clock) -> None:
    breaker = Breaker(3, 10, clock)
    fail(breaker, 2)
    permit = breaker.admit()
    assert permit
    permit.settle(True)
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "open"
    assert breaker.admit() is None


def test_one_probe_decides(clock: Clock) -> None:
    breaker = Breaker(1, 10, clock)
    fail(breaker)
    clock.now += 9.99
    assert breaker.admit() is None
    clock.now += 0.01
    assert breaker.state == "half_open"
    probe = breaker.admit()
    assert probe
    assert breaker.admit() is None
    probe.settle(False)
    assert breaker.state == "open"
    clock.now += 10
    fail_again = breaker.admit()
    assert fail_again
    fail_again.settle(True)
    assert breaker.state == "closed"
    assert breaker.admit()


def test_an_abandoned_probe_leaves_room_for_the_next(clock: Clock) -> None:
    breaker = Breaker(1, 10, clock)
    fail(breaker)
    clock.now += 10
    probe = breaker.admit()
    assert probe
    probe.settle(None)
    assert breaker.state == "half_open"
    assert breaker.admit()


def test_calls_from_before_the_change_do_not_count(clock: Clock) -> None:
    breaker = Breaker(1, 10, clock)
    early, late = breaker.admit(), breaker.admit()
    assert early
    assert late
    fail(breaker)
    clock.now += 10
    probe = breaker.admit()
    assert probe
    early.settle(True)
    late.settle(False)
    assert breaker.state == "half_open"
    assert breaker.admit() is None
    probe.settle(True)
    assert breaker.state == "closed"


def test_a_permit_is_settled_once(clock: Clock) -> None:
    breaker = Breaker(2, 10, clock)
    permit = breaker.admit()
    assert permit
    permit.settle(False)
    permit.settle(False)
    assert breaker.state == "closed"
