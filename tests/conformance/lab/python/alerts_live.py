"""Hold the rendered alerts of a running data tier to what they promise: alerts_live.py OUT RESULTS. See ../../alerts-live."""
import dataclasses
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from failures import BACKUPS, Expected, down, rounds, table
from postgres import Failure, ok, say, wait
from watched import Watched

# Selectors without a series while all is well: why, and the label without whose matcher there must be one.
EMPTY = {
    "pg_replication_slots_wal_status": "postgres_exporter 0.20 calls it so; the other name is that of 0.17",
    "pg_replication_slot_wal_status": ("wal_status", "only a slot that is about to be lost has these values"),
}

PAGE = pathlib.Path(__file__).resolve().parents[4] / "docs/failures.md"
SEPARATOR = "|---|---|\n"
# Scrapes and evaluations are late by so many seconds when two cores run all of this.
BUSY = 2

# Pages that no other one inhibits, and the wait of their group with the way there (F-PR-05).
PAGES = dict.fromkeys(("PostgresArchiveFailing", "EtcdQuorumLost", "RedisSlotsNotServed", "PostgresLeaderMissing"), 10 + BUSY + 5)


class Judge:
    """Compares what fires with what must, and keeps the times."""

    def __init__(self, tier, results):
        self.tier, self.results = tier, pathlib.Path(results)
        self.wrong, self.report, self.made = [], [], []
        self.lingering = []   # (alert, until when its window may remember)
        self.always = [Expected("Watchdog", {})]
        if not tier.counts_backups:
            # Without it the alerts that rest on it must fire, all the time: that is how its absence is noticed.
            members = [host.name for host in tier.postgres.members]
            self.always += [*down("pgbackrest", *members), *(Expected(name, {}) for name in BACKUPS)]
            say("    pgbackrest_exporter is not here: the alerts about its absence must fire all the time")

    def complain(self, text):
        say(f"    FAILED  {text}")
        self.wrong.append(text)

    def firing(self):
        """What fires and is not explained by what always does, or did."""
        now = time.monotonic()
        known = [*self.always, *(alert for alert, until in self.lingering if now < until)]
        return [labels for labels in self.tier.prometheus.alerts("firing") if not any(alert.matches(labels) for alert in known)]

    def pending(self):
        known = [*self.always, *(alert for alert, _ in self.lingering)]
        return [labels for labels in self.tier.prometheus.alerts("pending") if not any(alert.matches(labels) for alert in known)]

    # --- while all is well

    def accepted(self):
        for command in (["check", "rules", "--lint=all", "--lint-fatal", *map(str, self.tier.rules.files)],
                        ["check", "config", str(self.tier.alerts / "prometheus.yaml")]):
            ran = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
            if ran.returncode:
                self.complain(f"promtool {' '.join(command[:2])}: {ran.stdout}{ran.stderr}")
        asked = {rule["name"] for group in self.tier.prometheus.ask("rules")["groups"] for rule in group["rules"]}
        missing = {alert.name for alert in self.tier.rules.alerts} - asked
        if missing:
            self.complain(f"Prometheus has not loaded {sorted(missing)}")
        ok(f"promtool and Prometheus take the rules and the scrape configuration; {len(self.tier.rules.alerts)} alerts")

    def scraped(self):
        def up():
            found = self.tier.prometheus.targets()
            bad = {target: error for target, error in found.items()
                   if error and (target[0] != "pgbackrest" or self.tier.counts_backups)}
            if bad:
                raise Failure(str(bad))
            return found
        wait("every target is up", 60, up)

    def selected(self):
        """Every selector of every alert finds a series, but for those that are named with a reason."""
        count, used = 0, set()
        for alert in self.tier.rules.alerts:
            for selector in dict.fromkeys(alert.selectors):
                count += 1
                if self.tier.prometheus.query(f"count({selector})"):
                    continue
                name = selector.split("{")[0]
                if name.startswith("pgbackrest_") and not self.tier.counts_backups:
                    continue
                used.add(name)
                reason = EMPTY.get(name)
                if reason is None:
                    self.complain(f"{alert.name}: no series of {selector}")
                elif isinstance(reason, tuple) and not self.tier.prometheus.query(f'count({name}{{{reason[0]}!=""}})'):
                    self.complain(f"{alert.name}: no series of {name} with any {reason[0]}")
        for name in sorted(set(EMPTY) - used):
            self.complain(f"{name} has series now: it needs no exception")
        if count < len(self.tier.rules.alerts):
            self.complain(f"only {count} selectors were read from {len(self.tier.rules.alerts)} alerts")
        ok(f"{count} selectors of {len(self.tier.rules.alerts)} alerts; {len(used)} are empty for a reason")

    def quiet(self):
        """Nothing fires, and nothing is about to, for as long as the longest hold that is usual here."""
        settle = 2 * max(alert.hold for alert in self.tier.rules.alerts if alert.hold <= 30)
        wait("the start has settled", 90, lambda: not self.firing() and not self.pending())
        until = time.monotonic() + settle
        while time.monotonic() < until:
            for labels in [*self.firing(), *self.pending()]:
                self.complain(f"while all is well: {name_of(labels)}")
                return
            time.sleep(1)
        ok(f"nothing but the dead-man's switch fires or is about to, for {settle:.0f} s")

    # --- while something is broken

    def bound(self, expected):
        return max(alert.within(expected.latency) for alert in self.tier.rules.named(expected.name))

    def round(self, failures):
        self.made += [dataclasses.replace(failure) for failure in failures]
        always = {str(alert) for alert in self.always}
        for failure in failures:
            failure.alerts = [alert for alert in failure.alerts if str(alert) not in always]
        expected = [alert for failure in failures for alert in failure.alerts]
        for alert in expected:
            if not self.tier.rules.named(alert.name):
                raise Failure(f"no rule is called {alert.name}")
        say("  " + "; ".join(failure.what for failure in failures))
        for failure in failures:
            failure.make()
            # By the clock that Prometheus has, too: what it tells of an alert is a time.
            failure.since = time.time()
        fired = self.until_fired(failures)
        self.told({alert.name for alert in expected if id(alert) in fired})
        lasting = self.repair(failures)
        self.lingering += lasting
        self.report += [{"failure": failure.what, "alerts": [
            {"alert": str(alert), "seconds": fired.get(id(alert)), "within": self.bound(alert)} for alert in failure.alerts]} for failure in failures]

    def until_fired(self, failures):
        """Until everything fires that must, and nothing else is about to."""
        expected = [(failure, alert) for failure in failures for alert in failure.alerts]
        fired, seen = {}, set()
        longest = max(failure.since + self.bound(alert) for failure, alert in expected) + BUSY
        # What must not fire may be pending: it is waited for, until it has given up or fired.
        while time.time() < max(longest, failures[-1].since + 120):
            for failure, alert in expected:
                if id(alert) not in fired and (found := self.fired_at(alert)):
                    fired[id(alert)] = round(found - failure.since, 1)
            strays = {name_of(labels) for labels in self.firing() if not any(alert.matches(labels) for _, alert in expected)}
            for name in sorted(strays - seen):
                self.complain(f"fires without a reason: {name}")
            seen |= strays
            waiting = [labels for labels in self.pending()
                       if not any(alert.matches(labels) for _, alert in expected) and self.may_fire_soon(labels)]
            if len(fired) == len(expected) and not waiting or len(fired) < len(expected) and time.time() > longest:
                break
            time.sleep(1)
        for failure, alert in expected:
            seconds, bound = fired.get(id(alert)), self.bound(alert)
            if seconds is None:
                self.complain(f"{failure.what}: {alert} does not fire within {bound:.0f} s")
            elif seconds > bound + BUSY:
                self.complain(f"{failure.what}: {alert} fires after {seconds} s, not within {bound:.0f} s")
        ok(f"{len(fired)} alerts fire that must, the last after {max(fired.values(), default=0):.0f} s")
        return fired

    def fired_at(self, expected):
        """When an alert began to fire: what Prometheus says of its condition, and the hold. None while it does not."""
        rules = self.tier.rules.named(expected.name)
        hold = max(math.ceil(rule.hold / rule.interval) * rule.interval for rule in rules)
        found = [active for labels, active in self.tier.prometheus.since("firing") if expected.matches(labels)]
        return min(found) + hold if found else None

    def may_fire_soon(self, labels):
        """Whether what is pending is decided while one can wait for it."""
        return max(alert.hold for alert in self.tier.rules.named(labels["alertname"])) <= 60

    def repair(self, failures):
        """Everything is repaired and resolves; what looks back on a window is given its time."""
        lasting = []
        for failure in failures:
            failure.repair()
        repaired = time.monotonic()
        interval = self.tier.rules.alerts[0].interval
        expected = [alert for failure in failures for alert in failure.alerts]
        for alert in expected:
            memory = max(rule.memory() for rule in self.tier.rules.named(alert.name))
            if memory > 60:
                lasting.append((alert, repaired + memory + 2 * interval))
        recovery = max(failure.recovery for failure in failures) + 2 * interval
        self.lingering += lasting
        left = None
        while True:
            left = [*self.firing(), *self.pending()]
            if not left or time.monotonic() > repaired + recovery + 60:
                break
            time.sleep(1)
        for _ in lasting:
            self.lingering.pop()
        took = time.monotonic() - repaired
        for labels in left:
            self.complain(f"after the repair: {name_of(labels)}")
        ok(f"resolved {took:.0f} s after the repair" + (f"; {len(lasting)} look back longer" if lasting else ""))
        return lasting

    def written(self):
        """The page of failures says what was seen: HAGEN_BLESS=1 writes it anew."""
        page = PAGE.read_text()
        fired = {alert.name for failure in self.made for alert in failure.alerts} | {"Watchdog"}
        never = sorted({alert.name for alert in self.tier.rules.alerts} - fired)
        head = re.sub(r"(?m)^No failure here .*$", f"No failure here makes these fire: {', '.join(f'`{name}`' for name in never)}.", page.split(SEPARATOR)[0])
        should = f"{head}{SEPARATOR}{table(self.made)}\n"
        if os.environ.get("HAGEN_BLESS") == "1":
            PAGE.write_text(should)
        elif page != should:
            self.complain(f"{PAGE.name} does not say what fires: HAGEN_BLESS=1 writes it")

    def told(self, names):
        """Each page reaches people while its cause lasts."""
        for name in sorted(names & PAGES.keys()):
            title = f"FIRING {name} {self.tier.region.name}"
            try:
                wait(f"somebody is told: {title}", PAGES[name], lambda: title in self.tier.receiver.titles("/slack-url"))
            except Failure as late:
                self.complain(str(late))

    def heard(self):
        """The dead-man's switch goes outside again and again."""
        count = [path for path, _ in self.tier.receiver.told].count("/dead-man-url")
        if count < 10:
            self.complain(f"the dead-man's switch was heard {count} times")
        ok(f"the dead-man's switch was heard {count} times")


def name_of(labels):
    own = {key: value for key, value in labels.items() if key not in ("alertname", "system", "region", "severity", "component", "cluster")}
    return " ".join([labels["alertname"], *(f"{key}={value}" for key, value in sorted(own.items()))])


def prove(out, results):
    started = time.monotonic()
    tier = Watched(out)
    try:
        tier.boot()
        judge = Judge(tier, results)
        judge.accepted()
        judge.scraped()
        judge.quiet()
        judge.selected()
        for failures in rounds(tier):
            judge.round(failures)
            tier.programs.alive()
        judge.heard()
        judge.written()
        seconds = round(time.monotonic() - started)
        (judge.results / "report.json").write_text(json.dumps({"seconds": seconds, "failures": judge.report, "wrong": judge.wrong}, indent=2) + "\n")
        if judge.wrong:
            raise Failure("; ".join(judge.wrong))
    finally:
        tier.stop()
    ok(f"everything stopped and removed; {time.monotonic() - started:.0f} s in all")


def main():
    os.umask(0o022)
    # Whoever ends this ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("FAILED  ended from outside"))
    try:
        prove(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2])
    except Failure as failure:
        sys.exit(f"FAILED  {failure}")


if __name__ == "__main__":
    main()
