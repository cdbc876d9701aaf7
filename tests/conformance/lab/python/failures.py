"""What is broken in a running data tier, and which alerts that must make fire: the table that alerts-live holds the rules to.

Failures of one round are made at once, to wait once: none keeps an alert of another's from firing. An alert is written as its
name, and the labels that tell which of several it must be.
"""
import contextlib
import dataclasses
import json
import os
import signal
import typing

import redis_cluster
from postgres import CERTIFICATE_DAYS, Failure, wait

# What rests on pgbackrest_exporter.
BACKUPS = ("PostgresFullBackupOverdue", "PostgresIncrementalBackupOverdue", "PostgresBackupRepositoryBad")


@dataclasses.dataclass
class Expected:
    """An alert that a failure must make fire."""
    name: str
    labels: dict
    # Seconds until what is scraped can say so; the rest of the time follows from the rule.
    latency: float = 0

    def matches(self, labels):
        return labels["alertname"] == self.name and all(labels.get(key) == value for key, value in self.labels.items())

    def __str__(self):
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.labels.items())])


@dataclasses.dataclass
class Broken:
    """A failure, made and repaired."""
    what: str
    make: typing.Callable
    repair: typing.Callable
    alerts: list
    # Seconds until everything is as it was, once it is repaired.
    recovery: float = 0
    # When it was complete.
    since: float = 0


def table(failures):
    """What fires when, for people: which failure, and every alert that it makes fire."""
    rows = []
    for failure in failures:
        jobs = dict.fromkeys(alert.labels["job"] for alert in failure.alerts if alert.name == "TargetDown")
        names = dict.fromkeys(alert.name for alert in failure.alerts if alert.name != "TargetDown")
        told = [f"`{name}`" for name in names] + ([f"`TargetDown` of {', '.join(jobs)}"] if jobs else [])
        rows.append(f"| {failure.what} | {', '.join(told)} |")
    return "\n".join(rows)


def alert(name, latency=0, **labels):
    return Expected(name, labels, latency)


def unseen(component):
    """Whoever does not answer shows no certificate."""
    return alert("StoreCertificateUnknown", component=component)


def down(job, *instances):
    return [alert("TargetDown", job=job, instance=instance) for instance in instances]


def rounds(tier):
    """The failures, round after round."""
    for make in (small_things, crowds, one_of_several, primaries, quorums, everything):
        yield make(tier)


# --- times that the rendered configuration promises

def failover(tier):
    """X-PT-1: ttl + loopWait + 2 s."""
    config = json.loads(tier.postgres.rest(tier.postgres.members[0], "/config")[1])
    return config["ttl"] + config["loop_wait"] + 2


def loop(tier):
    return json.loads(tier.postgres.rest(tier.postgres.members[0], "/config")[1])["loop_wait"]


def redis_failover(tier):
    """X-RD-2: 1.5 x nodeTimeout + 3 s."""
    return 1.5 * int(tier.redis.setting(next(iter(tier.redis.nodes)), "cluster-node-timeout")) / 1000 + 3


# --- failures of several rounds

def etcd_away(tier, members, alerts, recovery=0):
    names = [member.name for member in members]

    def make():
        for member in members:
            tier.end(member, "etcd", signal.SIGKILL)

    def repair():
        for member in members:
            tier.postgres.start(member, "etcd")
    what = f"{len(members)} of {len(tier.postgres.etcd)} members of etcd {'is' if len(members) == 1 else 'are'} killed"
    return Broken(what, make, repair, [*alerts, alert("EtcdMemberMissing"), unseen("etcd"), *down("etcd", *names)], recovery)


def program_away(tier, name, what, alerts, after=lambda: None):
    def repair():
        tier.programs.restart(name)
        after()
    return Broken(what, lambda: tier.programs.stop(name), repair, alerts)


def host_away(tier, host, what, alerts):
    """A member's host is lost: whatever else follows, its targets are down and it is missed."""
    missed = [alert("PatroniMemberMissing"), alert("PostgresServerDown"), alert("PostgresStandbysMissing"),
              *down("patroni", host.name), *down("postgres", host.name), *down("pgbackrest", host.name), unseen("postgres"), unseen("pgbackrest")]

    def repair():
        tier.return_of(host)
        tier.rejoined(host)
    return Broken(what, lambda: tier.lose(host), repair, [*missed, *alerts])


def redis_away(tier, names, what, alerts, after=lambda: None):
    def make():
        for name in names:
            tier.redis.stop(name, kill=True)

    def repair():
        for name in names:
            tier.redis.start(name)
        after()
    return Broken(what, make, repair, [alert("RedisNodeDown"), unseen("redis"), *alerts], redis_failover(tier))


# --- the rounds

def small_things(tier):
    """Nothing that serves is away: the archive, copies, watchers."""
    shard = tier.redis.roles["shards"][0]
    standby = next(host for host in tier.postgres.members if host is not tier.postgres.leader())
    router, closed = tier.postgres.routers[1], contextlib.ExitStack()

    def close():
        closed.enter_context(tier.closed_repository())
        tier.write()

    def open_again():
        closed.close()
        tier.write()

    def pause(value):
        password = tier.postgres.passwords["PATRONI_RESTAPI_PASSWORD"]
        status, said = tier.postgres.rest(tier.postgres.leader(), "/config", json.dumps({"pause": value}).encode(), password, "PATCH")
        if status != 200:
            raise Failure(f"PATCH /config: {status} {said}")

    return [
        Broken("the repository of the backups cannot be written", close, open_again, [alert("PostgresArchiveFailing", 5)]),
        Broken("automatic failover is switched off", lambda: pause(True), lambda: pause(None), [alert("PatroniPaused", loop(tier))], loop(tier)),
        Broken("PgBouncer of one router is stopped", lambda: tier.end(router, "pgbouncer", signal.SIGINT),
               lambda: tier.postgres.start(router, "pgbouncer"), [alert("PgbouncerMissing")]),
        redis_away(tier, shard["replicas"], "a replica of Redis is killed", [alert("RedisReplicaMissing", instance=shard["primary"])]),
        etcd_away(tier, tier.postgres.etcd[:1], []),
        # etcd reads its certificate anew for each connection, the others when they are told to.
        Broken("a certificate that ends in five days is put in place", lambda: tier.postgres.sign(5), lambda: tier.postgres.sign(CERTIFICATE_DAYS),
               [alert("StoreCertificateExpiresSoon", component="etcd", host=member.name) for member in tier.postgres.etcd[1:]]),
        program_away(tier, f"{standby.name}-exporter", "postgres_exporter of a standby is stopped",
                     [alert("PostgresServerDown"), *down("postgres", standby.name)]),
    ]


def crowds(tier):
    """Everything is there, and too little of it."""
    leader, routers = tier.postgres.leader(), tier.postgres.routers
    names = [f"crowd-{router.name}" for router in routers]
    standby = next(host for host in tier.postgres.members if tier.postgres.roles()[host.name][0] == "replica")
    receiver = int(tier.postgres.superuser(standby, "SELECT pid FROM pg_stat_wal_receiver"))
    timeout = int(tier.postgres.superuser(leader, "SELECT setting::int / 1000 FROM pg_settings WHERE name = 'wal_sender_timeout'"))
    shard = tier.redis.roles["shards"][1]
    memory = int(tier.redis.setting(shard["primary"], "maxmemory").split()[-1])
    owner = shard["primary"]
    key = next(key for key in map(str, range(1000)) if shard["first"] <= redis_cluster.crc16(key.encode()) % redis_cluster.SLOTS <= shard["last"])

    def cut_off():
        os.kill(receiver, signal.SIGSTOP)
        # What it misses is a whole segment, which it gets from the archive: then it has replayed more than it ever received.
        tier.write("SELECT pg_create_restore_point('missed')")
        tier.write()

    def through_pools():
        for name, router in zip(names, routers):
            port = int(router.read("pgbouncer.ini", r"^listen_port = (.+)$"))
            size = int(router.read("pgbouncer.ini", r"^default_pool_size = (.+)$"))
            tier.crowd(name, size + 5, router.read("pgbouncer.ini", r"^listen_addr = (.+)$"), port)

    def leave(*programs):
        for name in programs:
            tier.programs.stop(name)

    pools = [alert("PgbouncerPoolSaturated", 2, instance=router.name) for router in routers]
    return [
        Broken("more clients than a pool serves", through_pools, lambda: leave(*names), [*pools, alert("PgbouncerClientsWait", 7)]),
        Broken("PostgreSQL has hardly a connection left", lambda: tier.crowd("crowd", 45, leader.address, 5432), lambda: leave("crowd"),
               [alert("PostgresConnectionsHigh", 2, instance=leader.name)]),
        Broken("a standby is cut off without anybody noticing there", cut_off, lambda: os.kill(receiver, signal.SIGCONT),
               [alert("PostgresStandbysMissing", timeout), alert("PostgresSlotInactive", timeout, slot_name=standby.name.replace("-", "_"))], loop(tier)),
        Broken("a shard of Redis is nearly full", lambda: tier.redis.cli(owner, "setrange", key, str(memory * 93 // 100), "x"),
               lambda: tier.redis.cli(owner, "del", key),
               [alert("RedisMemoryHigh", 1, instance=name) for name in [owner, *shard["replicas"]]]),
    ]


def one_of_several(tier):
    """One of several is lost, and the others take over."""
    shard = tier.redis.roles["shards"][0]
    promoted = shard["replicas"][0]
    standbys = [name for name, (role, _) in tier.postgres.roles().items() if role == "sync_standby"]
    if not standbys:
        raise Failure(f"no synchronous standby: {tier.postgres.roles()}")
    standby = next(host for host in tier.postgres.members if host.name == standbys[0])
    router = tier.postgres.routers[1]
    zone = tier.redis.nodes[promoted]["zone"]
    takes = redis_failover(tier)

    def give_back():
        wait("it follows", 60, lambda: shard["primary"] in tier.redis.layout(promoted)[shard["first"], shard["last"]][1])
        tier.redis.script("failback.sh")

    return [
        host_away(tier, standby, "the host of the synchronous standby is lost",
                  [alert("PostgresSlotInactive", slot_name=standby.name.replace("-", "_"))]),
        redis_away(tier, [shard["primary"]], "a primary of Redis is killed",
                   [alert("RedisReplicaMissing", takes, instance=promoted), alert("RedisPrimariesInOneZone", takes, zone=zone)], give_back),
        Broken("HAProxy of one router is stopped", lambda: tier.end(router, "haproxy"),
               lambda: tier.postgres.start(router, "haproxy"), down("haproxy", router.name)),
        program_away(tier, "alertmanager", "Alertmanager is stopped",
                     [*down("alertmanager", next(instance for job, instance in tier.prometheus.targets() if job == "alertmanager")),
                      alert("AlertmanagerMetricsAbsent"), alert("NotificationsFailing", 60)]),
    ]


def primaries(tier):
    """What everything goes through is lost, and somebody else takes over."""
    leader = tier.postgres.leader()
    primary = tier.redis.roles["shards"][1]["primary"]
    pushed = next(instance for job, instance in tier.prometheus.targets() if job == "pushgateway")
    takes = failover(tier)
    return [
        host_away(tier, leader, "the host of PostgreSQL's primary is lost",
                  [alert("PostgresSlotInactive", takes, slot_name=leader.name.replace("-", "_")), alert("PostgresFailoverHappened", takes)]),
        program_away(tier, f"{primary}-exporter", "redis_exporter of a primary is stopped",
                     [alert("RedisNodeDown"), alert("RedisPrimaryCount"), *down("redis", primary)]),
        program_away(tier, "blackbox", "blackbox_exporter is stopped", [
            *down("probe-store", *(instance for job, instance in tier.prometheus.targets() if job == "probe-store")),
            *(unseen(what) for what in ("postgres", "pgbackrest", "etcd", "redis"))]),
        program_away(tier, "pushgateway", "the Pushgateway is stopped",
                     [*down("pushgateway", pushed), alert("PushgatewayAbsent"), alert("BackupRepositoryStale"), alert("RestoreVerificationOverdue")],
                     tier.back_up),
    ]


def quorums(tier):
    """More is lost than can be borne."""
    shard = tier.redis.roles["shards"][2]
    survivor, takes = tier.postgres.etcd[2], redis_failover(tier)
    election = 5
    failed = [alert("RedisPrimaryCount"), alert("RedisSlotsNotServed", takes), alert("RedisSlotsFailed", takes)]
    if tier.redis.setting(shard["primary"], "cluster-require-full-coverage") == "yes":
        failed.append(alert("RedisClusterDown", takes))
    return [
        etcd_away(tier, tier.postgres.etcd[:2],
                  [alert("EtcdQuorumLost", election), alert("EtcdMemberWithoutLeader", election, instance=survivor.name),
                   alert("PatroniFailsafeActive", failover(tier))], failover(tier)),
        redis_away(tier, [shard["primary"], *shard["replicas"]], "a whole shard of Redis is lost", failed),
        Broken("every PgBouncer is stopped", lambda: [tier.end(router, "pgbouncer", signal.SIGINT) for router in tier.postgres.routers],
               lambda: [tier.postgres.start(router, "pgbouncer") for router in tier.postgres.routers],
               [alert("PgbouncerDown"), alert("PgbouncerMissing")]),
    ]


def everything(tier):
    """No PostgreSQL is left."""
    hosts, takes = tier.postgres.members, failover(tier)
    names = [host.name for host in hosts]

    def make():
        for host in hosts:
            tier.lose(host)

    def repair():
        for host in hosts:
            tier.return_of(host)
        tier.rejoined(*hosts)
    alerts = [alert(name) for name in ("PostgresLeaderMissing", "PostgresSynchronousStandbyMissing", "PatroniMemberMissing", "PostgresServerDown",
                                       "PostgresStandbysMissing", "ReplicationLag", "PostgresArchiveStopped", *BACKUPS)] + [unseen("postgres"), unseen("pgbackrest")]
    checks = 10
    alerts += [alert("HaproxyPrimaryMissing", checks, instance=router.name) for router in tier.postgres.routers]
    return [Broken("every host of PostgreSQL is lost", make, repair, [*alerts, *down("patroni", *names), *down("postgres", *names), *down("pgbackrest", *names)], takes)]
