"""All blocks by the name that configuration files use: ours in a table, others as ``package.module:Name``.

Must not import torch.
"""

from __future__ import annotations

from aebnas.blocks.block import Block
from aebnas.blocks.classifier import Classifier
from aebnas.blocks.conv import Conv
from aebnas.blocks.dwconv import DepthwiseConv
from aebnas.blocks.fused import Fused
from aebnas.blocks.mbconv import MBConv
from aebnas.blocks.pool import Pool
from aebnas.blocks.residual import Residual
from aebnas.blocks.unread import UnreadBlock
from aebnas.extensions import kinds
from aebnas.extensions.consent import code_digest, is_allowed, made_once, require_consent
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import file_safe, is_outside

BLOCKS: dict[str, Block] = {
    block.name: block
    for block in (Conv(), DepthwiseConv(), Residual(), Fused(), MBConv(), Pool(), Classifier())
}


HASH_DIGITS = 8
"""Of the hash of a block's code, in signatures."""


def block_named(name: str) -> Block:
    """Return a block by its name.

    One from outside is loaded where code is allowed; elsewhere something stands for it that cannot be built.

    Raises:
        CodeError: The code behind the name is missing or wrong.
        KeyError: There is no such block.
    """
    block = BLOCKS.get(name)
    if block is not None:
        return block
    if not is_outside(name):
        raise KeyError(name)
    if not is_allowed():
        return UnreadBlock(name)
    return made_once(name, "instance", lambda: _instance(name))


def signature_word(name: str) -> str:
    """Return what signatures call a block: of one from outside ``my_blocks.Ghost.1a2b3c4d``.

    The hash of its code is part of it: what was measured of it holds for that code alone.

    Raises:
        CodeError: The code behind the name is missing, or not allowed.
    """
    if not is_outside(name):
        return name
    require_consent(name)
    return f"{file_safe(name)}.{code_digest(name)[:HASH_DIGITS]}"


def _instance(name: str) -> Block:
    block: Block = loaded(name, kinds.BLOCK)()
    return block


def stage_blocks() -> tuple[str, ...]:
    """Return the names of what can stand in a stage."""
    return tuple(name for name, block in BLOCKS.items() if block.in_stages)


def exit_modules() -> tuple[str, ...]:
    """Return the names of what can stand in an exit branch."""
    return tuple(name for name, block in BLOCKS.items() if block.in_exits)
