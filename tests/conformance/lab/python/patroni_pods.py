"""A PostgreSQL cluster on Kubernetes, as rendered, whose pods are run (pods.py) in a control plane of its own."""
import contextlib
import itertools
import json
import os
import pathlib
import re
import secrets
import subprocess
import tempfile
import threading
import time

import following
from pods import Api, Kubelet, Proxy, bridge, run
from postgres import Failure, patroni_bin, wait

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / "lib.sh"


class Writer(threading.Thread):
    """A client that writes all the time. A row counts once its commit was acknowledged; what fails is tried again."""

    def __init__(self, name, login, keep):
        super().__init__(daemon=True)
        self.title, self.login, self.keep = name, login, keep
        self.rows, self.done, self.refused = [], threading.Event(), []

    def run(self):
        import psycopg

        connection = None
        for number in itertools.count():
            if self.done.is_set():
                break
            try:
                if connection is None:
                    connection = psycopg.connect(**self.login, connect_timeout=3, autocommit=True, prepare_threshold=None)
                connection.execute("INSERT INTO written VALUES (%s, %s)", (self.title, number))
                self.rows.append((time.monotonic(), number))
            except psycopg.Error as error:
                self.refused.append((time.monotonic(), str(error).strip().splitlines()[-1]))
                if connection:
                    connection.close()
                connection = None
            if connection and not self.keep:
                connection.close()
                connection = None
            self.done.wait(0.1)

    def gap(self, since):
        """The longest time without an acknowledged row since then."""
        times = [since, *(at for at, _ in self.rows if at >= since), time.monotonic()]
        return round(max(b - a for a, b in zip(times, times[1:])), 1)


class Cluster:
    """A rendered cluster that runs."""

    def __init__(self, manifest, api, proxy, kubelet, documents):
        self.api, self.proxy, self.kubelet = api, proxy, kubelet
        self.documents = documents
        of = lambda kind, where=lambda d: True: next(d for d in documents if d["kind"] == kind and where(d))
        self.set = of("StatefulSet")
        self.name, self.space = self.set["metadata"]["name"], self.set["metadata"]["namespace"]
        self.pods = [f"{self.name}-{n}" for n in range(self.set["spec"]["replicas"])]
        self.config = of("ConfigMap", lambda d: "patroni.yml" in d["data"])["data"]["patroni.yml"]
        self.scope = self.value("scope")
        self.environment = {e["name"]: e for e in self.set["spec"]["template"]["spec"]["containers"][0]["env"]}
        self.user, self.database = (self.environment[n]["value"] for n in ("APPLICATION_USER", "APPLICATION_DATABASE"))
        self.report = {"cluster": manifest.stem}

    def value(self, key):
        return re.search(rf"^ *{key}: '?([^'\n]+)'?$", self.config, re.M).group(1)

    def seconds(self, key):
        return int(self.value(key))

    def failover(self):
        """X-PT-2, the upper end: the key runs out, the race, the promotion, and a loop in which a replica sees it."""
        return self.seconds("ttl") + 2 + 2 + self.seconds("loop_wait") + 0.5

    def key(self, which):
        return self.api.get(f"/api/v1/namespaces/{self.space}/configmaps/{self.scope}-{which}")

    def leader(self):
        return self.key("leader")["metadata"]["annotations"].get("leader")

    def roles(self):
        items = self.api.items(f"/api/v1/namespaces/{self.space}/pods?labelSelector=cluster-name={self.scope}")
        return {p["metadata"]["name"]: p["metadata"]["labels"].get("role") for p in items}

    def states(self):
        text = self.ctl("list", "--format=json")
        return {m["Member"]: (m["Role"], m["State"]) for m in json.loads(text)}

    def candidate(self):
        """Who may take over, as the page has it: for a moment after a member's return there may be nobody."""
        return wait("a member is a synchronous standby", 60,
                    lambda: next((m for m, (role, _) in self.states().items() if role == "Sync Standby"), None))

    def ctl(self, *arguments):
        pod = next((p for p in self.pods if p in self.kubelet.processes), None)
        if pod is None:
            raise Failure("no member runs")
        return self.kubelet.execute(pod, "patronictl", *arguments)

    def behind(self, service):
        """The pods that a Service leads to."""
        names = {address: name for name, address in self.kubelet.addresses.items()}
        ends = self.proxy.endpoints.get((self.space, service, "postgres"), [])
        return sorted(names.get(address, address) for address, _ in ends)

    def whole(self):
        """One leader, the rest streaming, labels and Services in step with it."""
        leader = self.leader()
        rest = [p for p in self.pods if p != leader]
        states = self.states()
        return (states.get(leader) == ("Leader", "running")
                and all(states[p][1] == "streaming" for p in rest)
                and self.roles() == {leader: "primary", **dict.fromkeys(rest, "replica")}
                and self.behind(self.name) == [leader] and self.behind(f"{self.name}-replicas") == rest)

    def secrets(self, same=None):
        """What people or an operator would have put there: every Secret that the objects name, with passwords made here, or
        those of another region."""
        wanted = self.given = same.given if same else {}
        for document in self.documents:
            template = ((document.get("spec") or {}).get("template") or {}).get("spec") or {}
            for container in template.get("containers", []):
                for variable in container.get("env", []):
                    reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
                    if reference:
                        wanted.setdefault(reference["name"], {}).setdefault(reference["key"], secrets.token_urlsafe(18))
        reference = self.environment["APPLICATION_PASSWORD"]["valueFrom"]["secretKeyRef"]
        self.password = wanted[reference["name"]][reference["key"]]
        wanted[reference["name"]]["userlist.txt"] = f'"{self.user}" "{self.password}"\n"monitor" "{secrets.token_urlsafe(18)}"\n'
        for name, data in wanted.items():
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
            self.api.call("POST", f"/api/v1/namespaces/{self.space}/secrets", body)

    def certificates(self):
        """What members and backup jobs show each other: the members let in who is called as the cluster."""
        hosts = [f"{pod}.{self.set['spec']['serviceName']}.{self.space}.svc.cluster.local" for pod in self.pods]
        with tempfile.TemporaryDirectory() as directory:
            key, done, authority = following.certificate(pathlib.Path(directory), "tls", self.name, hosts)
            data = {"tls.key": key.read_text(), "tls.crt": done.read_text(), "ca.crt": authority.read_text()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{self.name}-pgbackrest"}, "stringData": data}
        self.api.call("POST", f"/api/v1/namespaces/{self.space}/secrets", body)


def apply(api, directory):
    """Everything of the region, strictly; kinds that want a class of load balancers and so on are the business of `kubernetes`."""
    text = api.kubectl("kustomize", directory)
    import yaml

    documents = [d for d in yaml.safe_load_all(text) if d]
    spaces = "---\n".join(yaml.safe_dump(d) for d in documents if d["kind"] == "Namespace")
    api.kubectl("apply", "--server-side", "--validate=strict", "--field-manager=hagen", "-f", "-", given=spaces)
    return documents, text


def spared(key, text):
    """PgBouncer before 1.21 stops at this parameter, and the image that the blueprint names is newer than what may be here."""
    said = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(n) for n in re.search(r"(\d+)\.(\d+)", said).groups())
    return re.sub(r"^max_prepared_statements.*$", "", text, flags=re.M) if key == "pgbouncer.ini" and version < (1, 21) else text


@contextlib.contextmanager
def lab(manifest, *more):
    """A control plane for what is rendered, and what makes kubelets in it."""
    directory = manifest.parent
    text = subprocess.run(["bash", "-c", f". '{LIBRARY}'; kubectl kustomize '{directory}' > \"$0\"; python3 \"$LAB/objects\" cluster \"$0\" '{directory.parent.name}'",
                           str(pathlib.Path(tempfile.gettempdir()) / f"hagen-{os.getpid()}.yaml")], check=True, capture_output=True, text=True).stdout
    installed = max(p.name for p in pathlib.Path("/usr/lib/postgresql").iterdir())
    wanted = re.search(r"bin_dir: /usr/lib/postgresql/(\d+)/bin", manifest.read_text(encoding="utf-8")).group(1)
    api = Api(tempfile.mkdtemp(prefix="hagen-lab-"), *text.splitlines(), "--audit", *more)
    try:
        bridge()
        proxy = Proxy(api)

        @contextlib.contextmanager
        def kubelet(space=None):
            one = Kubelet(api, proxy, [pathlib.Path(patroni_bin()).parent], (installed, wanted), spared, space)
            try:
                yield one
            finally:
                one.stop()
        try:
            yield api, proxy, kubelet
        finally:
            proxy.stop()
            run("ip", "link", "delete", "pods")
    finally:
        api.stop()


@contextlib.contextmanager
def store(manifest):
    """The object store that the backups go to."""
    text = manifest.read_text(encoding="utf-8")
    of = lambda key: re.search(rf"^ *repo1-s3-{key}=(\S+)$", text, re.M).group(1)
    programs = run("bash", "-c", f". '{LIBRARY}'; echo \"$VENV/bin\"").strip()
    one = following.Store(programs, of("endpoint"), of("bucket"))
    try:
        wait("the object store answers", 60, one.ready)
        yield one
    finally:
        one.stop()
