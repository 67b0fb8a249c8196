"""How often wrong keys may be tried from one address. Those at others never wait for it."""

from __future__ import annotations

import threading
from ipaddress import IPv6Address, ip_address, ip_network

from dumbbell_server.clock import Clock

MOST, WINDOW = 30, 60.0  # wrong keys in so many seconds
_MOST_PLACES = 1000


class Attempts:
    """Of each place: when its window began, and the wrong keys since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._places: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def too_many(self, address: str) -> bool:
        begin, count = self._places.get(_place(address), (0.0, 0))
        return count >= MOST and begin <= self._clock.seconds() < begin + WINDOW  # it may have been set back

    def wrong(self, address: str) -> None:
        """One more from there."""
        place, now = _place(address), self._clock.seconds()
        with self._lock:
            begin, count = self._places.pop(place, (now, 0))
            if not begin <= now < begin + WINDOW:
                begin, count = now, 0
            self._places[place] = begin, count + 1
            if len(self._places) > _MOST_PLACES:
                del self._places[next(iter(self._places))]  # which had its last wrong key before all others


def _place(address: str) -> str:
    """The address; of IPv6 the network that one household has, where an address costs nothing."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or ip_network((found.packed, 64), strict=False))
