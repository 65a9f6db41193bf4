"""From a folder of photos to an exported early-exit network, beside the same network without exits.

    python experiments/trashnet/run.py PHOTOS SEED [STAGE ...]

Stages, in this order by default: search, train, static, evaluate, bench.  All of them call the command line,
each in a process of its own, whose CPU seconds are counted.  SEED cuts other test images.  What is trained
lies below runs/; the figures go to results/seed_SEED.json beside this file, and report.py reads them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from aebnas.data.datasets import load_dataset

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STAGES = ("search", "train", "static", "evaluate", "bench")
RESOLUTIONS = (64, 80, 96, 112, 128)


class Experiment:
    """One seed."""

    def __init__(self, photos: str, seed: int) -> None:
        """Go on where an earlier call stopped."""
        self.photos, self.seed = photos, seed
        self.run = ROOT / "runs" / f"trashnet_{seed}"
        self.record_file = HERE / "results" / f"seed_{seed}.json"
        self.record: dict[str, Any] = {"cpu_seconds": {}}
        if self.record_file.exists():
            self.record = json.loads(self.record_file.read_text())

    def aebnas(self, stage: str, *words: object) -> str:
        """Run one command; its CPU seconds are those of the stage."""
        before = _children_seconds()
        text = [sys.executable, "-m", "aebnas", *map(str, words)]
        done = subprocess.run(text, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(text)}: exit code {done.returncode}\n{done.stdout[-2000:]}")
        self.record["cpu_seconds"][stage] = round(_children_seconds() - before, 1)
        self._write()
        return done.stdout

    def _write(self) -> None:
        self.record_file.parent.mkdir(exist_ok=True)
        self.record_file.write_text(json.dumps(self.record, indent=1) + "\n")

    def search(self) -> None:
        """Heads on the network as it is, the best fine-tuned."""
        file = HERE / "lite0.yaml"
        places = ("--set", f"data.folder={self.photos}", "--set", f"data.split_seed={self.seed}")
        self.aebnas("search", "search", file, *places, "--name", self.run.name, "--runs", self.run.parent)

    def train(self) -> None:
        """Train and export the most accurate network of the front."""
        self.aebnas("train", "train", self.run, "--pick", "best", "-o", self.run / "winner", *EPOCHS)
        self.aebnas(
            "export", "export", self.run / "winner", self.run / "exported", "--samples", 64, "--force"
        )

    def static(self) -> None:
        """Train the network without exits at every resolution, in the same way."""
        for resolution, key in self._static_keys().items():
            folder = self.run / f"static_{resolution}"
            self.aebnas(f"static_{resolution}", "train", self.run, "--pick", key, "-o", folder, *EPOCHS)
            self.aebnas(
                "export_static",
                "export",
                folder,
                self.run / f"exported_{resolution}",
                "--samples",
                64,
                "--force",
            )

    def evaluate(self) -> None:
        """Let the exported networks answer the test images: who is right on which, at what cost."""
        import aebnas

        config = aebnas.load_search_file(self.run / "config.yaml")
        test = load_dataset(config.data).test
        right: dict[str, Any] = {}
        for name in ("exported", *(f"exported_{resolution}" for resolution in RESOLUTIONS)):
            session = aebnas.EarlyExitSession(self.run / name)
            answers = session.predict_batch(test.pixels)
            right[name] = np.array([answer.class_index for answer in answers]) == test.labels
            reach = self._reach_macs(name)
            right[f"{name}_macs"] = reach[[answer.exit for answer in answers]]
        np.savez_compressed(self.record_file.with_suffix(".npz"), **right)

    def _reach_macs(self, name: str) -> Any:
        folder = name.replace("exported", "static") if "_" in name else "winner"
        checkpoint = yaml.safe_load((self.run / folder / "checkpoint.yaml").read_text())
        return np.asarray(checkpoint["reach_macs"])

    def bench(self) -> None:
        """Measure the exported network beside each static one, by turns."""
        for resolution in RESOLUTIONS:  # a process each; networks take turns in it
            static = self.run / f"exported_{resolution}"
            text = self.aebnas("bench", "bench", self.run / "exported", "--static", static, "--json")
            self.record.setdefault("bench", {})[str(resolution)] = json.loads(text)
            self._write()

    def _static_keys(self) -> dict[int, str]:
        import aebnas

        run = aebnas.load_run(self.run)
        keys = {}
        for evaluation in run.contents.done:
            architecture = evaluation.architecture
            if not architecture.exit_names and not architecture.last:
                keys[architecture.size[0]] = evaluation.key
        return {resolution: keys[resolution] for resolution in RESOLUTIONS}


EPOCHS = ("--epochs", 12)


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    experiment = Experiment(sys.argv[1], int(sys.argv[2]))
    for stage in sys.argv[3:] or STAGES:
        getattr(experiment, stage)()
        print(f"seed {experiment.seed}: {stage} done, {experiment.record['cpu_seconds']}", flush=True)
