"""The rendered rules of a region: each alert with its hold, what it selects, and how long its windows remember."""
import math
import pathlib
import re

import yaml

STRING = r'"(?:\\.|[^"\\])*"'
# What may stand where a metric's name may: everything else that is no function is one.
WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan",
         "sum", "min", "max", "avg", "count", "count_values", "quantile", "topk", "bottomk", "group", "stddev", "stdvar"}
TOKEN = re.compile(rf"""
    (?P<string>{STRING})
  | (?P<labels>\b(?:by|on|ignoring|without|group_left|group_right)\s*\([^)]*\))
  | (?P<range>\[[^\]]*\])
  | (?P<name>[a-zA-Z_][a-zA-Z0-9_:]*)\s*(?P<matchers>\{{(?:[^"}}]|{STRING})*\}})?(?P<call>\s*\()?
  | (?P<other>\d[\d.]*[a-z]*|.)
""", re.X | re.S)
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def seconds(text):
    """A duration as Prometheus writes it: 3m9s."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", text or "0s"))


def selectors(expression):
    """Every selector of an expression, as it is written."""
    found = []
    for token in TOKEN.finditer(expression):
        name = token["name"]
        if name and not token["call"] and name.lower() not in WORDS:
            found.append(name + (token["matchers"] or ""))
    return found


class Alert:
    """An alert of a region's rule files."""

    def __init__(self, topic, rule, interval):
        self.topic, self.name, self.expression = topic, rule["alert"], rule["expr"]
        self.labels, self.annotations, self.interval = rule["labels"], rule.get("annotations", {}), interval
        self.hold = seconds(rule.get("for"))
        self.selectors = selectors(self.expression)

    def within(self, latency=0):
        """The longest time from a failure to the alert: until the scraped series say so, a scrape, an evaluation, and the hold
        in whole evaluations (X-PR-1 without the way to the pager)."""
        return latency + 2 * self.interval + math.ceil(self.hold / self.interval) * self.interval

    def memory(self):
        """How long the condition may stay true after its cause is gone: the longest window that is looked back on."""
        return max([0, *(seconds(text) for text in re.findall(r"\[([^\]:]+)", self.expression))])


class Rules:
    """All alerts of a directory of rule files."""

    def __init__(self, directory):
        self.files = sorted(pathlib.Path(directory).glob("*.rules.yaml"))
        self.alerts, self.records = [], []
        for path in self.files:
            for group in yaml.safe_load(path.read_text())["groups"]:
                interval = seconds(group["interval"])
                for rule in group["rules"]:
                    if "alert" in rule:
                        self.alerts.append(Alert(path.name.split(".")[0], rule, interval))
                    else:
                        self.records.append(rule)

    def named(self, name):
        return [alert for alert in self.alerts if alert.name == name]
