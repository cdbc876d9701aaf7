"""What a kubelet does by itself, for one namespace: pods start when they are there, end when they are deleted, jobs come to
their end. And a `kubectl` whose `exec` and `logs` reach the containers, which simulated nodes cannot.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socketserver
import subprocess
import sys
import threading

from pods import run
from postgres import Failure

FINALIZER = "hagen.dev/lab"
SHIM = """#!{python}
import json, os, socket, sys
words, verb, spaces = sys.argv[1:], 0, {spaces!r}
# One control plane plays several: the context says which namespace of it is meant.
if words[:1] == ["--context"]:
    context, words = words[1], words[2:]
    if words[:1] == ["--namespace"]:
        words[1] = spaces.get(context, words[1])
while verb < len(words) and words[verb].startswith("-"):
    verb += 1 if "=" in words[verb] else 2
if words[verb:verb + 1] not in (["exec"], ["logs"]):
    os.execv({kubectl!r}, [{kubectl!r}, "--kubeconfig={config}", *words])
given = sys.stdin.read() if "--stdin" in words else ""
with socket.socket(socket.AF_UNIX) as line:
    line.connect({socket!r})
    line.sendall(json.dumps([words[verb:], given]).encode() + b"\\n")
    code, out, error = json.loads(line.makefile().read())
sys.stdout.write(out)
sys.stderr.write(error)
sys.exit(code)
"""


class Follower:
    """Follows a namespace while it is entered; `command` runs a rendered script beside it. `spaces` are the namespaces that play
    the clusters of contexts."""

    def __init__(self, kubelet, namespace, spaces=None):
        self.spaces = spaces or {}
        self.kubelet, self.namespace, self.path = kubelet, namespace, f"/api/v1/namespaces/{namespace}/pods"
        self.stopped, self.thread = threading.Event(), None
        self.directory = kubelet.scratch / "kubectl"

    def __enter__(self):
        self.directory.mkdir()
        kubectl = subprocess.run(["bash", "-c", f". {pathlib.Path(__file__).resolve().parents[2]}/lib.sh; command -v kubectl"],
                                 text=True, capture_output=True, check=True).stdout.split()[0]
        shim, line = self.directory / "kubectl", str(self.directory / "line")
        shim.write_text(SHIM.format(python=sys.executable, kubectl=kubectl, config=self.kubelet.api.config, socket=line, spaces=self.spaces), encoding="utf-8")
        shim.chmod(0o755)
        self.server = socketserver.ThreadingUnixStreamServer(line, self.handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(60)
        self.server.shutdown()
        self.server.server_close()

    # --- kubectl

    def handler(self):
        follower = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                words, given = json.loads(self.rfile.readline())
                try:
                    answer = follower.answer(words, given)
                except (Failure, KeyError, TypeError, OSError, ValueError, subprocess.TimeoutExpired) as error:
                    answer = [1, "", f"{words}: {type(error).__name__} {error}\n"]
                self.wfile.write(json.dumps(answer).encode())
        return Handler

    def answer(self, words, given):
        flags = dict(w.lstrip("-").partition("=")[::2] for w in words[:words.index("--") if "--" in words else len(words)] if w.startswith("-"))
        target = next(w for w in words[1:] if not w.startswith("-"))
        if target.startswith("job/"):
            wanted = target.removeprefix("job/")
            target = next((name for name, (_, pod, _) in self.kubelet.processes.items() if pod["metadata"]["labels"].get("job-name") == wanted), None)
        if target not in self.kubelet.processes:
            return [1, "", f"{target} does not run\n"]
        _, pod, _ = self.kubelet.processes[target]
        key = self.kubelet.key(pod, flags.get("container"))
        if words[0] == "logs":
            return [0, "\n".join(self.kubelet.log(key).splitlines()[-int(flags.get("tail", 1000)):]) + "\n", ""]
        done = self.kubelet.enter(key, words[words.index("--") + 1:], given)
        return [done.returncode, done.stdout, done.stderr]

    def command(self, script, *words, status=0):
        """A rendered script; both of its outputs."""
        return self.bash([script, *words], f"{script.name} {' '.join(words)}", status)

    def paste(self, text, where):
        """What people paste from a page, in that directory; both outputs."""
        return self.bash(["-ec", text], text.splitlines()[-1], cwd=where)

    def bash(self, words, what, status=0, cwd=None):
        environment = {**os.environ, "PATH": f"{self.directory}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", *words], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=900, check=False, cwd=cwd)
        if done.returncode != status:
            raise Failure(f"{what}: status {done.returncode}, not {status}: {done.stdout}")
        return done.stdout

    # --- pods

    def follow(self):
        while not self.stopped.wait(0.5):
            # The API server may be busy: the next look finds the same.
            with contextlib.suppress(Failure, OSError):
                self.look()

    def look(self):
        pods = {p["metadata"]["name"]: p for p in self.kubelet.api.items(self.path)}
        for key, (_, known, _) in list(self.kubelet.processes.items()):
            now = pods.get(known["metadata"]["name"])
            if now is None or now["metadata"]["uid"] != known["metadata"]["uid"] or "deletionTimestamp" in now["metadata"]:
                self.end(key)
        for name in list(self.kubelet.addresses):
            if pods.get(name, {}).get("status", {}).get("podIP") != self.kubelet.addresses[name] and not self.runs(name):
                run("ip", "netns", "delete", self.kubelet.network(name))
                del self.kubelet.addresses[name]
                self.kubelet.mounted.pop(name, None)
        for name, pod in pods.items():
            if "deletionTimestamp" in pod["metadata"]:
                if not self.runs(name) and FINALIZER in pod["metadata"].get("finalizers", []):
                    self.finalizers(pod, [])
            elif pod["status"].get("podIP") and pod["status"]["phase"] in ("Pending", "Running"):
                self.keep(name, pod, pods)

    def runs(self, name):
        return any(key.split(":")[0] == name for key in self.kubelet.processes)

    def finalizers(self, pod, wanted):
        """With or without ours; the others are their controllers'."""
        meta = pod["metadata"]
        others = [one for one in meta.get("finalizers", []) if one != FINALIZER]
        body = {"metadata": {"resourceVersion": meta["resourceVersion"], "finalizers": others + wanted}}
        self.kubelet.api.call("PATCH", f"{self.path}/{meta['name']}", body, "application/merge-patch+json")

    def keep(self, name, pod, pods):
        """Its containers run; one that has ended is started again, and the only one of a job was its end."""
        if FINALIZER not in pod["metadata"].get("finalizers", []):
            # It is not gone before its processes are.
            self.finalizers(pod, [FINALIZER])
        is_job = "job-name" in pod["metadata"]["labels"]
        for container in pod["spec"]["containers"]:
            key = self.kubelet.key(pod, container["name"])
            process = self.kubelet.processes.get(key, (None,))[0]
            if process is not None and process.poll() is None:
                continue
            if process is not None and is_job:
                self.done(name, container["name"], process.returncode)
                del self.kubelet.processes[key]
                continue
            first = not self.runs(name)
            self.kubelet.write_hosts(pods.values())
            self.kubelet.start(self.namespace, name, container["name"], keep=not first or process is not None)

    def done(self, name, container, code):
        state = {"name": container, "ready": False, "restartCount": 0, "image": "", "imageID": "",
                 "state": {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}}
        self.kubelet.api.call("PATCH", f"{self.path}/{name}/status", {"status": {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": [state]}},
                              "application/merge-patch+json")

    def end(self, key):
        """As a pod ends: asked first."""
        first, process = self.kubelet.first(key), self.kubelet.processes[key][0]
        if first:
            os.kill(first, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(40)
        if process.poll() is None:
            self.kubelet.kill(key)
        else:
            del self.kubelet.processes[key]


class Store:
    """An object store with a certificate: moto, and HAProxy before it, since moto ends connections as pgBackRest takes none."""

    def __init__(self, programs, host, bucket):
        self.directory = pathlib.Path(__import__("tempfile").mkdtemp(prefix="hagen-store-"))
        self.directory.chmod(0o755)
        self.host, self.address = host, "10.255.255.254"
        self.trust = certificate(self.directory, "store", host, [host])[2]
        both = self.directory / "both.pem"
        both.write_bytes(b"".join((self.directory / f"store.{part}").read_bytes() for part in ("crt", "key")))
        config = self.directory / "haproxy.cfg"
        config.write_text(f"defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nlisten store\n"
                          f"  bind {self.address}:443 ssl crt {both}\n  server moto 127.0.0.1:5000\n", encoding="utf-8")
        environment = {**os.environ, "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"}
        log = (self.directory / "log").open("wb")
        self.processes = [subprocess.Popen(call, stdout=log, stderr=log, env=environment) for call in
                          ([f"{programs}/moto_server", "-H", "127.0.0.1", "-p", "5000"], [shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin"), "-db", "-f", config])]
        self.bucket = bucket

    def ready(self):
        import urllib.request

        with contextlib.suppress(OSError):
            request = urllib.request.Request(f"http://127.0.0.1:5000/{self.bucket}", method="PUT")
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status == 200
        return False

    def serves(self, kubelet):
        kubelet.outside, kubelet.trust = [(self.address, self.host)], self.trust

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(20)
        shutil.rmtree(self.directory, ignore_errors=True)


def certificate(directory, stem, common_name, hosts):
    """Key, certificate and the authority that signed it, one for all of the directory: files."""
    names = ",".join(f"DNS:{host}" for host in hosts)
    authority, key, request, done = (directory / name for name in ("ca.key", f"{stem}.key", f"{stem}.csr", f"{stem}.crt"))
    if not authority.exists():
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", authority, "-out", directory / "ca.crt", "-days", "2", "-subj", "/CN=authority")
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={common_name}")
    extension = directory / f"{stem}.ext"
    extension.write_text(f"subjectAltName={names}\n", encoding="utf-8")
    run("openssl", "x509", "-req", "-in", request, "-CA", directory / "ca.crt", "-CAkey", authority, "-CAcreateserial", "-days", "2", "-out", done, "-extfile", extension)
    (directory / "ca.crt").chmod(0o644)
    return key, done, directory / "ca.crt"
