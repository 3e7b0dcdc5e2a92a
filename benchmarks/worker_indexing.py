"""Indexing through the workers against the direct paths, in turns: products per second until the new index is live.

    python -m benchmarks.worker_indexing --url elasticsearch+http://127.0.0.1:9200 --redis redis://127.0.0.1:6379/9

Three arms fill a new index from the Icecat catalogue, every product with a vector that is there already:

    workers   `index --workers`: a job in Redis, batches through Celery to worker processes, vectors from Redis
    build     `index` in one process: the same rows, read and mapped, vectors taken from the live index
    bulk      `Engine.write` alone, of products and vectors made before: no reading, no mapping, no verification
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import ratio_of_medians, write_result
from benchmarks.ready import data_folder, ready_products
from multirecall.engines.base import Upsert
from multirecall.indexer.build import BuildOptions, build
from multirecall.indexer.sources import Catalogue
from multirecall.wiring.engines import opened_encoder, opened_engine
from multirecall.wiring.settings import Settings, load_settings
from multirecall.workers.app import make_app, opened_deployment
from multirecall.workers.store.job import JobKind, JobState
from multirecall.workers.submitting import Submitter


@contextmanager
def workers(settings: Settings, concurrency: int, log: Path) -> Iterator[None]:
    """One worker for batches and one for the job that hands them out."""
    env = os.environ | {
        "MULTIRECALL_ENGINE": settings.engine,
        "MULTIRECALL_REDIS": settings.redis.get_secret_value(),
        "MULTIRECALL_NAMESPACE": settings.namespace,
        "MULTIRECALL_ENCODER": settings.encoder,
        "MULTIRECALL_ENCODER_THREADS": "1",
    }
    started = []
    with log.open("w") as out:
        for queues, n in (("index", concurrency), ("jobs", 1)):
            command = [
                sys.executable, "-m", "multirecall.cli.main", "worker", "run", "--queues", queues,
                "--concurrency", str(n),
            ]  # fmt: skip
            started.append(subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT))
        try:
            app = make_app(settings)
            while len(app.control.inspect(timeout=0.5).ping() or {}) < len(started):
                time.sleep(0.2)
            yield
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="elasticsearch+http://host:port or opensearch+http://host:port")
    parser.add_argument("--redis", required=True, help="redis://host:port/db; keys of its own namespace are left there")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--encoder", default="static")
    parser.add_argument("--concurrency", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--out", type=Path, default=None, help="folder for the JSON result")
    given = parser.parse_args()
    name = f"bench-{uuid.uuid4().hex[:8]}"
    settings = load_settings(
        engine=f"{given.url}/{name}", redis=given.redis, namespace=name, encoder=given.encoder, keep_generations=1
    )
    files = sorted(str(path) for path in data_folder().glob("*.json.zip"))
    encoder = opened_encoder(settings, given.encoder)
    ready = ready_products(encoder_spec=given.encoder, vector_index="int8_hnsw")
    log = Path("/tmp") / f"{name}.log"
    with opened_engine(settings, None, create=True) as engine, workers(settings, given.concurrency, log):

        def by_build() -> int:
            return build(engine, Catalogue(files), encoders={"dense": encoder}, options=BuildOptions(keep=1)).written

        def by_workers() -> int:
            with opened_deployment(settings) as deployment:
                job = Submitter(deployment).start(JobKind.INDEX, {"sources": files, "encoder": given.encoder})
                while not (job := deployment.jobs.get(job.id)).state.over:
                    time.sleep(0.02)
            if job.state is not JobState.DONE:
                raise SystemExit(f"the job failed: {job.error}")
            return int((job.report or {})["products"])

        def by_bulk() -> int:
            index = engine.create(ready.schema)
            written = sum(r.ok for r in engine.write((Upsert(product=p) for p in ready.products), index=index))
            engine.refresh(index=index)
            engine.drop(index)
            return written

        arms = {"workers": by_workers, "build": by_build, "bulk": by_bulk}
        rates: dict[str, list[float]] = {arm: [] for arm in arms}
        try:
            by_build()
            for number in range(given.rounds + 1):  # the first round fills the cache and does not count
                for arm, run in itertools.islice(itertools.cycle(arms.items()), number % 3, number % 3 + 3):
                    started = time.perf_counter()
                    count = run()
                    if number:
                        rates[arm].append(count / (time.perf_counter() - started))
        finally:
            for info in engine.indexes():
                engine.drop(info.name) if not info.live else None
            with opened_deployment(settings) as deployment, deployment.connection.client() as client:
                for key in client.scan_iter(match=f"{name}:*", count=1000):
                    client.delete(key)
    write_result(
        f"worker_indexing_{given.url.partition('+')[0]}",
        {
            "products": len(ready.products),
            "encoder": given.encoder,
            "worker_processes": given.concurrency,
            "products_per_s": {arm: [round(r) for r in values] for arm, values in rates.items()},
            "workers_to_build": ratio_of_medians(rates["workers"], rates["build"]),
            "workers_to_bulk": ratio_of_medians(rates["workers"], rates["bulk"]),
            "target": "0.8 of the direct bulk path with ready vectors",
        },
        given.out,
    )


if __name__ == "__main__":
    main()
