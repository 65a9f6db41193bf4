"""From a folder of photos to an exported early-exit network, beside the same network without exits.

    python experiments/trashnet/run.py PHOTOS SEED [STAGE ...]

Stages, in this order by default: search, train, static (64, 80 and 128 pixels), between (96 and 112),
evaluate, bench.  Also staged and random: the space of search_spaces/efficientnet_lite0.yaml with ImageNet
weights and without.  All of them call the command line, each in a process of its own, whose CPU seconds are
counted.  What is there already is not made again.  SEED cuts other test images.  What is trained lies below
runs/; the figures go to results/seed_SEED.json and .npz beside this file, and report.py reads them.
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
STAGES = ("search", "train", "static", "between", "evaluate", "bench")
RESOLUTIONS = (64, 80, 96, 112, 128)
ROUNDS = 20
EPOCHS = ("--epochs", 12)
SHARES = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
STAGED_SEARCH = (  # about the core-minutes of the other search
    "space.resolution=[64, 80, 96, 112, 128]",
    "evaluation.fidelities=[{trained: 3}]",
    "search.max_trainings=10",
    "workers={mode: serial}",
)
STAGED = ROOT / "search_spaces" / "efficientnet_lite0.yaml"


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
        data = (f"data.folder={self.photos}", f"data.split_seed={self.seed}")
        self._search("search", HERE / "lite0.yaml", self.run, *data)

    def train(self) -> None:
        """Train and export the most accurate network of the front."""
        self._train("train", self.run, "best", self.run / "winner")
        self._export("export", self.run / "winner", self.run / "exported")

    def static(self) -> None:
        """Train the network without exits in the same way: the ends of its curve, and where the winner is."""
        self._static(64, 80, 128)

    def between(self) -> None:
        """Train the network without exits at the other resolutions."""
        self._static(96, 112)

    def staged(self) -> None:
        """Search depths and exits of the same network, which begin with its ImageNet weights."""
        self._staged("staged", "training.backbone_rate_multiplier=0.2")

    def random(self) -> None:
        """Search the same space from random weights."""
        self._staged("random", "training.initial_weights=random")

    def evaluate(self) -> None:
        """Let the exported networks answer the test images: who is right on which, at what cost."""
        import aebnas

        config = aebnas.load_search_file(self.run / "config.yaml")
        test = load_dataset(config.data).test
        right: dict[str, Any] = {}
        for name, (checkpoint, exported) in self._networks().items():
            if not exported.exists():
                continue
            reach = np.asarray(yaml.safe_load((checkpoint / "checkpoint.yaml").read_text())["reach_macs"])
            policies: dict[str, Any] = {name: None}
            if name == "winner":
                policies |= {f"at_{share:.2f}": _policy(checkpoint, reach, share) for share in SHARES}
            for row, policy in policies.items():
                session = aebnas.EarlyExitSession(exported, policy=policy)
                answers = session.predict_batch(test.pixels)
                right[row] = np.array([answer.class_index for answer in answers]) == test.labels
                right[f"{row}_macs"] = reach[[answer.exit for answer in answers]]
        np.savez_compressed(self.record_file.with_suffix(".npz"), **right)

    def bench(self) -> None:
        """Time the exported networks by turns; of each image the fastest call counts."""
        import aebnas

        config = aebnas.load_search_file(self.run / "config.yaml")
        pixels = load_dataset(config.data).test.pixels[::5]
        folders = {name: folder for name, (_, folder) in self._networks().items() if folder.exists()}
        sessions = {name: aebnas.EarlyExitSession(folder) for name, folder in folders.items()}
        images = {name: session.prepare_all(pixels) for name, session in sessions.items()}
        fastest = {name: np.full(len(pixels), np.inf) for name in sessions}
        for _ in range(ROUNDS):
            for i in range(len(pixels)):
                for name, session in sessions.items():
                    spent = session.answer(images[name][i : i + 1]).milliseconds
                    fastest[name][i] = min(fastest[name][i], spent)
        means = {name: round(float(times.mean()), 3) for name, times in fastest.items()}
        self.record_file.with_name(f"ms_{self.seed}.json").write_text(json.dumps(means, indent=1) + "\n")

    def _networks(self) -> dict[str, tuple[Path, Path]]:
        """Checkpoint and export folder of each network that may be there."""
        folders = {"winner": (self.run / "winner", self.run / "exported")}
        for resolution in RESOLUTIONS:
            name = f"static_{resolution}"
            folders[name] = (self.run / name, self.run / f"exported_{resolution}")
        for kind in ("staged", "random"):
            run = self._run_of(kind)
            folders[kind] = (run / "winner", run / "exported")
        return folders

    def _run_of(self, kind: str) -> Path:
        return self.run.with_name(f"trashnet_{kind}_{self.seed}")

    def _search(self, stage: str, file: Path, run: Path, *overrides: str) -> None:
        if (run / "pareto.csv").exists():
            return
        words = [word for override in overrides for word in ("--set", override)]
        self.aebnas(stage, "search", file, *words, "--name", run.name, "--runs", run.parent)

    def _train(self, stage: str, run: Path, pick: str, folder: Path) -> None:
        if not (folder / "checkpoint.yaml").exists():
            self.aebnas(stage, "train", run, "--pick", pick, "-o", folder, *EPOCHS)

    def _export(self, stage: str, checkpoint: Path, folder: Path) -> None:
        if not folder.exists():
            self.aebnas(stage, "export", checkpoint, folder, "--samples", 64)

    def _static(self, *resolutions: int) -> None:
        keys = self._static_keys()
        for resolution in resolutions:
            folder = self.run / f"static_{resolution}"
            self._train(f"static_{resolution}", self.run, keys[resolution], folder)
            self._export("export_static", folder, self.run / f"exported_{resolution}")

    def _staged(self, kind: str, weights: str) -> None:
        run, data = self._run_of(kind), yaml.safe_load((HERE / "lite0.yaml").read_text())
        same = {
            name: data["training"][name] for name in ("epochs", "learning_rate", "weight_decay", "augment")
        }
        overrides = [f"training.{name}={json.dumps(value)}" for name, value in same.items()]
        pictures = {name: value for name, value in data["data"].items() if name != "folder"}
        pictures |= {"folder": self.photos, "split_seed": self.seed}
        overrides += [f"data={json.dumps(pictures)}", weights, *STAGED_SEARCH]
        self._search(f"{kind}_search", STAGED, run, *overrides)
        self._train(f"{kind}_train", run, "best", run / "winner")
        self._export(f"{kind}_export", run / "winner", run / "exported")

    def _static_keys(self) -> dict[int, str]:
        import aebnas

        run = aebnas.load_run(self.run)
        keys = {}
        for evaluation in run.contents.done:
            architecture = evaluation.architecture
            if not architecture.exit_names and not architecture.last:
                keys[architecture.size[0]] = evaluation.key
        return {resolution: keys[resolution] for resolution in RESOLUTIONS}


def _policy(checkpoint: Path, reach: Any, share: float) -> Any:
    """The best policy on calibrate that spends at most a share of the full cost."""
    import aebnas

    stored = np.load(checkpoint / "logits.npz")
    fitted = aebnas.fit_policy(stored["logits"], stored["labels"], reach, max_cost=share * reach[-1])
    return fitted.policy


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    experiment = Experiment(sys.argv[1], int(sys.argv[2]))
    for stage in sys.argv[3:] or STAGES:
        getattr(experiment, stage)()
        print(f"seed {experiment.seed}: {stage} done, {experiment.record['cpu_seconds']}", flush=True)
