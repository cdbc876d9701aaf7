"""Pods that run: what a kubelet and kube-proxy do, beside a real control plane whose nodes are simulated (lab/cluster).

The objects are the API server's own: a pod that a controller made, the scheduler placed and the simulated node gave an
address becomes a network namespace with exactly that address; its containers get a root of their own, with the user, the
environment and the mounts of the pod, tokens of its ServiceAccount included. Services lead where their EndpointSlices say.
As root, in a network and mount namespace that holds nothing else (`inside`).
"""
import base64
import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from postgres import Failure, wait

LAB = pathlib.Path(__file__).resolve().parent.parent
# Debian keeps it outside an ordinary user's PATH.
DNSMASQ = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin") or "dnsmasq"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def inside():
    """Starts this program again where no other process sees its addresses and mounts; status 77 where that is not possible."""
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root", file=sys.stderr)
        raise SystemExit(1 if os.environ.get("CI") == "true" else 77)
    if os.environ.get("HAGEN_INSIDE") != "1":
        os.environ["HAGEN_INSIDE"] = "1"
        setup = "ip link set lo up && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && exec \"$@\""
        os.execvp("unshare", ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", setup, "sh", sys.executable, *sys.argv])
    # Whoever ends this ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("FAILED: ended from outside"))


def run(*call, given=None, environment=None):
    done = subprocess.run([str(word) for word in call], input=given, capture_output=True, text=True, timeout=300, check=False, env=environment)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, call[:6]))}: {done.stdout}{done.stderr}")
    return done.stdout


class Api:
    """The API server, as its administrator."""

    def __init__(self, directory, *arguments):
        self.directory = pathlib.Path(directory)
        self.config = run(LAB / "cluster", "start", directory, *arguments).strip()
        text = pathlib.Path(self.config).read_text(encoding="utf-8")
        self.base = re.search(r'server: "([^"]+)"', text).group(1)
        self.token = re.search(r"token: (\w+)", text).group(1)
        self.trust = ssl._create_unverified_context()

    def stop(self):
        run(LAB / "cluster", "stop", self.directory)

    def call(self, method, path, body=None, kind="application/json"):
        head = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, head, method=method)
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path}: {error.code} {error.read().decode()[:300]}") from error

    def get(self, path):
        return self.call("GET", path)

    def items(self, path):
        return self.get(path)["items"]

    def kubectl(self, *arguments, given=None):
        tools = next(p for p in subprocess.run(["bash", "-c", f". {LAB.parent}/lib.sh; command -v kubectl"], text=True,
                                               capture_output=True, check=True).stdout.split())
        return run(tools, f"--kubeconfig={self.config}", *arguments, given=given)


class Proxy:
    """kube-proxy: every Service with an address of its own leads a new connection to one of its ready endpoints, by chance."""

    def __init__(self, api):
        self.api, self.endpoints, self.listening, self.closed = api, {}, set(), set()
        self.open, self.lock, self.stopped = {}, threading.Lock(), threading.Event()
        self.names, self.external, self.servers = [], [], []
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        while not self.stopped.is_set():
            with contextlib.suppress(OSError, Failure, ValueError):
                self.read()
            self.stopped.wait(0.2)

    def read(self):
        found = {}
        for piece in self.api.items("/apis/discovery.k8s.io/v1/endpointslices"):
            service = (piece["metadata"]["namespace"], piece["metadata"]["labels"].get("kubernetes.io/service-name"))
            ready = [e["addresses"][0] for e in piece.get("endpoints") or () if e["conditions"].get("ready")]
            for port in piece.get("ports") or ():
                found.setdefault((*service, port.get("name") or ""), []).extend((address, port["port"]) for address in ready)
        # The API server publishes no loopback address as its own endpoint.
        address, port = self.api.base.removeprefix("https://").split(":")
        found[("default", "kubernetes", "https")] = [(address, int(port))]
        self.endpoints = found
        names, external = [], []
        for service in self.api.items("/api/v1/services"):
            meta, spec = service["metadata"], service["spec"]
            if spec.get("clusterIP") in (None, "", "None"):
                continue
            names.append((spec["clusterIP"], meta["name"], meta["namespace"]))
            # What external-dns would write, for a balancer that leads where the Service does.
            outside = (meta.get("annotations") or {}).get("external-dns.alpha.kubernetes.io/hostname")
            external += [(spec["clusterIP"], outside)] if outside else []
            for port in spec["ports"]:
                self.listen((meta["namespace"], meta["name"], port.get("name") or ""), spec["clusterIP"], port["port"])
        self.names, self.external = names, external

    def listen(self, key, address, port):
        if key in self.listening:
            return
        with contextlib.suppress(Failure):
            run("ip", "addr", "add", f"{address}/32", "dev", "pods")
        server = socket.create_server((address, port), backlog=64)
        self.listening.add(key)
        self.servers.append(server)
        threading.Thread(target=self.accept, args=(key, server), daemon=True).start()

    def stop(self):
        """Whoever comes next with the same addresses must be led by his own one."""
        self.stopped.set()
        self.thread.join(30)
        for server in self.servers:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()

    def accept(self, key, server):
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self.lead, args=(key, client), daemon=True).start()

    def lead(self, key, client):
        with client:
            choice = self.endpoints.get(key)
            if not choice or key[:2] in self.closed:
                return
            try:
                far = socket.create_connection(random.choice(choice), timeout=10)
            except OSError:
                return
            far.settimeout(None)
            with far:
                with self.lock:
                    self.open.setdefault(key[:2], set()).update((client, far))
                back = threading.Thread(target=pump, args=(far, client), daemon=True)
                back.start()
                pump(client, far)
                back.join()
                with self.lock:
                    self.open[key[:2]] -= {client, far}

    def cut(self, namespace, name):
        """Nobody reaches the Service any more, and who did loses the connection."""
        self.closed.add((namespace, name))
        with self.lock:
            for one in self.open.get((namespace, name), ()):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def restore(self, namespace, name):
        self.closed.discard((namespace, name))


def pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def expanded(words, environment):
    """What Kubernetes makes of $(NAME) in them."""
    return [re.sub(r"\$\((\w+)\)", lambda m: environment.get(m.group(1), m.group(0)), word) for word in words]


class Kubelet:
    """Runs pods. `programs` are directories of the machine that the images would hold, beside /usr; `postgres` the version of
    PostgreSQL that is there and the one that the image would have; `adapt` what an older program here must be spared. With
    `space` it is the kubelet of one namespace, beside those of others whose pods have the same names."""

    links = itertools.count(1)

    def __init__(self, api, proxy, programs, postgres=None, adapt=lambda key, text: text, space=None):
        self.api, self.proxy, self.programs, self.postgres, self.adapt = api, proxy, programs, postgres, adapt
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="hagen-pods-"))
        self.scratch.chmod(0o755)
        self.hosts = self.scratch / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n", encoding="utf-8")
        self.hosts.chmod(0o644)
        self.addresses, self.processes, self.space = {}, {}, space
        # What is outside of the cluster: (address, name), and the authority that its certificates are of.
        self.outside, self.trust, self.mounted = [], None, {}
        self.resolver = None

    # --- the pod

    def pod(self, namespace, name):
        return self.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")

    def placed(self, namespace, name):
        """The pod, once it has been placed and has an address."""
        def there():
            found = self.pod(namespace, name)
            return found if found["status"].get("podIP") else None
        return wait(f"{name} is placed", 60, there)

    def network(self, name):
        """The network namespace of a pod."""
        return f"{self.space}-{name}" if self.space else name

    def attach(self, name, address):
        link, network = f"v{next(self.links)}", self.network(name)
        run("ip", "netns", "add", network)
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", network)
        run("ip", "link", "set", link, "master", "pods", "up")
        run("ip", "-n", network, "addr", "add", f"{address}/8", "dev", "eth0")
        run("ip", "-n", network, "link", "set", "eth0", "up")
        run("ip", "-n", network, "link", "set", "lo", "up")
        self.addresses[name] = address

    def write_hosts(self, pods):
        """What the cluster's DNS would say. Written in place: it is mounted."""
        domain = "svc.cluster.local"
        lines = ["127.0.0.1 localhost"]
        for address, name, space in self.proxy.names:
            short = f"{name} " if self.space in (None, space) else ""
            lines.append(f"{address} {short}{name}.{space} {name}.{space}.svc {name}.{space}.{domain}")
        lines += [f"{address} {name}" for address, name in [*self.proxy.external, *self.outside]]
        for pod in pods:
            meta, spec = pod["metadata"], pod["spec"]
            if spec.get("subdomain") and pod["status"].get("podIP"):
                full = f"{meta['name']}.{spec['subdomain']}.{meta['namespace']}"
                lines.append(f"{pod['status']['podIP']} {full}.{domain} {full}.svc {meta['name']}")
        self.hosts.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if self.resolver:
            self.resolver[1].send_signal(signal.SIGHUP)

    def resolve(self, address):
        """The same names by DNS, at an address of the pods' network: some programs read no file."""
        run("ip", "addr", "add", f"{address}/32", "dev", "pods")
        log = (self.scratch / "resolver.log").open("wb")
        self.resolver = address, subprocess.Popen([DNSMASQ, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--addn-hosts={self.hosts}",
                                                   f"--listen-address={address}", "--bind-interfaces", "--user=root", "--pid-file="], stdout=log, stderr=log)

    def volume(self, pod, volume):
        meta = pod["metadata"]
        space = f"/api/v1/namespaces/{meta['namespace']}"
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"] if "persistentVolumeClaim" in volume else f"{meta['name']}-{volume['name']}"
            directory = self.scratch / "volumes" / self.api.get(f"{space}/persistentvolumeclaims/{claim}")["spec"]["volumeName"]
            directory.mkdir(parents=True, exist_ok=True)
            os.chown(directory, 0, 999)
            directory.chmod(0o2775)
            return directory
        directory = self.scratch / meta["name"] / volume["name"]
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        if "emptyDir" in volume:
            os.chown(directory, 0, 999)
            directory.chmod(0o2777)
        sources = volume["projected"]["sources"] if "projected" in volume else [volume]
        mode = next((volume[k].get("defaultMode", 0o644) for k in ("configMap", "secret", "projected") if k in volume), 0o644)
        for source in sources:
            for key, data in self.contents(meta, space, source):
                (directory / key).write_bytes(data)
                # The group of the pod may read what its owner may.
                (directory / key).chmod(mode | (mode & 0o400) >> 3)
                os.chown(directory / key, 0, 999)
        return directory

    def contents(self, meta, space, source):
        if "configMap" in source:
            data = self.api.get(f"{space}/configmaps/{source['configMap']['name']}")["data"]
            items = source["configMap"].get("items") or [{"key": key, "path": key} for key in data]
            return [(item["path"], self.adapt(item["key"], data[item["key"]]).encode()) for item in items]
        if "secret" in source:
            name = source["secret"].get("secretName") or source["secret"]["name"]
            data = self.api.get(f"{space}/secrets/{name}")["data"]
            items = source["secret"].get("items") or [{"key": key, "path": key} for key in data]
            return [(item["path"], base64.b64decode(data[item["key"]])) for item in items]
        if "serviceAccountToken" in source:
            account = self.pod(meta["namespace"], meta["name"])["spec"]["serviceAccountName"]
            bound = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                    "spec": {"boundObjectRef": bound, "expirationSeconds": source["serviceAccountToken"]["expirationSeconds"]}}
            token = self.api.call("POST", f"{space}/serviceaccounts/{account}/token", body)["status"]["token"]
            return [(source["serviceAccountToken"]["path"], token.encode())]
        if "downwardAPI" in source:
            return [(item["path"], meta[item["fieldRef"]["fieldPath"].removeprefix("metadata.")].encode())
                    for item in source["downwardAPI"]["items"]]
        if "emptyDir" in source:
            return []
        raise Failure(f"{meta['name']}: an unknown kind of volume: {source}")

    def environment(self, pod, container):
        address = next(a for a, n, s in self.proxy.names if (n, s) == ("kubernetes", "default"))
        trust = {"SSL_CERT_FILE": "/etc/trust.pem"} if self.trust else {}
        # Nobody waits two minutes for a member that is away.
        found = {**trust, "PGBACKREST_IO_TIMEOUT": "10", "PATH": ":".join([*(f"{p}/bin" for p in self.programs), PATH]), "LANG": "C.UTF-8",
                 "KUBERNETES_SERVICE_HOST": address, "KUBERNETES_SERVICE_PORT": "443"}
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            if "secretKeyRef" in source:
                reference = source["secretKeyRef"]
                data = self.api.get(f"/api/v1/namespaces/{pod['metadata']['namespace']}/secrets/{reference['name']}")["data"]
                value = base64.b64decode(data[reference["key"]]).decode()
            elif "fieldRef" in source:
                value = pod
                for step in source["fieldRef"]["fieldPath"].split("."):
                    value = value[step]
            else:
                value = expanded([variable.get("value", "")], found)[0]
            found[variable["name"]] = value
        return found

    def root(self, pod, container, volumes):
        """The lines that make a container's root: the machine's programs, what is mounted, and nothing else."""
        root = self.scratch / "root"
        root.mkdir(exist_ok=True)
        lines = ["set -e", f"mount -t tmpfs -o mode=755 tmpfs {root}", f"cd {root}", "mkdir usr etc dev proc",
                 "for d in bin sbin lib lib64; do ln -s usr/$d $d; done", "mount --rbind /usr usr", "mount --rbind /dev dev",
                 "mount -t proc proc proc", "mkdir etc/alternatives", "mount --bind /etc/alternatives etc/alternatives",
                 "cp /etc/nsswitch.conf /etc/ld.so.cache etc/", "touch etc/hosts", f"mount --bind {self.hosts} etc/hosts",
                 "echo 'postgres:x:999:999::/var/lib/postgresql:/bin/sh' > etc/passwd", "echo 'postgres:x:999:' > etc/group"]
        if self.resolver:
            lines.append(f"echo 'nameserver {self.resolver[0]}' > etc/resolv.conf")
        if self.trust:
            lines += ["touch etc/trust.pem", f"mount --bind {self.trust} etc/trust.pem"]
        for directory in self.programs:
            lines += [f"mkdir -p .{directory}", f"mount --bind {directory} .{directory}"]
        if self.postgres:
            # The image has the version that the blueprint names; here it is whichever is installed.
            there, wanted = self.postgres
            lines += ["mount -t tmpfs tmpfs usr/lib/postgresql", f"mkdir usr/lib/postgresql/{wanted}",
                      f"mount --bind /usr/lib/postgresql/{there} usr/lib/postgresql/{wanted}"]
        for mount in container.get("volumeMounts", []):
            target = mount["mountPath"]
            lines += [f"mkdir -p .{target}", f"mount --bind {volumes[mount['name']]} .{target}"]
            if mount.get("readOnly"):
                lines.append(f"mount -o remount,bind,ro .{target}")
        if not container["securityContext"]["readOnlyRootFilesystem"]:
            raise Failure(f"{pod['metadata']['name']}: its root can be written to")
        user = pod["spec"]["securityContext"]["runAsUser"]
        lines += [f"mount -o remount,ro {root}", f"exec chroot --userspec={user}:{user} {root} \"$@\""]
        return "\n".join(lines)

    @staticmethod
    def key(pod, container=None):
        """What a container's process is kept under: the pod's name, for its first one."""
        name = pod["metadata"]["name"]
        return name if container in (None, pod["spec"]["containers"][0]["name"]) else f"{name}:{container}"

    def start(self, namespace, name, container=None, keep=False):
        """Runs a container of a pod, the first one if none is named; with `keep` on the volumes that the pod has already."""
        pod = self.pod(namespace, name)
        one = next(c for c in pod["spec"]["containers"] if container in (None, c["name"]))
        key = self.key(pod, one["name"])
        if name not in self.addresses:
            self.attach(name, pod["status"]["podIP"])
        if not keep or name not in self.mounted:
            self.mounted[name] = {v["name"]: self.volume(pod, v) for v in pod["spec"]["volumes"]}
        volumes = self.mounted[name]
        log = (self.scratch / f"{key}.log").open("ab")

        def call(which, environment):
            return ["ip", "netns", "exec", self.network(name), "unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-c",
                    self.root(pod, which, volumes), "sh", *expanded([*which["command"], *which.get("args", [])], environment)]
        for first in pod["spec"].get("initContainers", []) if key == name else []:
            environment = self.environment(pod, first)
            run(*call(first, environment), environment=environment)
        environment = self.environment(pod, one)
        process = subprocess.Popen(call(one, environment), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
        self.processes[key] = (process, pod, environment)

    def first(self, name):
        """The process that is number 1 of the container, unless that has ended."""
        process = self.processes[name][0]
        if process.poll() is not None:
            return None
        found = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
        return int(found[0]) if found else None

    def kill(self, name):
        """Every process of the container, at once; its volumes and its network are left."""
        first, process = self.first(name), self.processes.pop(name)[0]
        # With its first process the kernel ends all of the container.
        if first:
            os.kill(first, signal.SIGKILL)
        process.wait(10)

    def execute(self, name, *command, check=True, given=None):
        """What `kubectl exec` does; with `given`, `kubectl exec -i`."""
        done = self.enter(name, command, given)
        if check and done.returncode != 0:
            raise Failure(f"{name}: {command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def enter(self, name, command, given=None):
        _, pod, environment = self.processes[name]
        user = str(pod["spec"]["securityContext"]["runAsUser"])
        call = ["nsenter", "--target", str(self.first(name)), "--mount", "--net", "--pid", "--ipc", "--root", "--wd",
                "--setuid", user, "--setgid", user, *command]
        try:
            return subprocess.run(call, input=given or "", capture_output=True, text=True, timeout=120, env=environment, check=False)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"{name}: {command[0]} gives no answer") from late

    def probe(self, name, kind):
        """Whether the declared probe of the running container passes."""
        _, pod, _ = self.processes[name]
        container = pod["spec"]["containers"][0]
        asked = container[kind]["httpGet"]
        port = next((p["containerPort"] for p in container["ports"] if p["name"] == asked["port"]), asked["port"])
        url = f"{asked['scheme'].lower()}://{self.addresses[name]}:{port}{asked['path']}"
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(url, timeout=container[kind]["timeoutSeconds"], context=ssl._create_unverified_context()) as answer:
                return answer.status < 400
        return False

    def log(self, name):
        return (self.scratch / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def stop(self):
        for name in list(self.processes):
            self.kill(name)
        if self.resolver:
            self.resolver[1].terminate()
            self.resolver[1].wait(10)
        for name in self.addresses:
            with contextlib.suppress(Failure):
                run("ip", "netns", "delete", self.network(name))
        if not os.environ.get("HAGEN_KEEP"):
            shutil.rmtree(self.scratch, ignore_errors=True)


def bridge():
    """The network of the pods."""
    # An address of its own: else it takes that of a pod, and changes it, unknown to all others, when that one goes or another comes.
    run("ip", "link", "add", "pods", "address", "02:00:00:00:00:01", "type", "bridge")
    run("ip", "addr", "add", "10.255.255.254/8", "dev", "pods")
    run("ip", "link", "set", "pods", "up")


def settled(seconds, what, probe):
    """As `wait`, and how long it took."""
    began = time.monotonic()
    wait(what, seconds, probe)
    return round(time.monotonic() - began, 1)
