"""Run all benchmarks: python tests/benchmarks [--json] [NAME ...].

Each ``bench_*.py`` here has a function ``benchmarks()`` that yields mappings: ``name``, ``value``, ``unit``,
``peer``, ``peer_value`` and ``ratio`` (how many times better than the peer: above one, we are faster).
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# timings on unpinned linear algebra mean nothing
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def results(wanted: list[str]) -> Iterator[dict[str, Any]]:
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if wanted and path.stem.removeprefix("bench_") not in wanted:
            continue
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        yield from module.benchmarks()


def main() -> None:
    as_json = "--json" in sys.argv
    for result in results([name for name in sys.argv[1:] if not name.startswith("-")]):
        if as_json:
            print(json.dumps(result), flush=True)
        else:
            peer = (
                f"{result['peer']} {result['peer_value']:.4g} {result['unit']}, ratio {result['ratio']:.2f}"
            )
            print(
                f"{result['name']:<44} {result['value']:>10.4g} {result['unit']:<8} against {peer}",
                flush=True,
            )


if __name__ == "__main__":
    main()
