#!/usr/bin/env python3
"""A client that writes all the time, and tells which writes were acknowledged and when none was.

    writer.py OUT INTERVAL DSN      until SIGTERM; PGPASSWORD in the environment

Each write is a row with a number of its own. One that is not acknowledged is not written again: whether it is there is not
known, and nobody was told that it is. OUT gets a line for each: `ack SECONDS NUMBER`, or `error SECONDS WHAT`.
"""
import signal
import sys
import time

import psycopg

TABLE = "CREATE TABLE IF NOT EXISTS written (n bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())"


class Stop(Exception):
    """Somebody has seen enough."""


def stop(*_):
    raise Stop


def main():
    interval, dsn = float(sys.argv[2]), sys.argv[3]
    signal.signal(signal.SIGTERM, stop)
    connection, made = None, False
    number = int(time.time() * 1000) * 1000
    with open(sys.argv[1], "a", encoding="utf-8", buffering=1) as out:
        try:
            while True:
                began = time.monotonic()
                number += 1
                try:
                    if connection is None:
                        connection = psycopg.connect(dsn, autocommit=True, connect_timeout=2, prepare_threshold=None)
                    if not made:
                        connection.execute(TABLE)
                        made = True
                    connection.execute("INSERT INTO written (n) VALUES (%s)", (number,))
                    print("ack", time.time(), number, file=out)
                except psycopg.Error as error:
                    text = str(error).strip().splitlines()
                    print("error", time.time(), text[-1] if text else type(error).__name__, file=out)
                    if connection is not None:
                        connection.close()
                    connection = None
                time.sleep(max(0.0, interval - (time.monotonic() - began)))
        except Stop:
            return


if __name__ == "__main__":
    main()
