"""What watches a rendered data tier, on loopback: Prometheus and Alertmanager on exactly the rendered configuration, the
Pushgateway, the exporters by their rendered units, and a receiver that keeps what it is told."""
import datetime
import http.server
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import threading
import urllib.parse
import urllib.request

from postgres import Failure


def get(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return json.load(answer)


def moment(text):
    """Seconds since 1970 of a time with up to nine digits behind the point."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float(f"0.{rest or 0}")


class Prometheus:
    """The server and its API."""

    def __init__(self, address):
        self.url = f"http://{address}"

    def ask(self, path, **parameters):
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return get(f"{self.url}/api/v1/{path}{query}")["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def targets(self):
        """Each target as (job, instance), with its last error; empty when it is up."""
        found = {}
        for target in self.ask("targets", state="active")["activeTargets"]:
            labels = target["labels"]
            found[labels["job"], labels["instance"]] = "" if target["health"] == "up" else target["lastError"] or target["health"]
        return found

    def alerts(self, state):
        return [labels for labels, _ in self.since(state)]

    def since(self, state):
        """The alerts in a state, each with the time of the evaluation at which its condition came true."""
        found = [alert for alert in self.ask("alerts")["alerts"] if alert["state"] == state]
        return [(alert["labels"], moment(alert["activeAt"])) for alert in found]


class Receiver:
    """What Alertmanager sends to: it answers as chat does, and keeps what it was told by path."""

    def __init__(self, address, port):
        told = self.told = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.url = f"http://{address}:{port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def titles(self, path):
        return [message["attachments"][0]["title"] for where, message in self.told if where == path]


class Unit:
    """A rendered unit: its command with its environment."""

    def __init__(self, path):
        lines = [line.split("=", 1) for line in path.read_text().splitlines() if "=" in line and line[0] not in "#["]
        self.path, self.command = path, shlex.split(dict(lines)["ExecStart"].replace("%%", "%"))
        self.environment = dict(value.split("=", 1) for key, value in lines if key == "Environment")
        self.files = [pathlib.Path(value) for key, value in lines if key == "EnvironmentFile"]

    def variables(self):
        """As systemd gives them to the program: what a file says wins."""
        read = [line.split("=", 1) for file in self.files for line in file.read_text().splitlines() if line]
        return {**self.environment, **{key: "".join(shlex.split(value)) for key, value in read}}


class Programs:
    """What was started here, by name; each is stopped by its own pid."""

    def __init__(self, scratch, environment, drop):
        self.scratch, self.environment, self.drop = pathlib.Path(scratch), environment, drop
        self.running, self.again = {}, {}

    def start(self, name, command, extra=None, account=True):
        self.again[name] = (command, extra, account)
        with (self.scratch / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [str(part) for part in command], env=dict(self.environment, **(extra or {})), cwd="/", stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True, **(self.drop if account else {}))

    def unit(self, name, unit, account=True):
        self.start(name, unit.command, unit.variables(), account)

    def restart(self, name):
        self.start(name, *self.again[name])

    def stop(self, name, how=signal.SIGTERM):
        process = self.running.pop(name)
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def alive(self):
        for name, process in self.running.items():
            if process.poll() is not None:
                raise Failure(f"{name} ended with {process.returncode}:\n{self.tail(name)}")

    def tail(self, name):
        return "\n".join((self.scratch / f"{name}.log").read_text(errors="replace").splitlines()[-15:])

    def stop_all(self):
        for name in list(self.running)[::-1]:
            self.stop(name)


def readable_copies(programs, target):
    """Programs where the account of the units can read them: the cache may lie in a home that is closed to it."""
    target.mkdir(mode=0o755)
    for program in programs:
        copy = target / program.name
        copy.write_bytes(program.read_bytes())
        copy.chmod(0o755)
    os.chmod(target.parent, 0o755)
    return target


def scraped(configuration, job):
    """The addresses that a job of a scrape configuration asks."""
    return [target for one in configuration["scrape_configs"] if one["job_name"] == job
            for group in one["static_configs"] for target in group["targets"]]


def free(addresses):
    """Whether nobody listens there yet: the addresses are the blueprint's, so another program may have one."""
    import socket
    for address in addresses:
        host, port = re.fullmatch(r"(.+):(\d+)", address).groups()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                raise Failure(f"{address}: {error.strerror}") from error
