"""The alerting rules that operators are given, held against the metrics that there are.

`promtool check rules deploy/alerts.yaml` says whether Prometheus takes them.
"""

import re
from pathlib import Path

import httpx
import yaml

from tests.support.bridge import running_bridge

ROOT = Path(__file__).parents[2]


def test_alerts_ask_for_metrics_that_there_are(tmp_path: Path) -> None:
    [group] = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    with running_bridge(tmp_path) as bridge:
        shown = httpx.get(f"{bridge.url}/metrics").text
    there = set(re.findall(r"^# TYPE (\S+) ", shown, re.MULTILINE))
    there |= {f"{name}_bucket" for name in there}
    for rule in group["rules"]:
        asked = set(re.findall(r"\bbridge_\w+", rule["expr"]))
        assert asked <= there, rule["alert"]


def test_each_alert_stands_in_the_documentation() -> None:
    [group] = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    told = (ROOT / "docs" / "operators.md").read_text()
    assert [rule["alert"] for rule in group["rules"] if f"`{rule['alert']}`" not in told] == []
