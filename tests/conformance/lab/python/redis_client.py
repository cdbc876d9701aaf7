"""A client of Redis Cluster that writes all the time, and tells which writes were acknowledged and when none was.

It does what a cluster-aware client does: sends a key to the node that held its slot last, follows MOVED, and asks any node
that answers for the layout after an error.
"""
import contextlib
import socket
import ssl
import threading
import time


class Refused(Exception):
    """An error reply."""


class Connection:
    """One connection, with RESP."""

    def __init__(self, cluster, name, timeout=1.0):
        node = cluster.nodes[name]
        stream = socket.create_connection((node["host"], node["port"]), timeout)
        if cluster.setting(name, "tls-port"):
            context = ssl.create_default_context(cafile=cluster.setting(name, "tls-ca-cert-file"))
            context.load_cert_chain(cluster.setting(name, "tls-cert-file"), cluster.setting(name, "tls-key-file"))
            stream = context.wrap_socket(stream, server_hostname=node["host"])
        self.stream, self.file = stream, stream.makefile("rb")
        if cluster.login:
            self.ask("AUTH", cluster.login[1], cluster.environment["REDISCLI_AUTH"])

    def ask(self, *words):
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
        self.stream.sendall(b"*%d\r\n%s" % (len(words), parts))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the connection ended")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise Refused(rest)
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self.file.read(length + 2)[:-2].decode()
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return rest

    def close(self):
        with contextlib.suppress(OSError):
            self.stream.close()


class Writer:
    """Writes to one range of slots, in a thread of its own."""

    def __init__(self, cluster, keys, prefix, interval=0.05):
        self.cluster, self.keys, self.prefix, self.interval = cluster, keys, prefix, interval
        self.acked, self.errors, self.ended = [], {}, threading.Event()
        self.connections, self.owner = {}, None
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def to(self, name):
        if name not in self.connections:
            self.connections[name] = Connection(self.cluster, name)
        return self.connections[name]

    def named(self, address):
        host, port = address.rsplit(":", 1)
        return next(n for n, node in self.cluster.nodes.items() if (node["host"], str(node["port"])) == (host, port))

    def write(self, key, value):
        """Whether it was acknowledged: by whoever held the slot last, or by whom another node names. Asked twice at most: a
        write that was refused is not known to be there, and not known to be lost."""
        for name in [n for n in [self.owner, *self.cluster.nodes] if n]:
            try:
                try:
                    self.to(name).ask("SET", key, value)
                except Refused as refused:
                    if not str(refused).startswith("MOVED"):
                        raise
                    name = self.named(str(refused).split()[2])
                    self.to(name).ask("SET", key, value)
                self.owner = name
                return True
            except Refused as refused:
                self.count(str(refused).split(" ")[0])
                return False
            except OSError as error:
                self.count(type(error).__name__)
                if name in self.connections:
                    self.connections.pop(name).close()
                self.owner = None
        return False

    def count(self, what):
        self.errors[what] = self.errors.get(what, 0) + 1

    def work(self):
        number = 0
        while not self.ended.is_set():
            began = time.monotonic()
            number += 1
            # Keys of one slot each: {tag} decides the slot, the number makes the key one of its own.
            key = "{%s}%s-%d" % (self.keys[number % len(self.keys)], self.prefix, number)
            if self.write(key, str(number)):
                self.acked.append((time.monotonic(), key, str(number)))
            self.ended.wait(max(0.0, self.interval - (time.monotonic() - began)))
        for connection in self.connections.values():
            connection.close()

    def stop(self):
        self.ended.set()
        self.thread.join(30)

    def outage(self, since):
        """The longest time without an acknowledgement that ends after `since`."""
        times = [at for at, _, _ in self.acked]
        return max((later - earlier for earlier, later in zip(times, times[1:]) if later > since), default=float("inf"))

    def lost(self):
        """How many acknowledged writes are not there."""
        return sum(self.cluster.cli(self.owner, "get", key, cluster=True) != value for _, key, value in self.acked)
