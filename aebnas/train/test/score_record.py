"""An evaluation on test images as plain values: ``evaluation.json``.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from aebnas.train.test.scores import ExitScore, NetworkScore, plain

if TYPE_CHECKING:
    from aebnas.train.test.results import TestReport
    from aebnas.train.test.stopping import Stopped

FORMAT = 1


def report_dict(report: TestReport) -> dict[str, Any]:
    """Return an evaluation for JSON."""
    checkpoint = report.checkpoint
    return {
        "format": FORMAT,
        "key": checkpoint.key,
        "run": checkpoint.run,
        "data_fingerprint": checkpoint.data_fingerprint,
        "test_images": report.network.images,
        "network": network_dict(report.network),
        "stopped": stopped_dict(report.stopped, report.network),
        "baselines": [
            {
                "name": baseline.name,
                "key": baseline.key,
                "note": baseline.note,
                "network": network_dict(baseline.score),
                "stopped": stopped_dict(baseline.stopped, baseline.score),
                "gain": asdict(baseline.gain),
                "macs_ratio": report.network.policy.macs.value / baseline.score.policy.macs.value,
            }
            for baseline in report.baselines
        ],
        "missing": [asdict(baseline) for baseline in report.missing],
        "warnings": list(report.warnings),
    }


def network_dict(score: NetworkScore) -> dict[str, Any]:
    """Return a network's score for JSON."""
    policy = score.policy
    return {
        "exits": [_exit_dict(exit_) for exit_ in score.exits],
        "policy": {
            "accuracy": asdict(policy.accuracy),
            "harm": policy.harm,
            "macs": asdict(policy.macs),
            "macs_share": policy.macs.value / policy.full_macs,
            "costs": dict(policy.costs),
            "metrics": dict(policy.metrics),
            "calibration": plain(policy.calibration),
        },
    }


def stopped_dict(stopped: Stopped | None, score: NetworkScore) -> dict[str, Any] | None:
    """Return what really stopping cost, for JSON; None where no image was run."""
    if stopped is None:
        return None
    return {
        "images": len(stopped.chosen),
        "calls": list(stopped.calls),
        "macs": stopped.macs([exit_.reach_macs for exit_ in score.exits]),
        "mean_ms": float(stopped.ms.mean()),
        "mean_deciding_ms": float(stopped.deciding_ms.mean()),
        "median_deciding_ms": float(np.median(stopped.deciding_ms)),
        "median_ms": float(np.median(stopped.ms)),
        "p95_ms": float(np.quantile(stopped.ms, 0.95)),
    }


def _exit_dict(score: ExitScore) -> dict[str, Any]:
    return {
        "name": score.name,
        "reach_macs": score.reach_macs,
        "accuracy": asdict(score.accuracy),
        "leaving": score.leaving,
        "rate": score.rate,
        "accuracy_of_leaving": None
        if score.accuracy_of_leaving is None
        else asdict(score.accuracy_of_leaving),
        "calibration": plain(score.calibration),
        "arriving": plain(score.arriving),
    }
