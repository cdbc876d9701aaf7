"""So many clients of PostgreSQL, each in a transaction that does not end: crowd.py COUNT, where the environment says (PGHOST …).

Whoever does not get a connection at once waits for it. They all leave when this is ended.
"""
import signal
import sys
import threading

import psycopg


def client():
    with psycopg.connect("") as connection:
        connection.execute("SELECT 1")
        threading.Event().wait()


for _ in range(int(sys.argv[1])):
    threading.Thread(target=client, daemon=True).start()
signal.pause()
