"""Token buckets, and who counts as one client."""

from dataclasses import dataclass

import pytest

from scalediff_contract.web.rates import TokenBuckets, client_of


@dataclass
class Clock:
    """Time that stands still until it is turned."""

    now_ms: float = 1_769_936_404_000.0

    def turn_s(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += seconds * 1000


@pytest.fixture
def clock() -> Clock:
    return Clock()


def buckets(clock: Clock, per_minute: int, **options: int) -> TokenBuckets:
    return TokenBuckets(per_minute, lambda: clock.now_ms / 1000, **options)


def test_a_minutes_requests_are_free_at_once_and_come_back_evenly(clock: Clock) -> None:
    rates = buckets(clock, 60)
    assert [rates.take("a") for _ in range(60)] == [0.0] * 60
    assert rates.take("a") == pytest.approx(1.0)
    clock.turn_s(0.5)
    assert rates.take("a") == pytest.approx(0.5)
    clock.turn_s(0.6)
    assert rates.take("a") == 0


def test_ten_thousand_a_minute_get_the_bucket_and_its_refill(clock: Clock) -> None:
    rates = buckets(clock, 600)
    taken = 0
    for _ in range(10_000):
        taken += rates.take("flood") == 0
        clock.turn_s(60 / 10_000)
    assert 1198 <= taken <= 1200
    assert rates.take("another") == 0


def test_a_long_rest_saves_no_more_than_a_minute(clock: Clock) -> None:
    rates = buckets(clock, 5)
    rates.take("a")
    clock.turn_s(3600)
    assert sum(rates.take("a") == 0 for _ in range(10)) == 5


def test_memory_is_bounded_and_the_busy_are_remembered(clock: Clock) -> None:
    rates = buckets(clock, 1, max_clients=100)
    rates.take("busy")
    for number in range(1_000):
        rates.take(f"client {number}")
        assert rates.take("busy") > 0
    assert len(rates) == 100


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_one_client_is_one_ipv4_address_or_a_network_of_ipv6(address: str, client: str) -> None:
    assert client_of(address) == client
