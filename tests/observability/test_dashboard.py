"""The dashboard that operators are given, held against the metrics that there are and the alerts that it explains."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.bridge import running_bridge

ROOT = Path(__file__).parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for panel in PANELS:
        yield from (target["expr"] for target in panel["targets"])
    yield from (each["expr"] for each in DASHBOARD["annotations"]["list"])
    yield from (each["query"]["query"] for each in DASHBOARD["templating"]["list"] if each["type"] == "query")


def metrics_of(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:bridge|process)_\w+", expression))


def test_panels_ask_for_metrics_and_labels_that_there_are(tmp_path: Path) -> None:
    with running_bridge(tmp_path) as bridge:
        shown = httpx.get(f"{bridge.url}/metrics").text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", shown, re.MULTILINE))
    there = {f"{name}_bucket" if kind == "histogram" else name for name, kind in kinds.items()}
    for expression in expressions():
        assert metrics_of(expression) <= there, expression
        for metric in metrics_of(expression):
            counter = kinds.get(metric) == "counter" or metric.endswith("_bucket")
            assert counter == (re.search(rf"(rate|increase)\({metric}\b", expression) is not None), expression


def test_every_metric_that_an_alert_asks_for_is_shown() -> None:
    [group] = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    shown = set().union(*map(metrics_of, expressions()))
    assert {rule["alert"]: metrics_of(rule["expr"]) - shown for rule in group["rules"]} == {
        rule["alert"]: set() for rule in group["rules"]
    }
    told = " ".join(panel.get("description", "") for panel in PANELS)
    assert [rule["alert"] for rule in group["rules"] if rule["alert"] not in told] == []


def test_it_is_of_whatever_data_source_is_chosen_and_nothing_lies_on_another() -> None:
    assert {str(panel["datasource"]["uid"]) for panel in PANELS} == {"${datasource}"}
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        squares = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert max(x for x, _ in squares) < 24, panel["title"]
        assert not squares & taken, panel["title"]
        taken |= squares
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
