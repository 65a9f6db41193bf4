"""From a checkpoint to a folder that runs without torch: graphs, policy, labels, card, samples.

The graphs are held against torch before anything is written, and the folder appears whole or not
at all.  Calibrate images check, quantise and fit; select images score; test images are not read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from aebnas.config.outside import names_in
from aebnas.data.dataset import Samples
from aebnas.deploy.exporting.card import Variant, card_text
from aebnas.deploy.exporting.parity import checked_parity
from aebnas.deploy.exporting.policy_check import check_travels
from aebnas.deploy.exporting.quantize import quantized_graphs
from aebnas.deploy.exporting.source import Source, read_source
from aebnas.deploy.exporting.staging import refuse_existing, write_folder
from aebnas.deploy.manifest import (
    CARD,
    FORMAT,
    INT8_FOLDER,
    LABELS,
    MANIFEST,
    POLICY,
    SAMPLES,
    InputRecord,
    Manifest,
    Parity,
    checksum_of,
    stored_file,
)
from aebnas.deploy.policy_code import CODE, packed_code
from aebnas.deploy.scoring import exit_samples, prepared, refitted, score
from aebnas.deploy.segments import SegmentChain
from aebnas.deploy.speed import ROUNDS, TimedNetwork, mean_ms, rounds_ns
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.extensions.consent import code_digest
from aebnas.runtime.onnx_session import open_session
from aebnas.runtime.torch_segments import network_graphs
from aebnas.version import __version__

SAMPLE_COUNT = 256
QUANTISED_ON = 512
"""Calibrate images that INT8 ranges come from, at most: half of calibrate where that is less."""
Precision = Literal["fp32", "int8"]
OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """What an export wrote and what it reaches."""

    folder: Path
    manifest: Manifest
    variants: tuple[Variant, ...]
    """fp32, and INT8 if it was asked for."""


@dataclass(frozen=True, eq=False)
class _Network:
    """One variant before it is written."""

    precision: Precision
    graphs: list[bytes]
    chain: SegmentChain
    policy: ExitPolicy
    variant: Variant
    parity: Parity | None


def export(
    checkpoint: Path,
    folder: Path,
    *,
    int8: bool = False,
    samples: int = SAMPLE_COUNT,
    force: bool = False,
    on_step: OnStep = lambda text: None,
    data: Path | None = None,
) -> Exported:
    """Write a trained network as a folder that ``EarlyExitSession`` runs.

    Args:
        checkpoint: Folder of a checkpoint, as ``aebnas train`` writes it.
        folder: Where to write.
        int8: Also write ``folder/int8``: the same with 8-bit weights and activations.
        samples: Calibrate images to store for ``aebnas bench``; 0 for none.
        force: Replace an export folder.
        on_step: Told what is being done.
        data: Where the images are now, if they have moved.

    Raises:
        RunError: A damaged checkpoint, a folder that may not be replaced, graphs that differ from torch.
        DataError: The images are others than those of the training.
    """
    refuse_existing(folder, force)
    on_step("reading the checkpoint and its images")
    source = read_source(checkpoint, data)
    on_step("writing and checking the graphs")
    fp32, calibrate = _fp32(source)
    networks = [fp32]
    if int8:
        on_step("quantising")
        networks.append(_int8(source, fp32, calibrate))
    variants = tuple(_timed(networks, source))
    stored = _stored_images(source, samples)
    contents: dict[str, bytes] = {}
    manifests = []
    for network in networks:
        manifest, files = _contents(source, network, stored, variants)
        place = "" if network.precision == "fp32" else f"{INT8_FOLDER}/"
        contents |= {place + name: content for name, content in files.items()}
        manifests.append(manifest)
    write_folder(folder, contents, force)
    return Exported(folder, manifests[0], variants)


def _fp32(source: Source) -> tuple[_Network, ExitSamples]:
    """Return the checked network, and its logits on calibrate."""
    trained, prepare = source.trained, source.prepare
    graphs = network_graphs(trained.network)
    chain = SegmentChain([open_session(graph) for graph in graphs])
    parity = checked_parity(trained.network, chain, source.splits.calibrate, prepare)
    calibrate = exit_samples(chain, source.splits.calibrate, prepare, source.reach)
    return _scored(source, "fp32", graphs, chain, source.checkpoint.exit_policy, parity), calibrate


def _int8(source: Source, fp32: _Network, calibrate: ExitSamples) -> _Network:
    """Return the quantised network with its own policy."""
    images, prepare = source.splits.calibrate, source.prepare
    ranged = _ranged(images)
    inputs = np.concatenate(list(prepared(images.take(np.arange(ranged)), prepare)))
    graphs = quantized_graphs(fp32.graphs, fp32.chain, inputs)
    chain = SegmentChain([open_session(graph) for graph in graphs])
    policy = fp32.policy
    if len(chain) > 1:
        spent = score(policy, calibrate).macs
        again = exit_samples(chain, images, prepare, source.reach)
        policy = refitted(source.checkpoint.exits, again, spent)
    return _scored(source, "int8", graphs, chain, policy, None)


def _ranged(images: Samples) -> int:
    """Return how many calibrate images the quantisation is fitted on; the others score its result."""
    return min(QUANTISED_ON, max(1, len(images) // 2))


def _scored(
    source: Source,
    precision: Precision,
    graphs: list[bytes],
    chain: SegmentChain,
    policy: ExitPolicy,
    parity: Parity | None,
) -> _Network:
    splits, prepare, reach = source.splits, source.prepare, source.reach
    select = score(policy, exit_samples(chain, splits.select, prepare, reach))
    rest = np.arange(_ranged(splits.calibrate), len(splits.calibrate))
    unused = splits.calibrate.take(rest) if len(rest) else splits.calibrate
    clean = score(policy, exit_samples(chain, unused, prepare, reach))
    variant = Variant(precision, sum(map(len, graphs)), select, clean.last_accuracy, clean.images)
    return _Network(precision, graphs, chain, policy, variant, parity)


def _timed(networks: list[_Network], source: Source) -> list[Variant]:
    inputs = source.prepare(source.splits.calibrate.pixels[:SAMPLE_COUNT])
    times = mean_ms(
        rounds_ns(
            [TimedNetwork(network.chain.stopper(network.policy), inputs) for network in networks], ROUNDS
        )
    )
    return [network.variant.timed(ms) for network, ms in zip(networks, times, strict=True)]


def _stored_images(source: Source, count: int) -> Samples | None:
    """Return a fixed random part of calibrate, in its order."""
    images = source.splits.calibrate
    if not count:
        return None
    chosen = np.random.default_rng(0).permutation(len(images))[:count]
    return images.take(np.sort(chosen))


def _contents(
    source: Source, network: _Network, stored: Samples | None, variants: tuple[Variant, ...]
) -> tuple[Manifest, dict[str, bytes]]:
    """Return the manifest and all files of one variant."""
    checkpoint = source.checkpoint
    files = {f"segment{i + 1}.onnx": graph for i, graph in enumerate(network.graphs)}
    segments = list(files)
    files[POLICY] = _json(network.policy.to_dict())
    files[LABELS] = _json(list(checkpoint.classes))
    code = _code(network.policy)
    if code:
        files[CODE] = packed_code(list(code))
        check_travels(network.policy, files[CODE], code, len(checkpoint.classes))
    if stored is not None:
        files[SAMPLES] = _samples(source, network, stored)
    fields: dict[str, Any] = {
        "format": FORMAT,
        "aebnas": __version__,
        "key": checkpoint.key,
        "precision": network.precision,
        "is_static": checkpoint.is_static,
        "architecture": checkpoint.architecture.to_dict(),
        "classes": len(checkpoint.classes),
        "image_shape": list(checkpoint.image_shape),
        "input": InputRecord.of(checkpoint.input).model_dump(mode="json"),
        "segments": segments,
        "exits": [*checkpoint.architecture.exit_names, "final"],
        "reach_macs": list(checkpoint.reach_macs),
        "parity": None if network.parity is None else network.parity.model_dump(),
        "provenance": {
            "run": checkpoint.run,
            "seed": checkpoint.seed,
            "data": checkpoint.data_fingerprint,
            "trained_with": checkpoint.environment,
        },
        "code": code,
        "files": [stored_file(name, content).model_dump() for name, content in files.items()],
    }
    if checkpoint.sixteen_bit_depth is not None:
        fields["sixteen_bit_depth"] = checkpoint.sixteen_bit_depth
    text = json.dumps({**fields, "checksum": checksum_of(fields)}, indent=1)
    manifest = Manifest.model_validate_json(text)
    card = card_text(source, network.policy, network.precision, network.parity, variants)
    return manifest, {**files, MANIFEST: text.encode(), CARD: card.encode(errors="replace")}


def _code(policy: ExitPolicy) -> dict[str, str]:
    """Return the SHA-256 of the code from outside by which a policy decides, by name."""
    names = names_in({"exits": dict(policy.to_dict())})
    return {name: code_digest(name) for name in names}


def _samples(source: Source, network: _Network, stored: Samples) -> bytes:
    """Return images, labels and what the network answered while exporting."""
    stop = network.chain.stopper(network.policy)
    answers = [stop(x[np.newaxis]) for x in source.prepare(stored.pixels)]
    buffer = io.BytesIO()
    arrays: Mapping[str, Any] = {
        "images": stored.pixels,
        "labels": stored.labels,
        "classes": np.array([int(answer.logits[0].argmax()) for answer in answers]),
        "exits": np.array([answer.exit for answer in answers]),
    }
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
