"""What every process needs that trains or times networks, before torch allocates."""

from __future__ import annotations

import ctypes
import os
import sys

import torch


def prepare_process(device: torch.device, threads: int = 1, compare_kernels: bool = False) -> None:
    """Set threads, allocator and number formats.

    One torch thread on CPUs by default: workers are processes, and two OpenMP threads in one
    process slow down 4 to 14 times when another process takes a core.  glibc is told to keep
    freed memory: its default spends a third of the training time in page faults.

    Args:
        device: Where networks will run.
        threads: Threads inside one operator on a CPU.
        compare_kernels: On a GPU, try the convolutions of every new shape and keep the fastest, as
            networks in use do.  Training does not: on an H100 it cost 4 to 8 s per network and made steps
            6% faster at best; small networks wait for the launches of their kernels.
    """
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = compare_kernels
        # logits are fp32; training uses bf16 where it is faster
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        return
    torch.set_num_threads(threads)
    # oneDNN compiles a kernel per shape and remembers 1,024: a supernet meets more, and is 1.3 times slower
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")
    if sys.platform == "linux":
        keep_freed_memory()


def keep_freed_memory() -> None:
    """Tell glibc never to give large buffers back to the system; does nothing elsewhere."""
    m_mmap_max, m_trim_threshold = -4, -1
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:  # another C library
        return
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
