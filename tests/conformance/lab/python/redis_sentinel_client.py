"""A client of Redis under Sentinel that writes all the time, and tells which writes were acknowledged.

`store` has `sentinels` ({name: {host, port}}), `roles` (roles.json), `secrets` (a directory, or None), `files()` (CA, certificate
and key, or None) and `at(host, port)`: where that is today, as {host, port} and, where a name does not lead there, `address`.
"""
import socket
import ssl
import threading
import time

from redis_cluster import check


class Link:
    """A connection in Redis's protocol."""

    def __init__(self, at, user, files):
        plain = socket.create_connection((at.get("address", at["host"]), at["port"]), timeout=1)
        if files:
            context = ssl.create_default_context(cafile=files[0])
            context.load_cert_chain(files[1], files[2])
            plain = context.wrap_socket(plain, server_hostname=at["host"])
        self.socket, self.file = plain, plain.makefile("rb")
        if user:
            self.call("AUTH", *user)

    def call(self, *words):
        data = [f"*{len(words)}\r\n".encode()]
        for word in words:
            data.append(f"${len(word)}\r\n{word}\r\n".encode())
        self.socket.sendall(b"".join(data))
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise OSError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]
        return rest.decode()

    def close(self):
        self.socket.close()


class Writer(threading.Thread):
    """A service: it asks the sentinels for the primary, looks whether it is one, and writes without pause."""

    def __init__(self, store, prefix):
        super().__init__(daemon=True)
        self.store, self.prefix, self.files = store, prefix, store.files()
        self.user = ("app", (store.secrets / "app-password").read_text()) if store.secrets and store.secrets.exists() else None
        self.acknowledged, self.refused, self.ending = [], 0, False

    def primary(self):
        for sentinel in self.store.sentinels.values():
            try:
                link = Link(self.store.at(sentinel["host"], sentinel["port"]), self.user, self.files)
                host, port = link.call("SENTINEL", "get-master-addr-by-name", self.store.roles["cluster"])
                link.close()
                link = Link(self.store.at(host, int(port)), self.user, self.files)
                if link.call("ROLE")[0] == "master":
                    return link
                link.close()
            except (OSError, ValueError, TypeError):
                continue
        return None

    def run(self):
        link, number = None, 0
        while not self.ending:
            if link is None:
                link = self.primary()
                if link is None:
                    time.sleep(0.05)
                    continue
            number += 1
            try:
                link.call("SET", f"{self.prefix}{number}", str(number))
                self.acknowledged.append((time.monotonic(), number))
            except OSError:
                self.refused += 1
                link.close()
                link = None
            time.sleep(0.002)

    def end(self):
        self.ending = True
        self.join(10)
        return self

    def gap(self):
        times = [at for at, _ in self.acknowledged]
        return max((b - a for a, b in zip(times, times[1:])), default=0)

    def lost(self):
        """The acknowledged writes that the primary of now does not have: when they were acknowledged."""
        link = wait_for(self.primary)
        lost = [at for at, number in self.acknowledged if link.call("GET", f"{self.prefix}{number}") != str(number)]
        link.close()
        return lost


def wait_for(what, limit=30):
    since = time.monotonic()
    while True:
        found = what()
        if found is not None:
            return found
        check(time.monotonic() - since < limit, "no primary is found")
        time.sleep(0.2)
