"""Starting and stopping Ray, in the process that is Ray's alone.

Nothing of a local Ray listens to the network: no dashboard, and it dies with its process.
"""

from __future__ import annotations

import logging
import os
import socket
import warnings
from typing import Any

import ray
from ray._private.services import canonicalize_bootstrap_address

from aebnas.config.schema import WorkersConfig
from aebnas.errors import AebnasError, WorkerError
from aebnas.search.workers.cluster.contract import UnreachableError
from aebnas.search.workers.cluster.nodes import Node
from aebnas.search.workers.cluster.tokens import own_token, settle_token

SPARE_OBJECT_STORE_BYTES = 200_000_000
"""Room for results in flight, beside the images."""
CONNECT_SECONDS = 5.0
RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
    # Ray would run workers at niceness 15, behind whatever else the machine does
    "RAY_worker_niceness": "0",
}
WITHOUT_RAY = "Without Ray: --set workers.mode=serial"


def start_ray(config: WorkersConfig, count: int, gpus: float, shared_bytes: int) -> None:
    """Start a local Ray, or connect to ``workers.address``.

    Args:
        config: The workers section.
        count: Number of workers of a local Ray.
        gpus: GPUs of one worker.
        shared_bytes: Size of the images, and weights, that workers share.

    Raises:
        WorkerError: Ray does not start or cannot be reached.
    """
    for name, value in RAY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if config.address is not None:
        options["address"] = config.address
    else:
        options |= {
            "address": "local",
            "num_cpus": max(1, round(count * config.cpus_per_worker + 0.499)),
            "include_dashboard": False,
            "object_store_memory": shared_bytes + SPARE_OBJECT_STORE_BYTES,
        }
        if gpus == 0:
            options["num_gpus"] = 0
    try:
        if config.address is None:
            own_token()
        else:
            _knock(config.address)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(**options)
    except AebnasError:
        raise
    except Exception as error:
        stop_ray()  # it may have started before it failed
        where = f"at {config.address}" if config.address else "on this machine"
        raise WorkerError(f"Ray did not start {where}: {_reason_of(error)}. {WITHOUT_RAY}") from error


def nodes_up() -> tuple[Node, ...]:
    """Return the nodes that the head takes to be up, in the order of their names."""
    return tuple(
        Node(
            name=str(node["NodeID"]),
            address=f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}",
            cpus=float(node["Resources"].get("CPU", 0)),
            gpus=float(node["Resources"].get("GPU", 0)),
        )
        for node in sorted(ray.nodes(), key=lambda node: str(node["NodeID"]))
        if node["Alive"]
    )


def is_answering(address: str, seconds: float) -> bool:
    """Return whether something listens at ``host:port``."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except (OSError, OverflowError, ValueError):
        return False
    return True


def stop_ray() -> None:
    """Stop a local Ray, or disconnect from a cluster."""
    if ray.is_initialized():
        ray.shutdown()


def _knock(address: str) -> None:
    """Refuse an address that nothing answers, where Ray itself would wait for minutes; settle the token.

    Raises:
        UnreachableError: No connection to ``host:port`` within some seconds.
        WorkerError: The cluster does not admit us.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        head = canonicalize_bootstrap_address(address)  # "auto": the cluster of this machine
        if head is None:  # "local": a cluster of our own
            own_token()
        else:
            settle_token(head)
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UnreachableError(
            f"Ray did not start at {address}: {error}. Is the cluster up?  ray status --address {address}"
            f"   {WITHOUT_RAY}"
        ) from error
    if not address.startswith("ray://"):
        settle_token(str(canonicalize_bootstrap_address(address)))


def _reason_of(error: Exception) -> str:
    """Return what an error says before it shows code, in one line."""
    lines: list[str] = []
    for line in str(error).splitlines():
        if "Traceback" in line or line.lstrip().startswith("File "):
            break
        lines.append(line.strip())
    return " ".join(filter(None, lines))[:300].rstrip(". ") or type(error).__name__
