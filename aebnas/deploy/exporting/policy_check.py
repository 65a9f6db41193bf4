"""Whether a policy from outside can decide on a device: it is tried in a process without torch."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aebnas.errors import CodeError
from aebnas.exits.core.policy import ExitPolicy

PROBES = 64
"""Random logits that it is tried on."""
SECONDS = 120
TRIAL = """
import json, sys
for name in ("torch", "torchvision", "ray", "pymoo", "optuna", "onnx", "sklearn", "scipy"):
    sys.modules[name] = None
from pathlib import Path
import numpy as np
from aebnas.deploy.policy_code import take_code
from aebnas.exits.policies.table import policy_from_dict
folder = Path(sys.argv[1])
request = json.loads((folder / "policy.json").read_bytes())
take_code(folder, (folder / "code.zip").read_bytes(), request["code"], True)
policy = policy_from_dict(request["policy"])
np.save(folder / "chosen.npy", policy.decide(np.load(folder / "logits.npy")))
"""


def check_travels(policy: ExitPolicy, content: bytes, code: Mapping[str, str], classes: int) -> None:
    """Refuse a policy that would not decide on a device as it decides here.

    Args:
        policy: From outside, or with a score from outside.
        content: Its packed code.
        code: SHA-256 of the code by name.
        classes: Of the network.

    Raises:
        CodeError: It needs what devices do not have, or decides otherwise there.
    """
    logits = np.random.default_rng(0).normal(0, 3, (PROBES, policy.exits, classes)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="aebnas-policy-") as name:
        folder = Path(name)
        request: dict[str, Any] = {"policy": dict(policy.to_dict()), "code": dict(code)}
        (folder / "policy.json").write_text(json.dumps(request))
        (folder / "code.zip").write_bytes(content)
        np.save(folder / "logits.npy", logits)
        command = [sys.executable, "-c", TRIAL, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1][:300]
            raise _refusal(code, f"it cannot be read without torch and without the files beside it ({last})")
        if not np.array_equal(np.load(folder / "chosen.npy"), policy.decide(logits)):
            raise _refusal(
                code, "it decides otherwise in another process: it must depend on its fields alone"
            )


def _refusal(code: Mapping[str, str], why: str) -> CodeError:
    return CodeError(
        f"the exit policy of {', '.join(code)} cannot be exported: {why}. Put what decides into a module "
        "of its own that imports numpy and aebnas.exits alone, or fit another policy to the same network: "
        'aebnas train RUN --set "exits={policy: confidence}"'
    )
