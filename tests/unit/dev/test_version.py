"""One version, wherever it is told: it has to be true of the image and of a checkout, where nothing is installed."""

from __future__ import annotations

import re
import tomllib

from domain.version import VERSION
from tests.roles import ROOT
from workers import telemetry


def test_the_distribution_takes_it_from_the_code() -> None:
    described = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" not in described["project"]
    assert described["tool"]["hatch"]["version"] == {"path": "domain/version.py"}


def test_the_chart_brings_the_same() -> None:
    chart = (ROOT / "deploy/helm/postroom/Chart.yaml").read_text("utf-8")
    assert re.findall(r'^(?:version|appVersion): "?(.+?)"?$', chart, re.MULTILINE) == [VERSION, VERSION]


def test_traces_carry_it() -> None:
    assert telemetry._resource("web").attributes["service.version"] == VERSION
