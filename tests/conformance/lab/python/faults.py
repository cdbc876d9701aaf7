"""What breaks in a PostgreSQL cluster, one thing at a time, with a client that writes all the time.

Each fault: how long no write was acknowledged, how many acknowledged ones are gone once everything has healed, and how long
that took. The bounds are those that hagen states (measured.md 3; X-PT-1, X-PT-3, X-PT-6): a longer outage is a failure, and
so is a lost row in a mode that promises none.
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from postgres import Failure, ok, wait

HERE = pathlib.Path(__file__).resolve().parent


class Writer:
    """The client, as a process of its own: it must not share the fate, or the pauses, of whoever watches."""

    def __init__(self, cluster, patroni, interval=0.05):
        self.cluster, self.out = cluster, cluster.scratch / f"writer-{time.monotonic_ns()}.log"
        self.out.touch()
        owner = cluster.drop()
        if owner:
            os.chown(self.out, owner["user"], owner["group"])
            os.chmod(cluster.scratch, 0o711)
        address, port = cluster.pool_address()
        dsn = f"host={address} port={port} user={cluster.user} dbname={cluster.database} options=''"
        # Readable for the account wherever the checkout lies.
        program = cluster.scratch / "writer.py"
        program.write_text((HERE / "writer.py").read_text())
        program.chmod(0o644)
        environment = dict(cluster.environment, PGPASSWORD=cluster.passwords["HAGEN_APPLICATION_PASSWORD"], **cluster.verified(address))
        self.process = subprocess.Popen([f"{patroni}/python", program, self.out, str(interval), dsn], env=environment, cwd="/", **owner)

    def told(self):
        """What was acknowledged so far, and what failed how often."""
        lines = [line.split(" ", 2) for line in self.out.read_text().splitlines()]
        errors = {}
        for kind, _, what in lines:
            if kind == "error":
                errors[what] = errors.get(what, 0) + 1
        return [(float(at), int(row)) for kind, at, row in lines if kind == "ack"], errors

    def stop(self):
        """The same, and it ends."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(90) != 0:
            raise Failure("the writing client failed")
        return self.told()


def outage(acked, since):
    """The longest time without an acknowledgement that ends after `since`; the last one is near the end."""
    times = [at for at, _ in acked]
    gaps = [(later - earlier, earlier) for earlier, later in zip(times, times[1:]) if later > since]
    return max(gaps, default=(float("inf"), 0))[0]


def number(host, name):
    return int(host.read("patroni.yml", rf"^    {name}: (\d+)$"))


def router_time(cluster):
    """Until the router leads to a member that is primary: X-PT-7."""
    found = re.search(r"inter (\d+)ms .* rise (\d+)", (cluster.routers[0].directory / "haproxy.cfg").read_text())
    return int(found.group(1)) / 1000 * (int(found.group(2)) + 1)


def strict(cluster):
    """Whether nothing may be written without a standby that confirms it."""
    return cluster.members[0].read("patroni.yml", r"^    synchronous_mode_strict: (.+)$") == "true"


def bounds(cluster):
    """Fault: the longest outage that is promised."""
    host = cluster.members[0]
    ttl, loop = number(host, "ttl"), number(host, "loop_wait")
    failover = ttl + loop + 2 + router_time(cluster)
    # A planned change: at most a loop until it begins, the shutdown checkpoint and the promotion (3 s were measured), the router,
    # and a second until the pool tries again.
    planned = loop + 3 + router_time(cluster) + 1
    return {
        "switchover": planned,
        "leader lost (kill -9 of Patroni and PostgreSQL)": failover,
        "leader lost, and ahead of all others": failover,
        "PostgreSQL of the leader killed": loop + 3 + router_time(cluster) + 1,
        "Patroni of the leader killed": failover,
        "one standby lost": 2 * loop + 1,
        # Strict: nothing is written until one is back; here it is brought back after as long as the others may take.
        "all standbys lost": 2 * loop + 1 + (2 * loop + 3 + 30 if strict(cluster) else 0),
        "one etcd member lost": 2 * loop,
    }


def postmaster(host):
    return int((pathlib.Path(host.read("patroni.yml", r"^  data_dir: (.+)$")) / "postmaster.pid").read_text().split()[0])


def senders(leader):
    """The processes that send the leader's WAL to the standbys."""
    found = []
    for pid in pathlib.Path(f"/proc/{postmaster(leader)}/task/{postmaster(leader)}/children").read_text().split():
        with contextlib.suppress(OSError):
            if "walsender" in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
                found.append(int(pid))
    return found


def switchover(cluster, leader):
    status, said = cluster.rest(leader, "/switchover", json.dumps({"leader": leader.name}).encode(), cluster.passwords["PATRONI_RESTAPI_PASSWORD"])
    if status != 200:
        raise Failure(f"switchover: {status} {said}")
    return lambda: None


def lose_leader(cluster, leader):
    cluster.lose(leader)
    return lambda: cluster.start(leader, "patroni")


def lose_leader_ahead(cluster, leader):
    """The leader has WAL that no standby has, so it cannot simply follow: it must rewind. Nobody was promised that row."""
    stopped = senders(leader)
    if len(stopped) < len(cluster.members) - 1:
        raise Failure(f"only {len(stopped)} processes send WAL to standbys")
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    cluster.superuser(leader, "SET synchronous_commit = local; CREATE TABLE ahead AS SELECT generate_series(1, 1000)")
    cluster.lose(leader)
    # What stands still does not see that the server is gone.
    for pid in stopped:
        os.kill(pid, signal.SIGKILL)
    return lambda: cluster.start(leader, "patroni")


def kill_postgres(cluster, leader):
    os.kill(postmaster(leader), signal.SIGKILL)
    return lambda: None


def kill_patroni(cluster, leader):
    """PostgreSQL goes on without anybody who watches it: without a watchdog it takes writes from whoever reaches it (X-PT-4)."""
    cluster.kill(leader, "patroni")
    return lambda: cluster.start(leader, "patroni")


def lose_standby(cluster, leader):
    roles = cluster.roles()
    standbys = [h for h in cluster.members if h is not leader]
    chosen = next((h for h in standbys if roles[h.name][0] in ("sync_standby", "quorum_standby")), standbys[0])
    cluster.lose(chosen)
    return lambda: cluster.start(chosen, "patroni")


def lose_standbys(cluster, leader):
    lost = [h for h in cluster.members if h is not leader]
    for host in lost:
        cluster.lose(host)

    def repair():
        for host in lost:
            cluster.start(host, "patroni")

    return repair


def lose_etcd(cluster, _leader):
    chosen = cluster.etcd[0]
    cluster.kill(chosen, "etcd")
    return lambda: cluster.start(chosen, "etcd")


FAULTS = {
    "switchover": switchover,
    "leader lost (kill -9 of Patroni and PostgreSQL)": lose_leader,
    "leader lost, and ahead of all others": lose_leader_ahead,
    "PostgreSQL of the leader killed": kill_postgres,
    "Patroni of the leader killed": kill_patroni,
    "one standby lost": lose_standby,
    "all standbys lost": lose_standbys,
    "one etcd member lost": lose_etcd,
}

# After these another member leads.
MOVES = [
    "switchover",
    "leader lost (kill -9 of Patroni and PostgreSQL)",
    "leader lost, and ahead of all others",
    "Patroni of the leader killed",
]


def once(cluster, complete, patroni, what):
    """One fault, from a healthy cluster to a healthy cluster."""
    wait(f"healthy before: {what}", 180, complete)
    leader, bound = cluster.leader(), bounds(cluster)[what]
    writer = Writer(cluster, patroni)
    time.sleep(3)
    began, since = time.monotonic(), time.time()
    repair = FAULTS[what](cluster, leader)
    if what in MOVES:
        moved = lambda: (now := cluster.leader()) and now is not leader
        wait(f"{what}: another one leads", bound + 10, moved)
        moved_at = time.time()
        wait("writes go on", bound + 10, lambda: (taken := writer.told()[0]) and taken[-1][0] > moved_at + 0.5)
    else:
        time.sleep(2 * number(leader, "loop_wait") + 3)
    repaired = time.monotonic()
    repair()
    wait(f"healed after: {what}", 180, complete)
    healed, healed_at = time.monotonic(), time.time()
    # Whatever has no end yet is an outage too.
    wait(f"writes are taken after: {what}", 90, lambda: writer.told()[0][-1][0] > healed_at + 2)
    acks, errors = writer.stop()
    acked = {n for _, n in acks}
    kept = {int(n) for n in cluster.superuser(cluster.leader(), f"SELECT n FROM written WHERE n >= {min(acked)}", cluster.database).split()}
    result = {
        "fault": what,
        "outage_seconds": round(outage(acks, since), 1),
        "bound_seconds": round(bound, 1),
        "acknowledged": len(acked),
        "lost": len(acked - kept),
        "there_without_acknowledgement": len(kept - acked),
        "healed_seconds": round(healed - repaired, 1),
        "leader_before": leader.name,
        "leader_after": cluster.leader().name,
        "errors": errors,
    }
    ok(f"{what}: no write for {result['outage_seconds']} s (bound {result['bound_seconds']} s), {result['lost']} of {len(acked)} lost,"
       f" healed after {result['healed_seconds']} s; {time.monotonic() - began:.0f} s in all")
    return result


def judge(cluster, result):
    """Whether what happened is what is promised."""
    if result["fault"] == "all standbys lost" and strict(cluster) and result["outage_seconds"] < 2 * number(cluster.members[0], "loop_wait"):
        raise Failure("all standbys lost: strict, and writes went on without any")
    synchronous = cluster.members[0].read("patroni.yml", r"^    synchronous_mode: (.+)$") != "false"
    if result["outage_seconds"] > result["bound_seconds"]:
        raise Failure(f"{result['fault']}: {result['outage_seconds']} s without a write, bound {result['bound_seconds']} s")
    if synchronous and result["lost"]:
        raise Failure(f"{result['fault']}: {result['lost']} acknowledged writes are lost")
    if result["fault"] == "leader lost, and ahead of all others":
        if cluster.superuser(cluster.leader(), "SELECT to_regclass('ahead') IS NULL") != "t":
            raise Failure("the row that only the lost leader had is there")
        log = cluster.log(result["leader_before"], "patroni")
        if "running pg_rewind from" not in log:
            raise Failure(f"{result['leader_before']} came back without a rewind")
        ok(f"{result['leader_before']} had to rewind, and did so by itself")
    if (result["leader_before"] != result["leader_after"]) != (result["fault"] in MOVES):
        raise Failure(f"{result['fault']}: the leader was {result['leader_before']} and is {result['leader_after']}")


def run(cluster, complete, patroni, repeat, only, results):
    """Every fault, each result into `results` and judged; all of them, and then the first that is not what is promised."""
    problem = None
    for what in FAULTS:
        for _ in range(repeat if only is None or what in only else 0):
            results.append(once(cluster, complete, patroni, what))
            try:
                judge(cluster, results[-1])
            except Failure as failure:
                print(f"    FAILED  {failure}", flush=True)
                problem = problem or failure
    if problem:
        raise problem
