"""A rendered PostgreSQL cluster on loopback hosts: its files put where its units expect them, its programs started by them.

Nothing runs as root: root drops to the account of the rendered units, anybody else runs everything as himself. Each host's
directory is copied to where its units expect it, its first-boot.sh must say that it is ready, and the commands of its
units are what is started. Passwords and certificates are made here and forgotten here.
"""
import base64
import contextlib
import json
import os
import pathlib
import pwd
import re
import secrets
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

PATRONI = "4.1.5"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
# More than what an alert calls soon.
CERTIFICATE_DAYS = "60"


class Failure(Exception):
    """What a program complains about."""


def say(text):
    print(text, flush=True)


def ok(text):
    say(f"    ok      {text}")


def wait(what, seconds, probe):
    """Until `probe` returns something true; errors on the way are not yet failures."""
    started, last = time.monotonic(), None
    while time.monotonic() - started < seconds:
        try:
            found = probe()
            if found:
                say(f"    ok      {what} ({time.monotonic() - started:.1f} s)")
                return found
        except Died:
            raise
        except (OSError, Failure, ValueError, KeyError) as error:
            last = error
        time.sleep(0.25)
    raise Failure(f"{what}: not within {seconds} s; last: {last}")


def patroni_bin():
    """Patroni in an environment that the unprivileged account can read too; kept for the next run."""
    named = os.environ.get("HAGEN_PATRONI_BIN")
    if named:
        return named
    if os.geteuid() == 0:
        base = pathlib.Path("/var/tmp/hagen-conformance")
        base.mkdir(mode=0o755, exist_ok=True)
        if base.is_symlink() or base.stat().st_uid != 0:
            raise Failure(f"{base} does not belong to root")
    else:
        cache = os.environ.get("HAGEN_CACHE") or os.path.expanduser("~/.cache/hagen-conformance")
        base = pathlib.Path(cache)
    place = base / f"patroni-{PATRONI}"
    if not (place / "done").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        subprocess.run([python, "-m", "venv", place], check=True, env=environment)
        pip = [place / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"patroni[etcd3,psycopg3]=={PATRONI}", "psycopg[binary]"], check=True, env=environment)
        (place / "done").touch()
    return str(place / "bin")


class Died(Failure):
    """A program ended that should run: nothing is waited for any more."""


class Host:
    """A host's directory: its units, its configuration directory, its processes."""

    def __init__(self, directory):
        self.directory, self.name = directory, directory.name
        self.units = {}
        for unit in sorted(directory.glob("*.service")):
            self.units[unit.stem.removeprefix(f"hagen-{directory.parent.name}-")] = dict(
                line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] not in "#["
            )
        for kind in ("patroni", "haproxy", "etcd"):
            if kind in self.units:
                self.config = pathlib.Path(self.command(kind)[-1]).parent
                break
        text = (directory / "first-boot.sh").read_text()
        self.directories = [line.split()[1] for line in text.splitlines() if re.match(r"directory /", line)]
        files = dict(re.findall(r"^environment_file (\S+) (.+)$", text, re.M))
        self.variables = files[self.units["patroni"]["EnvironmentFile"]].split() if "patroni" in self.units else []
        self.address = self.read("patroni.yml", r"^  connect_address: '(.+):\d+'")

    def command(self, kind):
        return shlex.split(self.units[kind]["ExecStart"].replace("%%", "%"))

    def read(self, file, pattern):
        path = self.directory / file
        found = re.search(pattern, path.read_text(), re.M) if path.exists() else None
        return found.group(1).strip("'") if found else None


class Cluster:
    """A rendered cluster, what runs of it, and what it complained about."""

    def __init__(self, directory, patroni, passwords):
        self.directory, self.region = directory, directory.parent.parent.name
        self.hosts = [Host(d) for d in sorted(directory.iterdir()) if d.is_dir()]
        self.members = [h for h in self.hosts if "patroni" in h.units]
        self.etcd = [h for h in self.hosts if "etcd" in h.units]
        self.routers = [h for h in self.hosts if "haproxy" in h.units]
        first = self.members[0]
        self.account = first.units["patroni"]["User"] if os.geteuid() == 0 else None
        self.bin = first.read("patroni.yml", r"^  bin_dir: (.+)$")
        self.environment = {"PATH": f"{patroni}:{SYSTEM_PATH}", "LANG": "C.UTF-8", "HOME": "/nonexistent"}
        # The regions of a cluster share their passwords.
        self.passwords = passwords
        for name in sorted({name for host in self.members for name in host.variables}):
            passwords.setdefault(name, secrets.token_urlsafe(18))
        self.subscriber = (first.directory / "subscribe.sh").exists()
        self.standby = "standby_cluster:" in (first.directory / "patroni.yml").read_text()
        certificate = first.read("patroni.yml", r"^  certfile: (.+)$")
        self.certificates = pathlib.Path(certificate).parent if certificate else None
        self.processes, self.logs, self.made = [], [], []
        self.scratch = pathlib.Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())

    # --- running programs as the account

    def drop(self):
        if self.account is None:
            return {}
        entry = pwd.getpwnam(self.account)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(self.account, entry.pw_gid)}

    def run(self, command, extra=None, status=0):
        """A program's output; another status than the expected one is its complaint."""
        done = subprocess.run([str(c) for c in command], env=dict(self.environment, **(extra or {})), text=True, cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False, **self.drop())
        if done.returncode != status:
            raise Failure(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def start(self, host, kind):
        """The command of a unit, with its environment file."""
        log = self.scratch / f"{host.name}-{kind}.log"
        extra = self.passwords if "EnvironmentFile" in host.units[kind] else {}
        with log.open("ab") as out:
            process = subprocess.Popen(host.command(kind), env=dict(self.environment, **extra), cwd="/", stdout=out,
                                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True, **self.drop())
        self.processes.append((host.name, kind, process))
        self.logs.append(log)

    def alive(self):
        for name, kind, process in self.processes:
            if process.poll() is not None:
                raise Died(f"{kind} of {name} ended with {process.returncode}:\n{self.tail(name, kind)}")

    def tail(self, name, kind):
        return "\n".join((self.scratch / f"{name}-{kind}.log").read_text(errors="replace").splitlines()[-15:])

    def stop(self):
        """Everything that was started, in the reverse order, by its pid."""
        stubborn = []
        for name, kind, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT if kind == "pgbouncer" else signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    stubborn.append(f"{kind} of {name}")
        self.processes.clear()
        return stubborn

    def kill(self, host, kind):
        """One process, at once."""
        found = next(p for p in self.processes if p[:2] == (host.name, kind))
        found[2].kill()
        found[2].wait()
        self.processes.remove(found)

    def end(self, host, kind):
        """One process, as its unit stops it."""
        found = next(p for p in self.processes if p[:2] == (host.name, kind))
        found[2].terminate()
        found[2].wait(120)
        self.processes.remove(found)

    def lose_everything(self):
        """All hosts without power, at once."""
        servers = [int((pathlib.Path(h.read("patroni.yml", r"^  data_dir: (.+)$")) / "postmaster.pid").read_text().split()[0]) for h in self.members]
        for pid in [*(process.pid for _, _, process in self.processes), *servers]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for _, _, process in self.processes:
            process.wait()
        self.processes.clear()

    def reconfigure(self, directory):
        """What was rendered anew, copied over what was: a host keeps its secrets, and what runs is not told."""
        self.directory = directory
        owner = self.drop()
        self.hosts = [Host(d) for d in sorted(directory.iterdir()) if d.is_dir()]
        for host in self.hosts:
            shutil.copytree(host.directory, host.config, dirs_exist_ok=True)
            for script in host.config.glob("*.sh"):
                script.chmod(0o755)
            if owner:
                os.chown(host.config, owner["user"], owner["group"])
        self.members = [h for h in self.hosts if "patroni" in h.units]
        self.etcd = [h for h in self.hosts if "etcd" in h.units]
        self.routers = [h for h in self.hosts if "haproxy" in h.units]

    def log(self, name, kind):
        """All that a process has said, of all its starts."""
        return (self.scratch / f"{name}-{kind}.log").read_text(errors="replace")

    def lose(self, host):
        """A host without power: its Patroni and its PostgreSQL end at once, and nothing is written or said any more."""
        patroni = next(p for p in self.processes if p[:2] == (host.name, "patroni"))
        postmaster = int((pathlib.Path(host.read("patroni.yml", r"^  data_dir: (.+)$")) / "postmaster.pid").read_text().split()[0])
        for pid in (patroni[2].pid, postmaster):
            os.kill(pid, signal.SIGKILL)
        patroni[2].wait()
        self.processes.remove(patroni)

    # --- what is copied and made

    def install(self):
        for host in self.hosts:
            for path in [*host.directories, str(host.config)]:
                self.made.append(pathlib.Path(path))
                shutil.rmtree(path, ignore_errors=True)
        owner = self.drop()
        own = (lambda path: os.chown(path, owner["user"], owner["group"])) if owner else (lambda path: None)
        for host in self.hosts:
            for path in [*host.directories, str(host.config)]:
                # The account may make its own directories: those above belong to the blueprint's test root.
                parent = pathlib.Path(path).parent
                missing = [p for p in [parent, *parent.parents] if not p.exists()]
                for above in reversed(missing):
                    above.mkdir(mode=0o755)
                    own(above)
                    self.made.append(above)
            shutil.copytree(host.directory, host.config)
            own(host.config)
            if "patroni" in host.units:
                self.secret(host.units["patroni"]["EnvironmentFile"], "".join(f"{k}={v}\n" for k, v in self.passwords.items()), own)
            if (host.directory / "subscribe.sh").exists():
                get = lambda name: host.read("subscribe.sh", rf"^{name}=(.+)$")
                line = f"{get('endpoint')}:{get('endpoint_port')}:*:replicator:{self.passwords['PATRONI_REPLICATION_PASSWORD']}\n"
                self.secret(get("passfile"), line, own)
            if "pgbouncer" in host.units:
                users = [(self.user, "HAGEN_APPLICATION_PASSWORD"), (host.read("pgbouncer.ini", r"^stats_users = (.+)$"), "DATA_SOURCE_PASS")]
                lines = "".join(f'"{user}" "{self.passwords[name]}"\n' for user, name in users)
                self.secret(host.read("pgbouncer.ini", r"^auth_file = (.+)$"), lines, own)
                self.secret(host.units["pgbouncer-exporter"]["EnvironmentFile"], f"PGPASSWORD={self.passwords['DATA_SOURCE_PASS']}\n", own)
        if self.certificates and not (self.certificates / "tls.crt").exists():
            self.certify(own)
        for script in [script for host in self.hosts for script in host.config.glob("*.sh")]:
            script.chmod(0o755)

    def certify(self, own):
        """An authority, and one certificate for every address of the test; a real host has one of its own."""
        self.certificates.mkdir(parents=True, exist_ok=True)
        self.made.append(self.certificates)
        at = lambda name: str(self.certificates / name)
        # The page asks for the address as a name, too: an older pgBackRest reads nothing else.
        names = ",".join(f"IP:127.0.0.{n},DNS:127.0.0.{n}" for n in range(1, 255))
        (self.scratch / "extensions").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        make = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", CERTIFICATE_DAYS]
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*make, "-x509", "-subj", "/CN=authority", "-keyout", self.scratch / "ca.key", "-out", at("ca.crt")], **quiet)
        self.renew(own)

    def renew(self, own):
        """A key and a certificate of that authority, in the place of those that were there."""
        make = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", CERTIFICATE_DAYS]
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*make, "-subj", f"/CN=postgres-{self.directory.name}", "-keyout", self.scratch / "tls.key", "-out", self.scratch / "tls.csr"], **quiet)
        subprocess.run(["openssl", "x509", "-req", "-days", CERTIFICATE_DAYS, "-in", self.scratch / "tls.csr", "-CA", self.certificates / "ca.crt",
                        "-CAkey", self.scratch / "ca.key", "-CAcreateserial", "-extfile", self.scratch / "extensions", "-out", self.scratch / "tls.crt"], **quiet)
        for name, mode in (("tls.key", 0o600), ("tls.crt", 0o644)):
            shutil.copy(self.scratch / name, self.certificates / f"{name}.new")
            os.chmod(self.certificates / f"{name}.new", mode)
            own(self.certificates / f"{name}.new")
        # As close together as can be: etcd reads both at every handshake.
        for name in ("tls.key", "tls.crt"):
            os.replace(self.certificates / f"{name}.new", self.certificates / name)

    def sign(self, days):
        """The certificate of all hosts, for so many days from now."""
        # In one step: whoever starts at this moment must not find half of it.
        new = self.certificates / "tls.crt.new"
        subprocess.run(["openssl", "x509", "-req", "-days", str(days), "-in", self.scratch / "tls.csr", "-CA", self.certificates / "ca.crt",
                        "-CAkey", self.scratch / "ca.key", "-CAcreateserial", "-extfile", self.scratch / "extensions",
                        "-out", new], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.chmod(new, 0o644)
        os.replace(new, self.certificates / "tls.crt")

    def fetch(self, request, timeout=10):
        context = None
        if self.certificates:
            context = ssl.create_default_context(cafile=self.certificates / "ca.crt")
            context.load_cert_chain(self.certificates / "tls.crt", self.certificates / "tls.key")
        return urllib.request.urlopen(request, timeout=timeout, context=context)

    @staticmethod
    def secret(path, text, own):
        path = pathlib.Path(path)
        path.touch(mode=0o600)
        path.write_text(text)
        own(path)

    def remove(self):
        for path in sorted(set(self.made), key=lambda p: len(p.parts), reverse=True):
            if path in [self.certificates, *(pathlib.Path(d) for h in self.hosts for d in [*h.directories, h.config])]:
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.rmdir()
        if not os.environ.get("HAGEN_KEEP"):
            shutil.rmtree(self.scratch, ignore_errors=True)

    # --- asking

    @property
    def user(self):
        return re.search(r"--set=application=(\S+)", (self.members[0].directory / "post-init.sh").read_text()).group(1)

    @property
    def database(self):
        return re.search(r"--set=database=(\S+)", (self.members[0].directory / "post-init.sh").read_text()).group(1)

    def rest(self, host, path, data=None, password=None, method=None):
        """The status and answer of a member's REST API."""
        port = host.read("patroni.yml", r"^  listen: '.+:(\d+)'")
        scheme = "https" if self.certificates else "http"
        request = urllib.request.Request(f"{scheme}://{host.address}:{port}{path}", data=data, method=method)
        if password:
            token = base64.b64encode(f"patroni:{password}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        try:
            with self.fetch(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def roles(self):
        found = {}
        for host in self.members:
            with contextlib.suppress(OSError):
                for member in json.loads(self.rest(host, "/cluster")[1])["members"]:
                    found[member["name"]] = (member["role"], member["state"])
                return found
        raise Failure("no member answers")

    def leader(self):
        name = next((n for n, (role, state) in self.roles().items() if role in ("leader", "standby_leader") and state in ("running", "streaming")), None)
        return next((h for h in self.members if h.name == name), None)

    def psql(self, sql, host, port, user, password, database):
        return self.run([f"{self.bin}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", user, "-d", database, "-c", sql],
                        {"PGPASSWORD": self.passwords[password], "PGCONNECT_TIMEOUT": "10", **self.verified(host)}).strip()

    def verified(self, host):
        if not self.certificates or host.startswith("/"):
            return {}
        return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.certificates / "ca.crt")}

    def superuser(self, host, sql, database="postgres"):
        run = host.read("patroni.yml", r"unix_socket_directories: (.+)$")
        port = re.search(r"^postgresql:\n  listen: '.+:(\d+)'", (host.directory / "patroni.yml").read_text(), re.M).group(1)
        return self.psql(sql, run, port, "postgres", "PATRONI_SUPERUSER_PASSWORD", database)

    def pool_address(self):
        """Where clients come in: PgBouncer of the first router."""
        router = self.routers[0]
        return router.read("pgbouncer.ini", r"^listen_addr = (.+)$"), router.read("pgbouncer.ini", r"^listen_port = (.+)$")

    def pool(self, sql, suffix=""):
        address, port = self.pool_address()
        return self.psql(sql, address, port, self.user, "HAGEN_APPLICATION_PASSWORD", self.database + suffix)


def judge(cluster):
    """What can be said without a running cluster; etcd must be up for Patroni's own validator."""
    for host in cluster.members:
        said = cluster.run(["patroni", "--validate-config", host.config / "patroni.yml"], cluster.passwords)
        if said.strip():
            raise Failure(f"patroni --validate-config of {host.name}: {said}")
    ok(f"patroni --validate-config, {len(cluster.members)} files")
    for host in cluster.routers:
        said = cluster.run(["haproxy", "-c", "-f", host.config / "haproxy.cfg"])
        if re.search(r"WARN|ALERT", said):
            raise Failure(f"haproxy -c of {host.name}: {said}")
    ok("haproxy -c")
    for host in cluster.members:
        conf = host.config / "pgbackrest.conf"
        if conf.exists():
            stanza = re.search(r"^\[(?!global)(.+)\]", conf.read_text(), re.M).group(1)
            said = cluster.run(["pgbackrest", f"--config={conf}", f"--stanza={stanza}", f"--lock-path=/tmp/{cluster.scratch.name}-locks", "stop"], cluster.passwords)
            shutil.rmtree(f"/tmp/{cluster.scratch.name}-locks", ignore_errors=True)
            if "WARN" in said:
                raise Failure(f"pgbackrest.conf of {host.name}: {said}")
    scripts = sorted(cluster.directory.glob("*/*.sh"))
    if shutil.which("shellcheck"):
        # As oneself: the tree that was rendered need not be readable for the account of PostgreSQL.
        done = subprocess.run(["shellcheck", *scripts], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise Failure(f"shellcheck: {done.stdout}")
        ok(f"shellcheck, {len(scripts)} scripts")
    if shutil.which("systemd-analyze"):
        units(cluster)


def units(cluster):
    """Units and calendar lines, by systemd itself. The exporters are not installed here: that alone is no complaint."""
    for host in cluster.hosts:
        files = sorted(host.config.glob("*.service")) + sorted(host.config.glob("*.timer"))
        done = subprocess.run(["systemd-analyze", "verify", *map(str, files)], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(cluster.environment), check=False)
        said = [line for line in done.stdout.splitlines() if str(host.config) in line or "hagen-" in line]
        said = [line for line in said if not re.search(r"(prometheus-postgres|pgbackrest|pgbouncer)[-_]exporter is not executable", line)]
        if said:
            raise Failure(f"systemd-analyze verify of {host.name}:\n" + "\n".join(said))
        for timer in host.config.glob("*.timer"):
            for line in re.findall(r"^OnCalendar=(.+)$", timer.read_text(), re.M):
                cluster.run(["systemd-analyze", "calendar", line])
    ok("systemd-analyze verify and calendar")


def etcd_is_healthy(cluster):
    """Every member says so."""
    urls = [h.read("etcd.yml", r"^advertise-client-urls: (.+)$") for h in cluster.etcd]
    return all(json.load(cluster.fetch(f"{url}/health", 2))["health"] == "true" for url in urls)


def start_etcd(cluster):
    """All of its members, until they have a leader."""
    for host in cluster.etcd:
        cluster.start(host, "etcd")
    wait("etcd has a leader, all members healthy", 60, lambda: cluster.alive() or etcd_is_healthy(cluster))


def boot(cluster):
    cluster.install()
    for host in cluster.hosts:
        said = cluster.run([host.config / "first-boot.sh"])
        if said.strip().splitlines()[-1] != "first-boot: ready":
            raise Failure(f"first-boot.sh of {host.name}: {said}")
    ok(f"first-boot.sh, {len(cluster.hosts)} hosts")
    start_etcd(cluster)
    judge(cluster)
    for host in cluster.members:
        if "backup-server" in host.units:
            cluster.start(host, "backup-server")
    cluster.start(cluster.members[0], "patroni")
    wait("a leader is elected", 120, lambda: cluster.alive() or cluster.leader())
    for host in cluster.members[1:]:
        cluster.start(host, "patroni")
    for host in cluster.routers:
        for kind in ("haproxy", "pgbouncer"):
            if kind in host.units:
                cluster.start(host, kind)

    def complete():
        """As it was made: all of etcd, one leader, and everybody else streams. Its own word is not enough: Patroni remembers
        for ttl what a member that is gone has said last."""
        cluster.alive()
        states = cluster.roles().values()
        replicas = [state for role, state in states if role not in ("leader", "standby_leader")]
        leader = cluster.leader()
        if not leader or len(states) != len(cluster.members) or any(state != "streaming" for state in replicas):
            return False
        names = cluster.superuser(leader, "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'").split()
        # Whom Patroni may promote: it says so a loop later than PostgreSQL does.
        confirm = sum(role in ("sync_standby", "quorum_standby") for role, _ in states)
        wanted = 0 if cluster.standby else int(leader.read("patroni.yml", r"^    synchronous_node_count: (.+)$") or 0)
        return confirm >= min(wanted, len(cluster.members) - 1) and all(h is leader or h.name in names for h in cluster.members) and etcd_is_healthy(cluster)

    wait(f"{len(cluster.members)} members, all replicas stream", 180, complete)
    return complete
