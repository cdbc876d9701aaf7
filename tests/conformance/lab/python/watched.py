"""A rendered data tier with everything that is rendered to watch it, running on loopback: what alerts-live breaks and repairs.

PostgreSQL is put in place by postgres.py, Redis by redis_cluster.py; the exporters are started by their rendered units.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import stat
import tempfile
import urllib.request

import yaml

import postgres
import redis_cluster
from postgres import Failure, ok, wait
from rendered_rules import Rules
from watching import Programs, Prometheus, Receiver, Unit, free, readable_copies, scraped

EXPORTERS = ("prometheus-postgres-exporter", "pgbouncer_exporter", "pgbackrest_exporter")


class Watched:
    """The tier of one region, with its watchers."""

    def __init__(self, out):
        self.region = next(out.glob("*/alerts/prometheus.yaml")).parent.parent
        self.alerts = self.region / "alerts"
        self.configuration = yaml.safe_load((self.alerts / "prometheus.yaml").read_text())
        self.alertmanager = out / "global/alerts/alertmanager.yaml"
        self.rules = Rules(self.alerts)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="hagen-alerts-"))
        found = [pathlib.Path(path) for name in EXPORTERS if (path := shutil.which(name))]
        programs = readable_copies(found, self.scratch / "programs")
        shutil.copy(pathlib.Path(__file__).with_name("crowd.py"), programs)
        self.counts_backups = any(path.name == "pgbackrest_exporter" for path in found)
        directory = next(self.region.glob("patroni/*"))
        self.postgres = postgres.Cluster(directory, f"{postgres.patroni_bin()}:{programs}", {})
        self.redis = redis_cluster.Cluster(next(self.region.glob("redis/*")))
        self.programs = Programs(self.scratch, self.postgres.environment, self.postgres.drop())
        self.prometheus, self.receiver, self.complete = None, None, None

    # --- start and stop

    def boot(self):
        self.free()
        self.complete = postgres.boot(self.postgres)
        for name in self.redis.nodes:
            self.redis.start(name)
        self.redis.script("bootstrap.sh")
        self.start_receivers()
        self.back_up()
        self.start_exporters()
        self.start_prometheus()

    def free(self):
        """The addresses are the blueprint's, or what Prometheus is asked at: a server that is there already would be taken for ours."""
        jobs = [job["job_name"] for job in self.configuration["scrape_configs"]]
        free([address.replace("localhost", "127.0.0.1") for job in jobs for address in scraped(self.configuration, job)])

    def start_receivers(self):
        """Where alerts and the results of jobs go: they must be there before whoever sends them."""
        self.receiver = Receiver("127.0.0.63", 9099)
        for receiver in yaml.safe_load(self.alertmanager.read_text())["receivers"]:
            for chat in receiver.get("slack_configs", ()):
                file = pathlib.Path(chat["api_url_file"])
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{self.receiver.url}/{file.name}")
        listen = scraped(self.configuration, "alertmanager")[0]
        self.programs.start("alertmanager", ["prometheus-alertmanager", f"--config.file={self.alertmanager}", "--cluster.listen-address=",
                                             f"--storage.path={self.scratch}/alertmanager", f"--web.listen-address={listen}"], account=False)
        listen = scraped(self.configuration, "probe-store")[0]
        self.programs.start("blackbox", [shutil.which("blackbox_exporter"), f"--config.file={self.alertmanager.parent}/blackbox.yaml",
                                         f"--web.listen-address={listen}"], account=False)
        listen = scraped(self.configuration, "pushgateway")[0]
        self.programs.start("pushgateway", ["prometheus-pushgateway", f"--web.listen-address={listen}"])

    def start_exporters(self):
        for host in self.postgres.hosts:
            for kind in ("exporter", "pgbouncer-exporter", "pgbackrest-exporter"):
                if kind in host.units and (kind != "pgbackrest-exporter" or self.counts_backups):
                    self.programs.unit(f"{host.name}-{kind}", Unit(host.config / f"hagen-{host.directory.parent.name}-{kind}.service"))
        for name in self.redis.nodes:
            unit = Unit(next((self.redis.directory / name).glob("*-exporter.service")))
            for file in unit.files:
                shutil.copy(self.redis.scratch / "secrets" / file.name, file)
            # As the nodes themselves: the certificates are theirs.
            self.programs.unit(f"{name}-exporter", unit, account=False)

    def start_prometheus(self):
        listen = scraped(self.configuration, "prometheus")[0].replace("localhost", "127.0.0.1")
        self.programs.start("prometheus", ["prometheus", f"--config.file={self.alerts}/prometheus.yaml", f"--storage.tsdb.path={self.scratch}/data",
                                           f"--web.listen-address={listen}"], account=False)
        self.prometheus = Prometheus(listen)
        wait("Prometheus is ready", 60, lambda: self.programs.alive() or self.prometheus.ask("status/runtimeinfo"))

    def back_up(self):
        """The first backups and the restore for a test, as the timers of the hosts would make them."""
        leader = self.postgres.leader()
        for kind in ("full", "incr"):
            self.postgres.run([leader.config / "backup.sh", kind], self.postgres.passwords)
        verifies = next(host for host in self.postgres.members if (host.config / "verify-backup.sh").exists())
        self.postgres.run([verifies.config / "verify-backup.sh"], self.postgres.passwords)
        # Both have read a standby, and the Pushgateway tells it beside the time.
        listen = scraped(self.configuration, "pushgateway")[0]
        with urllib.request.urlopen(f"http://{listen}/metrics", timeout=10) as answer:
            told = sorted(re.findall(r'^hagen_backup_from_standby\{.*type="(\w+)"\} (\S+)', answer.read().decode(), re.M))
        if told != [("full", "1"), ("incr", "1")]:
            raise Failure(f"the Pushgateway tells {told} of whose files the backups have read")
        ok("backups from a standby and a restore for a test")

    def stop(self):
        self.programs.stop_all()
        if self.receiver:
            self.receiver.server.shutdown()
        self.redis.stop_all()
        stubborn = self.postgres.stop()
        self.postgres.remove()
        if not os.environ.get("HAGEN_KEEP"):
            for directory in (self.scratch, self.redis.scratch):
                shutil.rmtree(directory, ignore_errors=True)
        if stubborn:
            raise Failure("had to be killed: " + ", ".join(stubborn))

    # --- what is broken and repaired

    def end(self, host, kind, how=signal.SIGTERM):
        """A program of a host of PostgreSQL's ends."""
        entry = next(p for p in self.postgres.processes if p[:2] == (host.name, kind))
        entry[2].send_signal(how)
        entry[2].wait(60)
        self.postgres.processes.remove(entry)

    def lose(self, host):
        """A member's host without power: everything on it ends at once."""
        self.postgres.lose(host)
        if "backup-server" in host.units:
            self.postgres.kill(host, "backup-server")
        for name in [name for name in self.programs.running if name.startswith(f"{host.name}-")]:
            self.programs.stop(name, signal.SIGKILL)

    def rejoined(self, *hosts):
        """Until all replicas stream again: how long that takes is judged by `patroni`. If they do not, what the hosts say."""
        # Nobody writes here. A member that was rewound may have to reach a position behind the last record: the pages say so, and what helps.
        def awake():
            if self.complete():
                return True
            leader = self.postgres.leader()
            if leader:
                self.postgres.superuser(leader, "SELECT pg_create_restore_point('awake')")
            return False
        try:
            wait("all replicas stream again", 240, awake)
        except Failure as failure:
            said = [f"--- Patroni of {host.name}\n{self.postgres.tail(host.name, 'patroni')}" for host in hosts]
            for host in self.postgres.members:
                for log in sorted(pathlib.Path(host.read("patroni.yml", r"^    log_directory: (.+)$")).glob("*.log")):
                    said.append(f"--- PostgreSQL of {host.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
            raise Failure("\n".join([f"{failure} {self.postgres.roles()}", *said])) from failure

    def return_of(self, host):
        self.postgres.start(host, "patroni")
        if "backup-server" in host.units:
            self.postgres.start(host, "backup-server")
        for name in [name for name in self.programs.again if name.startswith(f"{host.name}-")]:
            self.programs.restart(name)

    def crowd(self, name, count, host, port):
        """So many clients of a port, each in a transaction."""
        one = self.postgres
        where = {"PGHOST": host, "PGPORT": str(port), "PGUSER": one.user, "PGDATABASE": one.database,
                 "PGPASSWORD": one.passwords["HAGEN_APPLICATION_PASSWORD"], **one.verified(host)}
        self.programs.start(name, [f"{postgres.patroni_bin()}/python", self.scratch / "programs/crowd.py", count], where)

    @contextlib.contextmanager
    def closed_repository(self):
        """Nobody can write into the archive any more."""
        root = pathlib.Path(postgres_setting(self.postgres.members[0], "repo1-path"))
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")] if path.is_dir()}
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        try:
            yield
        finally:
            for path, mode in modes.items():
                path.chmod(mode)

    def write(self, sql="SELECT pg_switch_wal()"):
        return self.postgres.superuser(self.postgres.leader(), sql)


def postgres_setting(host, key):
    for line in (host.config / "pgbackrest.conf").read_text().splitlines():
        if line.startswith(f"{key}="):
            return line.split("=", 1)[1]
    raise Failure(f"pgbackrest.conf of {host.name} has no {key}")
