"""What holds of every test."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["tests.support.places"]

# How long an example takes says something of the machine, and nothing of the bridge. And what one run finds the next
# one finds, too: `--hypothesis-profile=search` looks for what these examples miss.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("search"), derandomize=True, database=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def goes_like_others() -> Iterator[None]:
    """No test leaves this process, and by it whatever it starts, before everything else, as SVT-AV1 does."""
    yield
    assert os.sched_getscheduler(0) == os.SCHED_OTHER, "see tests/transcode/svt_av1.py"


class FailuresAtOnce:
    """Names each failure when it happens: a run that is cut short has said what it knew."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Writes the test's name and the first line of what went wrong."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            why = getattr(getattr(report.longrepr, "reprcrash", None), "message", report.longreprtext)
            terminal.write_line(f"\n{report.nodeid} failed in its {report.when}: {why.strip().splitlines()[0][:300]}")


def pytest_configure(config: pytest.Config) -> None:
    """Workers report to the process that started them, which alone has a terminal."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """How `make test` shares the tests between workers."""
    return ModulesAtOnce(config, log)


class ModulesAtOnce(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps a module on one worker, which starts its bridge and its browsers once; runs of node are their own."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::", 1)[0]
        return nodeid if module.endswith("tests/web/test_web.py") else module


# What takes longest goes first: a worker that began with it last would run on alone.
LONGEST = ("tests/browser/", "tests/web/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has the folders of LONGEST first."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
