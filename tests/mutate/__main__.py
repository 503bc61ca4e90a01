# SPDX-License-Identifier: MIT
"""`make mutate`: change the card and its driver in small ways, and see whether the tests notice.

Exit code 0 when the share of mutants that the tests kill is at least `--least` and each survivor has its reason in
survivors.toml, 1 otherwise, 2 when tests fail without any mutant.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sim.observe.artefacts import new_run_folder
from sim.runner import ROOT
from tests.mutate.choose import order
from tests.mutate.ledger import Ledger, Record, reasons, report, summary
from tests.mutate.mutant import Mutant
from tests.mutate.plan import stages
from tests.mutate.trial import INVALID, BaselineFailed, Sandbox, copy_tree

WORK = ROOT / "build" / "mutate"
SURVIVORS = Path(__file__).with_name("survivors.toml")


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("--count", type=int, default=160, help="mutants to try; those that do not compile do not count")
    parser.add_argument("--seed", type=int, default=1, help="which of all possible ones")
    parser.add_argument("--only", default="", metavar="PATH", help="those of files below it, hdl/csr for example")
    parser.add_argument("--jobs", type=int, default=2, help="at a time, each in its own copy of the tree")
    parser.add_argument("--least", type=float, default=85.0, metavar="PERCENT", help="killed, for exit code 0")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier calls found out")
    parser.add_argument("--list", action="store_true", help="say what would be tried, and stop")
    return parser.parse_args(words)


def try_all(mutants: Iterator[Mutant], count: int, jobs: int, ledger: Ledger, tree: Path, work: Path) -> list[Record]:
    """The first `count` valid ones of `mutants`, in that order, each judged now or earlier. Raises: BaselineFailed."""
    usual_s: dict[tuple[str, ...], float] = {}
    sandboxes: SimpleQueue[Sandbox] = SimpleQueue()
    for job in range(jobs):
        sandboxes.put(Sandbox(tree, work / f"tree-{job}", usual_s))

    def judge(mutant: Mutant) -> Record:
        if known := ledger.known(mutant):
            return known
        sandbox = sandboxes.get()
        try:
            verdict = sandbox.judge(mutant, stages(mutant.file, tree))
        finally:
            sandboxes.put(sandbox)
        record = ledger.add(mutant, verdict)
        print(f"{record.verdict:<9}{record.seconds:>6.0f} s  {mutant}   [{record.by}]", flush=True)
        return record

    futures: list[Future[Record]] = []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while True:
                valid = [future for future in futures if not future.done() or future.result().verdict != INVALID]
                more = list(islice(mutants, count - len(valid)))
                futures += [pool.submit(judge, mutant) for mutant in more]
                running = [future for future in futures if not future.done()]
                if not running and not more:
                    return [future.result() for future in valid]
                wait(running, return_when=FIRST_COMPLETED)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def exit_code(told: Mapping[str, Any], least: float) -> int:
    """1 where less than `least` percent are killed or a survivor has no reason; told: ledger.summary's."""
    share = 100 * told["killed"] / max(told["total"], 1)
    return 0 if share >= least and all(survivor["reason"] for survivor in told["survivors"]) else 1


def main(words: list[str]) -> int:
    options = arguments(words)
    if options.list:
        print(*islice(order(ROOT, options.seed, options.only), options.count), sep="\n")
        return 0
    tree = copy_tree(ROOT, WORK / "tree")  # whoever goes on working in the tree does not disturb
    mutants = order(tree, options.seed, options.only)
    path = WORK / "ledger.jsonl"
    if options.fresh:
        path.unlink(missing_ok=True)
    try:
        records = try_all(mutants, options.count, options.jobs, Ledger(path, tree), tree, WORK)
    except BaselineFailed as failed:
        print(f"make mutate: {failed}", file=sys.stderr)
        return 2
    explained = reasons(SURVIVORS)
    told = summary(records, explained)
    folder = new_run_folder("mutate")
    told |= {"seed": options.seed, "fresh": options.fresh}
    (folder / "mutate.json").write_text(json.dumps(told, indent=2) + "\n")
    (folder / "mutate.txt").write_text(text := report(records, explained))
    print(text, f"artefacts  {folder}", sep="\n")
    return exit_code(told, options.least)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
