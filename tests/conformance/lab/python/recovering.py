"""Back to a point in time on Kubernetes: recover.sh of a cluster that runs, with a real repository."""
import json
import re

from postgres import Failure, ok, wait
from subscribing import client, sql


def rows(cluster):
    return client(cluster, "SELECT string_agg(n || ' ' || said, ',' ORDER BY n) FROM kept")


def jobs_end(cluster, name):
    status = cluster.api.get(f"/apis/batch/v1/namespaces/{cluster.space}/jobs/{name}")["status"]
    if any(c["type"] == "Failed" and c["status"] == "True" for c in status.get("conditions") or ()):
        raise Failure(f"job {name} failed")
    return status.get("succeeded") == 1


def archived(cluster, what):
    segment = sql(cluster, cluster.leader(), "SELECT pg_walfile_name(pg_switch_wal())")
    wait(what, 150, lambda: sql(cluster, cluster.leader(), f"SELECT substr(last_archived_wal, 1, 24) >= '{segment}' FROM pg_stat_archiver") == "t")


def prove(cluster, follower, recover, report):
    run = lambda *words, status=0: follower.command(recover, *words, status=status)
    full = f"{cluster.name}-full"
    wait("every container of the members runs", 60, lambda: all(f"{pod}:pgbackrest" in cluster.kubelet.processes for pod in cluster.pods))
    # What could not be archived before there was a stanza is tried again after a minute.
    archived(cluster, "the WAL is archived")
    cluster.api.kubectl("--namespace", cluster.space, "create", "job", "first", f"--from=cronjob/{full}")
    wait("the rendered job has made a full backup", 240, lambda: jobs_end(cluster, "first"))
    if "full backup" not in run("--list"):
        raise Failure("recover.sh --list names no backup")
    client(cluster, "CREATE TABLE kept (n int PRIMARY KEY, said text)")
    client(cluster, "INSERT INTO kept SELECT n, 'before' FROM generate_series(1, 100) n")
    before, moment = rows(cluster), client(cluster, "SELECT clock_timestamp()")
    # What nobody has rendered is kept, too.
    cluster.ctl("edit-config", "--set", "postgresql.parameters.log_min_duration_statement=12345", "--force")
    client(cluster, "DELETE FROM kept WHERE n < 50")
    client(cluster, "INSERT INTO kept VALUES (101, 'after')")
    damaged = rows(cluster)
    archived(cluster, "the WAL behind the moment is archived")

    run("--time", "2026-01-01 00:00:00", "--look", status=2)
    # What would be ignored is refused, and a backup that is not there before anything is restored.
    for words in (("--list", "--timeline", "1"), ("--repository", "1", "--end-look"), ("--latest", "--go-on")):
        if "goes back to nothing: without --time" not in (said := run(*words, status=2)):
            raise Failure(f"recover.sh {' '.join(words)}: {said}")
    if "there is no backup 20200101-000000F" not in (said := run("--latest", "--backup", "20200101-000000F", "--look", status=3)):
        raise Failure(f"recover.sh --look of a backup that is not there: {said}")
    said = run("--time", moment, "--look")
    if "at the target" not in said:
        raise Failure(f"recover.sh --look: {said}")
    look = next(name for name, (_, pod, _) in cluster.kubelet.processes.items() if pod["metadata"]["labels"].get("job-name") == f"{cluster.name}-look")
    query = "SELECT string_agg(n || ' ' || said, ',' ORDER BY n) FROM kept"
    found = cluster.kubelet.execute(look, "psql", "-X", "-A", "-t", "--host=/tmp", "--username=postgres", f"--dbname={cluster.database}", "--command", query).strip()
    if found != before or rows(cluster) != damaged:
        raise Failure("recover.sh --look shows other rows than were there at that moment, or has changed what runs")
    run("--end-look")
    wait("--end-look ends it", 60, lambda: look not in cluster.kubelet.processes)
    ok("recover.sh --look: the rows of that moment, and nothing of what came behind it")

    run("--go-on", status=3)
    volumes = lambda: {v["metadata"]["name"]: v for v in cluster.api.items("/api/v1/persistentvolumes") if v["spec"].get("claimRef", {}).get("namespace") == cluster.space}
    old = {name for name, v in volumes().items() if v["spec"]["claimRef"]["name"].startswith("data-")}
    told = run("--time", moment, "--replace")
    wait("clients find the rows of that moment", 60, lambda: rows(cluster) == before)
    kept = {name for name, v in volumes().items() if v["status"]["phase"] == "Released" and v["spec"]["persistentVolumeReclaimPolicy"] == "Retain"}
    if not old or not old <= kept:
        raise Failure(f"of the volumes {sorted(old)} only {sorted(kept)} are kept")
    record = cluster.api.get(f"/api/v1/namespaces/{cluster.space}/configmaps/{cluster.name}-recover")["data"]
    if not any(key.startswith("claims-") and all(name in text for name in old) for key, text in record.items()):
        raise Failure("the claims of the old volumes are nowhere")
    # All of it back: along the history that was given up, to its end.
    timeline = re.search(r"^given up: timeline (\d+)\.", told, re.M)[1]
    run("--latest", "--timeline", timeline, "--replace")
    wait("along the former timeline everything is as it was before", 60, lambda: rows(cluster) == damaged)
    client(cluster, "INSERT INTO kept VALUES (102, 'new')")
    run("--go-on")
    wait("all members follow, labels and Services in step", 60, cluster.whole)
    new = rows(cluster)
    if new != f"{damaged},102 new":
        raise Failure("after --go-on other rows are there than were before")
    for pod in cluster.pods:
        wait(f"{pod} has the same rows", 30, lambda: sql(cluster, pod, "SELECT string_agg(n || ' ' || said, ',' ORDER BY n) FROM kept") == new)
        if "PGBACKREST_TARGET" in cluster.kubelet.execute(pod, "env") or "PGBACKREST_TYPE" in cluster.kubelet.execute(pod, "env"):
            raise Failure(f"{pod} would be restored to the moment again")
    if sql(cluster, cluster.leader(), "SHOW log_min_duration_statement") != "12345ms":
        raise Failure("what was edited at run time is gone")
    suspended = [c["metadata"]["name"] for c in cluster.api.items(f"/apis/batch/v1/namespaces/{cluster.space}/cronjobs") if c["spec"].get("suspend")]
    if suspended != [f"{cluster.name}-look"]:
        raise Failure(f"suspended still: {suspended}")
    if "method: initdb" not in json.dumps(cluster.api.get(f"/api/v1/namespaces/{cluster.space}/configmaps/{cluster.name}-config")["data"]):
        raise Failure("the next cluster would be made from the backup")
    ok(f"recover.sh --replace and --go-on: the rows of that moment, with --timeline all of before again, on all {len(cluster.pods)} members")
    report["recovered"] = {"kept volumes": len(kept), "given up": int(timeline)}
