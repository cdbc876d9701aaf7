"""Pods of Redis without Kubernetes: every pod is a network namespace with an address of its own, every container a root of its own.

The pods' commands, environment, files and mounts are taken from the rendered objects: each container sees exactly the
ConfigMap, Secret, emptyDir and data volumes that its StatefulSet or Job mounts, runs as the rendered user, and finds the
others by the names that the headless Service would give them. Secrets are made by the rendered secrets.sh. As root, in a
network and mount namespace that holds nothing else (`inside`).
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import yaml

from redis_cluster import certificates, check

PATH = "/stand-ins:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the machine has no program of, or what is asked for its figures elsewhere.
NOT_RUN = {"exporter"}


def inside():
    """Starts this program again where no other process sees its addresses and mounts."""
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root", file=sys.stderr)
        raise SystemExit(1 if os.environ.get("CI") == "true" else 77)
    if os.environ.get("HAGEN_INSIDE") != "1":
        os.environ["HAGEN_INSIDE"] = "1"
        setup = "mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && exec \"$@\""
        os.execvp("unshare", ["unshare", "--mount", "--net", "sh", "-c", setup, "sh", sys.executable, *sys.argv])


def run(*call):
    result = subprocess.run([str(word) for word in call], capture_output=True, text=True, timeout=120)
    check(result.returncode == 0, f"{' '.join(map(str, call))}: {result.stdout}{result.stderr}")
    return result.stdout


def step(what):
    print(what, flush=True)


def wait(what, condition, limit=90):
    since = time.monotonic()
    while True:
        try:
            if condition():
                return time.monotonic() - since
        except (SystemExit, ValueError, KeyError, IndexError, OSError):
            pass
        check(time.monotonic() - since < limit, f"waited {limit}s: {what}")
        time.sleep(0.5)


def ended(process):
    """What runs beside the first process of a container ends with it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(60)


class Pods:
    """The pods of one cluster or store."""

    def __init__(self, manifest, roles):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="hagen-redis-k8s-"))
        # The pods' user must reach what is mounted.
        self.scratch.chmod(0o755)
        self.objects = {}
        with open(manifest, encoding="utf-8") as file:
            for thing in filter(None, yaml.safe_load_all(file)):
                self.objects.setdefault(thing["kind"], {})[thing["metadata"]["name"]] = thing
        self.path, self.roles = pathlib.Path(roles), json.loads(pathlib.Path(roles).read_text())
        self.names = list(self.objects["StatefulSet"])
        self.hosts = self.scratch / "hosts"
        self.hosts.write_text("")
        self.hosts.chmod(0o644)
        self.addresses, self.links, self.mounted, self.running = {}, {}, {}, {}
        self.counter = 10
        self.secrets = self.scratch / "secrets"
        if (self.path.parent / "secrets.sh").exists():
            run("sh", self.path.parent / "secrets.sh", self.secrets)
        # Mounted into every container beside what is rendered: programs of the images that this machine does not have.
        self.beside = []
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "pods", "type", "bridge")
        run("ip", "addr", "add", "10.77.0.1/16", "dev", "pods")
        run("ip", "link", "set", "pods", "up")
        self.answer()

    def attach(self, pod):
        """A network namespace with a new address, as the pod gets one with every start."""
        self.detach(pod)
        self.counter += 1
        number, address = self.counter, f"10.77.{self.counter // 250}.{self.counter % 250 + 2}"
        run("ip", "netns", "add", pod)
        run("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "eth0", "netns", pod)
        run("ip", "link", "set", f"v{number}", "master", "pods", "up")
        run("ip", "-n", pod, "addr", "add", f"{address}/16", "dev", "eth0")
        run("ip", "-n", pod, "link", "set", "eth0", "up")
        run("ip", "-n", pod, "link", "set", "lo", "up")
        self.addresses[pod], self.links[pod] = address, f"v{number}"
        self.write_hosts()

    def detach(self, pod):
        if pod in self.addresses:
            del self.addresses[pod]
            run("ip", "netns", "delete", pod)
            self.write_hosts()

    def write_hosts(self):
        """DNS as the headless Service makes it: of the pods that there are, ready or not."""
        lines = ["127.0.0.1 localhost"]
        for node in self.roles["nodes"]:
            name = f"{node['name']}-0"
            if name in self.addresses:
                thing = self.objects["StatefulSet"][node["name"]]
                called = f"{name}.{thing['spec']['serviceName']}.{thing['metadata']['namespace']}.svc"
                check(node["host"] in (called, f"{called}.cluster.local"), f"{name} is called {node['host']}")
                lines.append(f"{self.addresses[name]} {node['host']}")
        self.hosts.write_text("\n".join(lines) + "\n")

    @staticmethod
    def resolver(spec):
        """resolv.conf as a kubelet writes it, but for the domains to search."""
        options = [f"{option['name']}:{option['value']}" for option in spec.get("dnsConfig", {}).get("options", [])]
        return "\n".join(["nameserver 10.77.0.1", f"options {' '.join(['ndots:5', *options])}"])

    def answer(self):
        """The name server for what `hosts` does not have: there is no such name; or, once `silent`, no word at all."""
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("10.77.0.1", 53))
        self.silent, self.asked = False, 0

        def serve():
            while True:
                question, sender = self.server.recvfrom(512)
                if len(question) < 12:
                    self.server.close()
                    return
                self.asked += 1
                if not self.silent:
                    # The same question back, as a reply (0x8180) with the status 3.
                    self.server.sendto(question[:2] + b"\x81\x83" + question[4:6] + b"\0" * 6 + question[12:], sender)

        self.serving = threading.Thread(target=serve, daemon=True)
        self.serving.start()

    def volume(self, pod, volume):
        """The directory that stands for a volume."""
        directory = self.scratch / pod / volume["name"]
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        if "configMap" in volume:
            for key, text in self.objects["ConfigMap"][volume["configMap"]["name"]]["data"].items():
                (directory / key).write_text(text)
        elif "projected" in volume:
            for source in volume["projected"]["sources"]:
                for item in source["secret"]["items"]:
                    shutil.copy(self.secrets / item["key"], directory / item["path"])
                    os.chmod(directory / item["path"], volume["projected"]["defaultMode"])
                    shutil.chown(directory / item["path"], 0, 999)
        elif "secret" in volume:
            for file in self.certificates():
                shutil.copy(file, directory / pathlib.Path(file).name)
                os.chmod(directory / pathlib.Path(file).name, volume["secret"]["defaultMode"])
                shutil.chown(directory / pathlib.Path(file).name, 0, 999)
        else:
            check("emptyDir" in volume, f"{pod}: an unknown kind of volume: {volume}")
            os.chown(directory, 999, 999)
        return directory

    def certificates(self):
        """CA, certificate and key for the names of all pods."""
        directory = self.scratch / "certificates"
        certificates(directory, self.roles["nodes"])
        return [str(directory / name) for name in ("ca.crt", "tls.crt", "tls.key")]

    def volumes(self, pod, spec):
        volumes = {volume["name"]: self.volume(pod, volume) for volume in spec.get("volumes", [])}
        data = self.scratch / "claims" / pod
        data.mkdir(parents=True, exist_ok=True)
        os.chown(data, 999, 999)
        volumes.setdefault("data", data)
        return volumes

    def command(self, pod, spec, command, container=None):
        """A root of its own: the machine's programs, what is mounted, and nothing else; read-only where it says so."""
        container = container or spec["containers"][0]
        user = spec["securityContext"]["runAsUser"]
        check(container["securityContext"]["readOnlyRootFilesystem"], f"{pod}: its root can be written to")
        environment = {"PATH": PATH}
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            if source.get("fieldRef", {}).get("fieldPath") == "status.podIP":
                environment[variable["name"]] = self.addresses[pod]
            elif "secretKeyRef" in source:
                environment[variable["name"]] = (self.secrets / source["secretKeyRef"]["key"]).read_text()
            else:
                environment[variable["name"]] = variable["value"]
        root = self.scratch / "root"
        root.mkdir(exist_ok=True)
        lines = ["set -e", f"mount -t tmpfs -o mode=755 tmpfs {root}", f"cd {root}", "mkdir usr etc dev proc",
                 "for d in bin sbin lib lib64; do ln -s usr/$d $d; done", "mount --rbind /usr usr", "mount --rbind /dev dev",
                 "mount --bind /proc proc", "mkdir etc/alternatives", "mount --bind /etc/alternatives etc/alternatives",
                 "cp /etc/nsswitch.conf /etc/ld.so.cache etc/", f"echo '{self.resolver(spec)}' > etc/resolv.conf", "touch etc/hosts", f"mount --bind {self.hosts} etc/hosts"]
        volumes = self.mounted[pod]
        mounts = [(volumes[m["name"]] / m.get("subPath", ""), m["mountPath"], bool(m.get("readOnly"))) for m in container.get("volumeMounts", [])]
        for source, target, read_only in [*mounts, *self.beside]:
            lines += [f"test -e .{target} || mkdir -p .{target}", f"mount --bind {source} .{target}"]
            if read_only:
                lines.append(f"mount -o remount,bind,ro .{target}")
        lines.append(f"mount -o remount,ro {root}")
        words = " ".join(f"'{word}'" for word in command)
        variables = " ".join(f"{key}='{value}'" for key, value in environment.items())
        lines.append(f"exec env -i {variables} chroot --userspec={user}:{user} {root} {words}")
        return ["ip", "netns", "exec", pod, "unshare", "--mount", "sh", "-c", "\n".join(lines)]

    def spec(self, name):
        return self.objects["StatefulSet"][name]["spec"]["template"]["spec"]

    def container(self, name, called="redis"):
        return next(c for c in self.spec(name)["containers"] if c["name"] == called)

    def start(self, name):
        pod, spec = f"{name}-0", self.spec(name)
        self.attach(pod)
        self.mounted[pod] = self.volumes(pod, spec)
        self.running[name] = {}
        for container in spec.get("initContainers", []):
            run(*self.command(pod, spec, container["command"], container))
        for container in spec["containers"]:
            if container["name"] not in NOT_RUN:
                self.start_container(name, container["name"])

    def start_container(self, name, called="redis"):
        """In its pod, with the pod's address and volumes: what a kubelet does when one has ended."""
        container = self.container(name, called)
        log = open(self.scratch / f"{name}-0.{called}.log", "ab")
        call = self.command(f"{name}-0", self.spec(name), container["command"], container)
        if called in self.running[name]:
            ended(self.running[name][called])
        self.running[name][called] = subprocess.Popen(call, stdout=log, stderr=log, start_new_session=True)

    def figures(self, name, monitor):
        """What Prometheus gets at a PodMonitor's endpoint of a pod, from the exporter in it."""
        endpoint = self.objects["PodMonitor"][monitor]["spec"]["podMetricsEndpoints"][0]
        query = "&".join(f"{key}={value}" for key, values in endpoint.get("params", {}).items() for value in values)
        container = self.container(name, "exporter")
        port = next(port["containerPort"] for port in container["ports"] if port["name"] == endpoint["port"])
        url = f"http://{self.addresses[f'{name}-0']}:{port}{endpoint.get('path', '/metrics')}?{query}"
        call = self.command(f"{name}-0", self.spec(name), ["prometheus-redis-exporter"], container)
        with open(self.scratch / f"{name}-0.exporter.log", "ab") as log:
            process = subprocess.Popen(call, stdout=log, stderr=log, start_new_session=True)
        try:
            found = []
            wait("the exporter does not answer", lambda: found.append(urllib.request.urlopen(url, timeout=5).read().decode()) or True, limit=20)
            return found[0].splitlines()
        finally:
            ended(process)

    def kill_container(self, name, called="redis"):
        ended(self.running[name][called])

    def lose(self, name):
        """The machine of a pod is gone: no connection is ended, its address answers no more, its name leads nowhere."""
        run("ip", "link", "set", self.links[f"{name}-0"], "down")
        for called in self.running[name]:
            self.kill_container(name, called)
        del self.running[name]
        self.detach(f"{name}-0")

    def drain(self, name):
        """An eviction: every container has its preStop and then SIGTERM, all at once, within the grace period."""
        grace = self.spec(name)["terminationGracePeriodSeconds"]
        began, said = time.monotonic(), []

        def end(called, process):
            hook = self.container(name, called).get("lifecycle", {}).get("preStop")
            if hook:
                call = self.command(f"{name}-0", self.spec(name), hook["exec"]["command"], self.container(name, called))
                done = subprocess.run(call, capture_output=True, text=True, timeout=grace, check=False)
                said.append(done.stdout + done.stderr)
            process.terminate()
            process.wait(max(grace - (time.monotonic() - began), 1))
            ended(process)

        each = [threading.Thread(target=end, args=item) for item in self.running[name].items()]
        for one in each:
            one.start()
        for one in each:
            one.join()
        took = time.monotonic() - began
        check(all(process.poll() is not None for process in self.running[name].values()), f"{name} did not end within {grace} s")
        del self.running[name]
        self.detach(f"{name}-0")
        print("   ", "\n    ".join("".join(said).strip().splitlines()))
        return took

    def stop(self, name, kill=False):
        for process in self.running.pop(name).values():
            if not kill:
                process.terminate()
                process.wait(60)
            ended(process)
        self.detach(f"{name}-0")

    def stop_all(self):
        for name in list(self.running):
            self.stop(name, kill=True)
        for pod in list(self.addresses):
            self.detach(pod)
        # What is no question ends the name server.
        self.server.sendto(b"", ("10.77.0.1", 53))
        self.serving.join(10)
        run("ip", "link", "delete", "pods")

    def execute(self, name, *command, called="redis"):
        """What `kubectl exec` and the probes do."""
        call = self.command(f"{name}-0", self.spec(name), command, self.container(name, called))
        return subprocess.run(call, capture_output=True, text=True, timeout=120)

    def probe(self, name, kind):
        """One of the probes, exactly as it is declared, or another question to probe.sh."""
        declared = {"live": ("redis", "livenessProbe"), "ready": ("redis", "readinessProbe"), "sentinel": ("sentinel", "readinessProbe")}
        command, called = ["sh", "/scripts/probe.sh", kind], "redis"
        if kind in declared:
            called, which = declared[kind]
            command = self.container(name, called)[which]["exec"]["command"]
            check(command[-1] == kind, f"{name}: its probe is {command}")
        return self.execute(name, *command, called=called).returncode == 0

    def job(self, kind, part, arguments=(), status=0):
        name = next(name for name in self.objects[kind] if part in name)
        thing = self.objects[kind][name]["spec"]
        template = (thing["jobTemplate"]["spec"] if kind == "CronJob" else thing)["template"]
        pod, spec = f"job-{part}", template["spec"]
        self.attach(pod)
        self.mounted[pod] = self.volumes(pod, spec)
        call = self.command(pod, spec, [*spec["containers"][0]["command"], *arguments])
        result = subprocess.run(call, capture_output=True, text=True, timeout=700)
        self.detach(pod)
        print("   ", "\n    ".join((result.stdout + result.stderr).strip().splitlines()))
        check(result.returncode == status, f"{name} ended with {result.returncode}, not {status}")
        return result.stdout

    def cli(self, name, *command, cluster=False, port="redis"):
        """A command on a node, or at another port of its pod, as the operator."""
        tls = "certificates" in {mount["name"] for mount in self.container(name)["volumeMounts"]}
        files = ["--tls", "--cacert", "/run/secrets/tls/ca.crt", "--cert", "/run/secrets/tls/tls.crt", "--key", "/run/secrets/tls/tls.key"] if tls else []
        words = ["redis-cli", "-e", *(["-c"] if cluster else []), "-h", "localhost", "-p", str(self.port(name, port)), *files, *self.login(), *command]
        quoted = " ".join('"' + str(word).replace('"', '\\"') + '"' for word in words)
        login = "REDISCLI_AUTH=$(cat /run/secrets/redis/operator-password) && export REDISCLI_AUTH; " if self.login() else ""
        result = self.execute(name, "sh", "-c", login + quoted)
        check(result.returncode == 0, f"{name} {command}: {result.stdout}{result.stderr}")
        return result.stdout.strip()

    def login(self):
        return ["--user", "operator"] if self.secrets.exists() else []

    def port(self, name, called="redis"):
        ports = [port for container in self.spec(name)["containers"] for port in container["ports"]]
        return next(port["containerPort"] for port in ports if port["name"] == called)

    def log(self, name, called="redis"):
        return (self.scratch / f"{name}-0.{called}.log").read_text()


def unfinished(pods, primary):
    """--finish where nothing was begun, and where the node was not stopped: refused, for the replicas would copy its old keys."""
    finish = lambda: pods.execute(primary, "sh", "/scripts/restore.sh", "--finish", primary, "/data/restore")
    refused = finish()
    check(refused.returncode == 3 and "nothing was begun" in refused.stderr, f"--finish of nothing: {refused.stdout}{refused.stderr}")
    now = next(line.split(":")[1] for line in pods.cli(primary, "info", "server").splitlines() if line.startswith("run_id:")).strip()
    begun = pods.scratch / "claims" / f"{primary}-0" / "restore.run"
    begun.write_text(now + "\n")
    os.chown(begun, 999, 999)
    refused = finish()
    check(refused.returncode == 3 and "still runs as before" in refused.stderr and "--over" in refused.stderr,
          f"--finish of a node that was not stopped: {refused.stdout}{refused.stderr}")
    begun.unlink()
