"""A store under Sentinel in its rendered pods, held against what is declared.

The declared roles; a primary whose machine is lost under a client that asks the sentinels (how long, and which acknowledged
writes are gone), and its return with another address; all pods at once with other addresses; failback and drain under load,
which lose nothing; a container that is killed; a lost volume; a pod that is alone; a backup and its restore.
Figures: target/conformance/redis-kubernetes/STORE.json.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from redis_cluster import ROOT, hagen_diff_of
from redis_pods import Pods, check, step, unfinished, wait
from redis_sentinel_client import Writer, wait_for

# What the client of the object store does that backup.sh calls: in a directory. The store itself is not what is tried here.
AWS = """#!/bin/sh
set -eu
shift
command=$1
shift
args=
while [ $# -gt 0 ]; do
  case $1 in
  --region | --sse | --endpoint-url) shift ;;
  --*) ;;
  *) args="$args $1" ;;
  esac
  shift
done
set -- $args
case $command in
cp) to=/store/${2#s3://}; mkdir -p "$(dirname "$to")"; cp "$1" "$to" ;;
ls) at=/store/${1#s3://}; if [ -f "$at" ]; then ls "$at"; else for d in "$at"*/; do echo "  PRE $(basename "$d")/"; done; fi ;;
*) exit 9 ;;
esac
"""


class StorePods(Pods):
    """The pods of one store."""

    def __init__(self, manifest, roles):
        super().__init__(manifest, roles)
        self.sentinels = {s["name"]: s for s in self.roles["sentinels"]}
        self.store, self.first = self.roles["cluster"], self.roles["shards"][0]["primary"]
        self.directory = self.path.parent
        self.hosts_of = {node["name"]: (node["host"], str(node["port"])) for node in self.roles["nodes"]}
        self.appends = "\nappendonly yes\n" in self.objects["ConfigMap"][self.first]["data"]["redis.conf"]

    def files(self):
        mounted = {mount["name"] for mount in self.container(self.first)["volumeMounts"]}
        return self.certificates() if "certificates" in mounted else None

    def at(self, host, port):
        pod = host.split(".")[0]
        if pod not in self.addresses:
            raise OSError(f"{host} leads nowhere")
        return {"host": host, "port": port, "address": self.addresses[pod]}

    def named(self, name):
        """The primary that a sentinel names."""
        said = tuple(self.cli(name, "sentinel", "get-master-addr-by-name", self.store, port="sentinel").split())
        return next(n for n, at in self.hosts_of.items() if at == said)

    def agreed(self):
        names = {self.named(name) for name in self.running}
        check(len(names) == 1, f"the sentinels name {names}")
        return names.pop()

    def info(self, name):
        return dict(line.strip().split(":", 1) for line in self.cli(name, "info", "replication").splitlines() if ":" in line)

    def primaries(self):
        """Every node that takes itself for the primary, by its own word."""
        found = []
        for name in self.running:
            try:
                found += [name] if self.info(name)["role"] == "master" else []
            except (SystemExit, KeyError):
                pass
        return found

    def follows(self, name, primary):
        info = self.info(name)
        return (info["role"], info.get("master_host"), info.get("master_port"), info.get("master_link_status")) == ("slave", *self.hosts_of[primary], "up")

    def is_whole(self, primary=None):
        now = self.agreed()
        return primary in (None, now) and self.primaries() == [now] and len(self.running) == len(self.names) and all(
            self.follows(name, now) for name in self.names if name != now)

    def setting(self, what):
        text = self.objects["ConfigMap"][self.first]["data"]["sentinel.conf"]
        return int(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"sentinel {what} ")))

    def splits(self):
        """How often a sentinel stood for election and was not elected."""
        return max(self.log(name, "sentinel").count("-failover-abort-not-elected") for name in self.names)


def keys(pods, count=None):
    """How many keys every node has."""
    found = {name: int(pods.cli(name, "dbsize")) for name in pods.running}
    return len(set(found.values())) == 1 and (count is None or set(found.values()) == {count})


def starts(pods, figures):
    step("the pods start; the bootstrap Job ends when the roles are the declared ones")
    began = time.monotonic()
    for name in pods.names:
        pods.start(name)
    pods.job("Job", "bootstrap")
    figures["start_s"] = round(time.monotonic() - began, 1)
    check(pods.is_whole(pods.first), "the roles are not the declared ones")
    for name in pods.names:
        for kind in ("live", "ready", "sentinel", "synced"):
            wait(f"{name} is not {kind}", lambda: pods.probe(name, kind), limit=5)
    check("nothing to do" in pods.job("Job", "bootstrap"), "it did something")
    step("Prometheus gets the figures of a node and of the sentinel beside it, by their PodMonitors")
    nodes, sentinels = (pods.figures(pods.first, monitor) for monitor in pods.objects["PodMonitor"])
    check("redis_up 1" in nodes and any(line.startswith('redis_instance_info{') and 'role="master"' in line for line in nodes), f"of the node: {nodes}")
    check("redis_up 1" in sentinels and any(line.startswith("redis_sentinel_master_status{") for line in sentinels), f"of the sentinel: {sentinels}")
    step("a setting changed by hand in one sentinel is set back")
    pods.cli(pods.first, "sentinel", "set", pods.store, "parallel-syncs", "2", port="sentinel")
    check("sentinel set" in pods.job("Job", "bootstrap"), "it did nothing")


def lost(pods, figures):
    """The machine of the primary is gone, and its pod comes back elsewhere; then all pods at once."""
    bound = pods.setting("down-after-milliseconds") / 1000 + 7
    again = 2 * pods.setting("failover-timeout") / 1000 + 10
    step(f"the machine of {pods.first} is lost under load, and a name server with it; every sentinel names another within {bound} s")
    splits = pods.splits()
    writer = Writer(pods, "lost:")
    writer.start()
    time.sleep(3)
    pods.silent, asked = True, pods.asked
    pods.lose(pods.first)
    at = time.monotonic()
    took = wait("no failover", lambda: pods.agreed() != pods.first, limit=bound + again)
    now = pods.agreed()
    check(pods.asked > asked, "nobody has asked the name server")
    time.sleep(4)
    pods.silent = False
    gone = writer.end().lost()
    outage = next((t for t, _ in writer.acknowledged if t > at), at + 999) - at
    # A vote that nobody wins is tried again after twice the failover timeout; that is no part of the bound, and told.
    splits = pods.splits() - splits
    bound += splits * again
    figures["machine_lost"] = {"bound_s": bound, "split_votes": splits, "all_sentinels_s": round(took, 2), "first_write_s": round(outage, 2),
                               "acknowledged": len(writer.acknowledged), "lost": len(gone), "refused": writer.refused}
    print(f"    {json.dumps(figures['machine_lost'])}")
    check(max(outage, took) <= bound, f"no write for {outage} s, {took} s until all named it; promised {bound} s")
    check(not [when for when in gone if when < at - 1 or when > at], f"{len(gone)} writes are lost, and not only the last ones")

    step(f"its pod comes back with another address, as a replica of {now}")
    before = dict(pods.addresses)
    pods.start(pods.first)
    check(pods.addresses[f"{pods.first}-0"] not in before.values(), "it has its old address")
    began = time.monotonic()
    while not pods.probe(pods.first, "synced"):
        check(pods.primaries() == [now], f"primaries: {pods.primaries()}")
        check(time.monotonic() - began < 90, "it does not follow")
    wait("not all follow", lambda: pods.is_whole(now))
    figures["pod_back_s"] = round(time.monotonic() - began, 1)
    check("as declared" not in pods.job("Job", "bootstrap").splitlines()[-1], "the Job does not tell of the other role")
    # A sentinel asks a node for what it follows every ten seconds.
    wait("hagen diff does not tell of the other primary", lambda: hagen_diff_of(
        pods, pods.cli(now, "sentinel", "replicas", pods.store, port="sentinel")) == [("shards[0].primary", "changed", "failover")], limit=25)

    step(f"all pods at once, each with another address: {now} is the primary")
    count = int(pods.cli(now, "dbsize"))
    for name in pods.names:
        pods.stop(name, kill=True)
    began = time.monotonic()
    for name in pods.names:
        pods.start(name)
    wait("they do not find each other", lambda: pods.is_whole(now if pods.appends else None), limit=120)
    figures["all_restarted_s"] = round(time.monotonic() - began, 1)
    if pods.appends:
        check(keys(pods, count), "keys are lost")


def handed(pods, figures):
    """failback and drains under load: no acknowledged write is lost."""
    now = pods.agreed()
    step("the failback Job makes the declared node the primary and loses nothing")
    writer = Writer(pods, "back:")
    writer.start()
    time.sleep(1)
    pods.job("CronJob", "failback")
    time.sleep(2)
    gone = writer.end().lost()
    figures["failback"] = {"from": now, "longest_pause_s": round(writer.gap(), 2), "acknowledged": len(writer.acknowledged), "lost": len(gone)}
    print(f"    {json.dumps(figures['failback'])}")
    check(pods.is_whole(pods.first), "the declared primary is not back")
    check(not gone, f"{len(gone)} acknowledged writes are lost")

    step(f"{pods.first} is drained under load: preStop hands over, nothing is lost")
    writer = Writer(pods, "drain:")
    writer.start()
    time.sleep(1)
    took = pods.drain(pods.first)
    time.sleep(2)
    gone = writer.end().lost()
    figures["drain"] = {"seconds": round(took, 1), "longest_pause_s": round(writer.gap(), 2), "acknowledged": len(writer.acknowledged), "lost": len(gone)}
    print(f"    {json.dumps(figures['drain'])}")
    now = pods.agreed()
    check(now != pods.first and not gone, f"{now} is the primary, {len(gone)} acknowledged writes are lost")
    pods.start(pods.first)
    wait("it does not follow", lambda: pods.is_whole(now))

    step("a replica is drained: it just stops; and the second of two that are drained one after the other waits for the first")
    other = next(name for name in pods.names if name not in (now, pods.first))
    # By hand that is a mistake, and says so.
    by_hand = pods.execute(other, "sh", "/scripts/handover.sh", other)
    check(by_hand.returncode == 3 and f"{other} is not the primary: the sentinels name {now}" in by_hand.stderr, f"by hand: {by_hand.stdout}{by_hand.stderr}")
    check(pods.drain(other) < 15, "a replica took its time")
    pods.start(other)
    writer = Writer(pods, "second:")
    writer.start()
    pods.drain(now)
    time.sleep(2)
    gone = writer.end().lost()
    check(not gone, f"{len(gone)} acknowledged writes are lost")
    pods.start(now)
    wait("not all follow", pods.is_whole)
    pods.job("CronJob", "failback")


def broken(pods, figures):
    """A container that is killed, a lost volume, a pod that is alone."""
    count = int(pods.cli(pods.first, "dbsize"))
    step("the container of the primary is killed and started again by its kubelet: there is one primary, and it has all keys")
    pods.kill_container(pods.first)
    began = time.monotonic()
    pods.start_container(pods.first)
    while True:
        check(len(pods.primaries()) <= 1, f"primaries: {pods.primaries()}")
        try:
            if pods.is_whole():
                break
        except (SystemExit, KeyError):
            pass
        check(time.monotonic() - began < 120, "they do not find each other")
    figures["container_killed"] = {"seconds": round(time.monotonic() - began, 1), "primary_moved": pods.agreed() != pods.first}
    print(f"    {json.dumps(figures['container_killed'])}")
    wait("keys are lost", lambda: keys(pods, count))
    pods.job("CronJob", "failback")

    step("the primary loses its volume: its pod is alive and waits, wipes nobody, and copies from who has taken over")
    pods.lose(pods.first)
    shutil.rmtree(pods.scratch / "claims" / f"{pods.first}-0")
    began = time.monotonic()
    pods.start(pods.first)
    wait("it does not wait", lambda: "it waits" in pods.log(pods.first) or "waits: this node is the primary and has no data" in pods.log(pods.first), limit=10)
    check(pods.probe(pods.first, "live") and not pods.probe(pods.first, "ready"), "its probes do not say: alive, not ready")
    wait("no failover", lambda: pods.agreed() != pods.first, limit=120)
    wait("it has no copy", lambda: pods.is_whole() and keys(pods, count))
    figures["volume_lost_s"] = round(time.monotonic() - began, 1)
    for name in pods.names:
        told = pods.cli(name, "sentinel", "master", pods.store, port="sentinel").split()
        others = int(told[told.index("num-other-sentinels") + 1])
        check(others == len(pods.names) - 1, f"the sentinel of {name} counts {others} others")
    pods.job("CronJob", "failback")

    step("a pod that is alone starts as nothing: it could be a second primary")
    for name in pods.names:
        pods.stop(name, kill=True)
    pods.start(pods.first)
    wait("it does not wait", lambda: "1 of 3 sentinels answer, 2 are needed" in pods.log(pods.first), limit=30)
    time.sleep(5)
    check(pods.primaries() == [] and pods.probe(pods.first, "live") and not pods.probe(pods.first, "ready"), "it has started")
    for name in pods.names[1:]:
        pods.start(name)
    wait("they do not find each other", pods.is_whole, limit=120)
    if pods.appends:
        check(keys(pods, count), "keys are lost")


def restored(pods, figures):
    """The backup Job, every key gone, and all of them back."""
    step("the backup Job takes a snapshot of a replica; the keys are lost; restore.sh brings them back")
    beside, store = pods.scratch / "stand-ins", pods.scratch / "store"
    for directory in (beside, store):
        directory.mkdir()
        os.chown(directory, 999, 999)
    (beside / "aws").write_text(AWS)
    (beside / "aws").chmod(0o755)
    pods.beside = [(beside, "/stand-ins", True), (store, "/store", False)]
    pods.job("CronJob", "backup")
    pods.beside = []
    now = pods.agreed()
    manifest = next(store.rglob("manifest.json"))
    told = json.loads(manifest.read_text())["shards"][0]
    check(told["node"] != now, "the primary was asked, not a replica")
    all_keys = sorted(pods.cli(now, "keys", "*").splitlines())
    shutil.copytree(manifest.parent, pods.scratch / "claims" / f"{now}-0" / "restore")
    for path in (pods.scratch / "claims" / f"{now}-0" / "restore").rglob("*"):
        os.chown(path, 999, 999)
    os.chown(pods.scratch / "claims" / f"{now}-0" / "restore", 999, 999)
    script = ("sh", "/scripts/restore.sh")
    refused = pods.execute(now, *script, now, "/data/restore")
    check(refused.returncode == 3 and "--over" in refused.stderr, f"keys are given up without being asked: {refused.stdout}{refused.stderr}")
    unfinished(pods, now)
    # FLUSHALL is not for the operator: what has no place in the snapshot comes instead of what is in it.
    pods.cli(now, "eval", 'for _, k in ipairs(redis.call("keys", "*")) do redis.call("del", k) end', "0")
    pods.cli(now, "set", "written-by-mistake", "1")
    began = time.monotonic()
    call = pods.command(f"{now}-0", pods.spec(now), [*script, "--over", now, "/data/restore"], pods.container(now))
    running = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    pods.running[now]["redis"].wait(60)
    # What runs beside the first process of a container ends with it.
    os.killpg(running.pid, signal.SIGKILL)
    print("   ", "\n    ".join(running.communicate()[0].strip().splitlines()))
    pods.start_container(now)
    result = pods.execute(now, *script, "--finish", now, "/data/restore")
    print("   ", "\n    ".join((result.stdout + result.stderr).strip().splitlines()))
    check(result.returncode == 0, "it was not finished")
    check(not (pods.scratch / "claims" / f"{now}-0" / "restore.run").exists(), "what was begun is said to be so still")
    figures["restore"] = {"keys": len(all_keys), "seconds": round(time.monotonic() - began, 1)}
    check(pods.is_whole(now), "the roles have changed")
    for name in pods.names:
        check(sorted(pods.cli(name, "keys", "*").splitlines()) == all_keys, f"{name} has other keys")
        check(pods.cli(name, "config", "get", "replica-priority").split()[-1] == "100", f"{name} may not be promoted any more")


def report(pods, figures):
    results = pathlib.Path(os.environ.get("HAGEN_RESULTS", pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "conformance"))
    target = results / "redis-kubernetes"
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{pods.store}.json").write_text(json.dumps(figures, indent=2) + "\n")


def trial(manifest, roles):
    step(f"{manifest.name}: {roles.parent.name}")
    pods, figures = StorePods(manifest, roles), {"store": roles.parent.name}
    try:
        starts(pods, figures)
        lost(pods, figures)
        handed(pods, figures)
        broken(pods, figures)
        if any("backup" in name for name in pods.objects["CronJob"]):
            restored(pods, figures)
        wait_for(lambda: Writer(pods, "").primary())
    except BaseException:
        print(f"logs: {pods.scratch}", file=sys.stderr)
        raise
    finally:
        pods.stop_all()
        report(pods, figures)
    shutil.rmtree(pods.scratch)
