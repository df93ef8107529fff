"""Whether the bridge lives (or should be started anew) and whether it is ready (or should get no new calls)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Check = Callable[[], bool]


class Health:
    """Answers `/healthz` and `/readyz`. Checks are quick and read what is known; they wait for nothing."""

    def __init__(
        self, *, live: Mapping[str, Check], ready: Mapping[str, Check], told: Mapping[str, Check] | None = None
    ) -> None:
        """What has to hold for each, by name; being ready takes being alive too.

        Of `told` it is said among the checks of being ready whether it holds, and no more: where all nodes lack the
        same thing, calls sent elsewhere are no better off, and a balancer that finds no node ready lets nobody back.
        """
        self._live = dict(live)
        self._ready = {**live, **ready}
        self._told = dict(told or {})

    def live(self) -> dict[str, bool]:
        """Each check by name. Any False: end the process, it will not mend itself."""
        return {name: check() for name, check in self._live.items()}

    def ready(self) -> dict[str, bool]:
        """Each check by name, those that are only told included."""
        return {name: check() for name, check in {**self._ready, **self._told}.items()}

    def is_ready(self) -> bool:
        """False: send new calls elsewhere; those that run go on."""
        return all(check() for check in self._ready.values())
