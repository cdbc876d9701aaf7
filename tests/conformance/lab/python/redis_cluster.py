"""A rendered Redis Cluster on loopback hosts: every redis-server starts on exactly the rendered redis.conf.

Where the blueprint has logins, the secret files that redis.conf names are made by the rendered secrets.sh.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

SLOTS = 16384
ROOT = pathlib.Path(__file__).resolve().parents[4]


class Cluster:
    """One rendered cluster, and the processes that run it."""

    def __init__(self, directory):
        self.directory = directory
        self.roles = json.loads((directory / "roles.json").read_text())
        self.nodes = {node["name"]: node for node in self.roles["nodes"]}
        self.processes = {}
        self.environment = dict(os.environ, HAGEN_WAIT="60")
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="hagen-redis-"))
        self.login = []
        for name in self.nodes:
            self.prepare(name)

    def setting(self, name, key):
        for line in (self.directory / name / "redis.conf").read_text().splitlines():
            if line.startswith(key + " "):
                return line.split(" ", 1)[1].strip('"')
        return None

    def prepare(self, name):
        """What must exist before a node starts: its directory, empty, and the secret files that its configuration names."""
        data = pathlib.Path(self.setting(name, "dir"))
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        if self.setting(name, "tls-cert-file"):
            certificates(pathlib.Path(self.setting(name, "tls-cert-file")).parent, self.nodes.values())
        if not self.setting(name, "aclfile"):
            return
        run(["sh", str(self.directory / "secrets.sh"), str(self.scratch / "secrets")])
        for key in ("aclfile", "include"):
            target = pathlib.Path(self.setting(name, key))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.scratch / "secrets" / target.name, target)
        password = self.scratch / "secrets" / "operator-password"
        self.environment["HAGEN_PASSWORD_FILE"] = str(password)
        self.environment["REDISCLI_AUTH"] = password.read_text()
        self.login = ["--user", "operator"]

    def start(self, name, *options):
        log = open(self.scratch / f"{name}.log", "ab")
        command = ["redis-server", str(self.directory / name / "redis.conf"), *options]
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self, name, kill=False):
        process = self.processes.pop(name)
        (process.kill if kill else process.terminate)()
        process.wait(30)

    @contextlib.contextmanager
    def supervised(self):
        """What stops is started again after a second, as its unit says (`Restart=always`)."""
        done = threading.Event()

        def watch():
            while not done.wait(1):
                for name in [name for name, process in self.processes.items() if process.poll() is not None]:
                    self.start(name)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def stop_all(self):
        for name in list(self.processes):
            self.stop(name, kill=True)

    def cli(self, name, *command, cluster=False):
        node = self.nodes[name]
        flags = ["-c"] if cluster else []
        if self.setting(name, "tls-port"):
            files = [self.setting(name, f"tls-{key}-file") for key in ("ca-cert", "cert", "key")]
            flags += ["--tls", "--cacert", files[0], "--cert", files[1], "--key", files[2]]
        call = ["redis-cli", "-e", "-h", node["host"], "-p", str(node["port"]), *flags, *self.login, *command]
        return run(call, env=self.environment).strip()

    def script(self, name, *arguments, status=0):
        call = ["sh", str(self.directory / name), *arguments]
        result = subprocess.run(call, env=self.environment, capture_output=True, text=True, timeout=300)
        print("   ", "\n    ".join((result.stdout + result.stderr).strip().splitlines()))
        check(result.returncode == status, f"{name} ended with {result.returncode}, not {status}")
        return result.stdout + result.stderr

    def layout(self, asked):
        """Shards as CLUSTER SHARDS tells them: {(first, last): (primary, {replicas})}."""
        by_address = {(node["host"], node["port"]): name for name, node in self.nodes.items()}
        found = {}
        for shard in json_reply(self.cli(asked, "--json", "cluster", "shards")):
            slots = tuple(shard["slots"])
            named = {}
            for node in shard["nodes"]:
                port = node.get("tls-port") or node.get("port")
                name = by_address.get((node["ip"], port)) or by_address.get((node.get("hostname"), port), "?")
                named[name] = node["role"]
            primary = [name for name, role in named.items() if role == "master" and slots]
            found[slots] = (primary[0] if primary else None, {n for n, role in named.items() if role != "master"})
        return found

    def declared(self):
        return {(s["first"], s["last"]): (s["primary"], set(s["replicas"])) for s in self.roles["shards"]}


def json_reply(text):
    """redis-cli 7.0 prints CLUSTER SHARDS as lists of pairs."""
    def pairs(value):
        return {value[i]: value[i + 1] for i in range(0, len(value), 2)} if isinstance(value, list) else value
    return [{"slots": pairs(shard)["slots"], "nodes": [pairs(n) for n in pairs(shard)["nodes"]]}
            for shard in json.loads(text)]


def certificates(directory, nodes):
    """A CA and one certificate for all nodes, where there are none yet."""
    if (directory / "tls.crt").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    names = ",".join(f"{'IP' if node['host'].replace('.', '').isdigit() else 'DNS'}:{node['host']}" for node in nodes)
    request = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509", "-days", "60"]
    ca, key = str(directory / "ca.crt"), str(directory / "ca.key")
    run([*request, "-subj", "/CN=test CA", "-keyout", key, "-out", ca])
    run([*request, "-subj", "/CN=redis", "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=CA:FALSE",
         "-CA", ca, "-CAkey", key, "-keyout", str(directory / "tls.key"), "-out", str(directory / "tls.crt")])


def run(call, env=None):
    result = subprocess.run(call, env=env, capture_output=True, text=True, timeout=60)
    if result.returncode:
        raise SystemExit(f"FAIL {' '.join(call)}: {result.stdout}{result.stderr}")
    return result.stdout


def check(holds, what):
    if not holds:
        raise SystemExit(f"FAIL {what}")


def wait(what, condition, limit=60):
    since = time.monotonic()
    while True:
        try:
            if condition():
                return time.monotonic() - since
        except (SystemExit, ValueError, KeyError, IndexError):
            pass
        check(time.monotonic() - since < limit, f"waited {limit}s: {what}")
        time.sleep(0.2)


def keys_in_all_slots(cluster):
    """A key for every hundredth slot and both ends of every shard, written through one node, read through another."""
    names = list(cluster.nodes)
    wanted = set(range(0, SLOTS, 100)) | {edge for shard in cluster.roles["shards"] for edge in (shard["first"], shard["last"])}
    keys, missing, number = {}, set(wanted), 0
    while missing:
        slot = crc16(f"k{number}".encode()) % SLOTS
        if slot in missing:
            missing.remove(slot)
            keys[slot] = f"k{number}"
        number += 1
    for at, slot in enumerate(sorted(wanted)):
        cluster.cli(names[at % len(names)], "set", keys[slot], f"slot-{slot}", cluster=True)
    for at, slot in enumerate(sorted(wanted)):
        value = cluster.cli(names[(at + 1) % len(names)], "get", keys[slot], cluster=True)
        check(value == f"slot-{slot}", f"slot {slot}: {value!r}")
    return {keys[slot]: f"slot-{slot}" for slot in wanted}


def crc16(data):
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = ((value << 1) ^ 0x1021) & 0xFFFF if value & 0x8000 else (value << 1) & 0xFFFF
    return value


def hagen_diff(cluster, *source, environment=None):
    """What `hagen diff` says: its changes, and how much it looked at."""
    hagen = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "hagen"
    out = cluster.directory.parents[2].name
    blueprint = next(p for p in (ROOT / d / f"{out}.yaml" for d in ("blueprints", "tests/conformance/blueprints")) if p.exists())
    ran = subprocess.run([hagen, "diff", blueprint, "--format", "json", *source], capture_output=True, text=True, env=environment)
    check(ran.returncode in (0, 1), f"hagen diff {source[0]}: {ran.stderr}")
    said = json.loads(ran.stdout)
    return sorted((c["at"], c["what"], c["risk"]) for d in said["differences"] for c in d["changes"]), said["same"] + len(said["differences"])


def hagen_diff_of(cluster, text):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text + "\n")
        file.flush()
        return hagen_diff(cluster, "--against", f"{cluster.directory.parents[1].name}={file.name}")[0]


def hagen_diff_live(cluster):
    """The same of all nodes and of the layout, asked by hagen itself."""
    environment, first = dict(cluster.environment), next(iter(cluster.nodes))
    if cluster.login:
        environment["HAGEN_REDIS_USER"] = cluster.login[1]
    if cluster.setting(first, "tls-port"):
        for variable, key in (("CA", "ca-cert"), ("CERT", "cert"), ("KEY", "key")):
            environment[f"HAGEN_TLS_{variable}"] = cluster.setting(first, f"tls-{key}-file")
    changes, looked = hagen_diff(cluster, "--live", "redis", environment=environment)
    check(looked == len(cluster.nodes) + 1, f"hagen diff --live redis looked at {looked}")
    return changes


def units(directory):
    """redis_exporter and what copies a backup are not installed here: that alone is no complaint."""
    files = sorted(map(str, [*directory.glob("**/*.service"), *directory.glob("**/*.timer")]))
    for file in files:
        said = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
        bad = [line for line in (said.stdout + said.stderr).splitlines()
               if pathlib.Path(file).name in line and "is not executable" not in line]
        check(not bad, "\n".join(bad))


def step(directory, what):
    print(f"{directory.name}: {what}", flush=True)
