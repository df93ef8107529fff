"""What holds of every test."""

import pytest
from hypothesis import settings

# How long an example takes says something of the machine, and nothing of the bridge.
settings.register_profile("untimed", deadline=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("untimed")


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
