# SPDX-License-Identifier: MIT
"""kmalloc: buffers in the host's memory, where the card can reach them.

Size classes (32, 64, 128, 192, 256, 384 .. 64 KiB) are carved out of 128 KiB chunks; larger buffers take whole
chunks. Free memory is filled with 0x6b and looked at again when it is handed out: whoever wrote to it after it was
freed is told. So fresh memory holds 0x6b, not zeros.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from driver.linux.bug import Where, fatal_violation, told, warn_violation
from driver.linux.cpu import might_sleep
from driver.linux.current import ON

if TYPE_CHECKING:
    from driver.linux.net.skb import SkBuff
    from driver.linux.sched import Kernel

__all__ = ["GFP_ATOMIC", "GFP_KERNEL", "PAGE_SIZE", "POISON_FREE", "Buffer", "Memory", "kfree", "kmalloc", "kzalloc"]

PAGE_SIZE: Final = 4096
POISON_FREE: Final = 0x6B
GFP_ATOMIC: Final = 0
GFP_KERNEL: Final = 1

_CHUNK_BITS: Final = 17
_CHUNK: Final = 1 << _CHUNK_BITS
_CLASSES: Final = tuple(sorted({32, 64, 1 << 16} | {size for n in range(7, 16) for size in (1 << n, 3 << (n - 1))}))
_POISON: Final = bytes([POISON_FREE]) * _CHUNK


class SizeClass:
    """Blocks of one size. room: bytes; free: blocks given back, the last one is used next; poison: what they hold;
    chunk: where blocks that were never used come from."""

    __slots__ = ("chunk", "free", "poison", "room")

    def __init__(self, room: int) -> None:
        self.room = room
        self.free: list[Block] = []
        self.poison = bytes([POISON_FREE]) * room
        self.chunk: Chunk | None = None


class Chunk:
    """Memory that is cut into blocks of one size. addr: physical; blocks: those that were ever used."""

    __slots__ = ("addr", "blocks", "count", "room")

    def __init__(self, addr: int, room: int) -> None:
        self.addr = addr
        self.room = room
        self.count = max(1, _CHUNK // room)
        self.blocks: list[Block] = []


class Block:
    """The place of one buffer. view: all of it, for the allocator alone; buffer: what is there now."""

    __slots__ = ("addr", "buffer", "kind", "view")

    def __init__(self, addr: int, kind: SizeClass, view: memoryview) -> None:
        self.addr = addr
        self.kind = kind
        self.view = view
        self.buffer: Buffer | None = None


class Buffer:
    """One allocation. addr: physical; view: its memory; dataref: of an skb's head, how many skbs share it.

    Its live DMA mappings (not coherent ones) are counted: mappings: all; written: those through which the device may
    write; mapped: those that the device owns now, not the CPU.
    `view` is gone once it is freed (FreedBuffer): touching it is the rule use-after-free.
    """

    __slots__ = ("addr", "block", "dataref", "freed", "mapped", "mappings", "size", "view", "where", "written")
    view: memoryview

    def __init__(self, block: Block, size: int, where: Where) -> None:
        self.block = block
        self.addr = block.addr
        self.size = size
        self.view = block.view[:size]
        self.dataref = 1
        self.mapped = self.mappings = self.written = 0
        self.where = where
        self.freed: Where | None = None

    @property
    def name(self) -> str:
        return f"buffer {self.addr:#x}+{self.size}"

    def __repr__(self) -> str:
        return f"<{self.name} made at {told(self.where)}{' (freed)' if self.freed else ''}>"


class FreedBuffer(Buffer):
    """What a buffer becomes: one that lives pays nothing for the check."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, attribute: str) -> Any:
            if attribute != "view":
                raise AttributeError(attribute)
            raise fatal_violation("use-after-free", self, f"it was freed at {told(self.freed)}", self.where)


class Memory:
    """The allocator of one kernel: everything in `view`, of which index 0 is physical address `base`.

    skbs: the live sk_buffs (Linux: skbuff_head_cache), in the order they were made.
    """

    def __init__(self, kernel: Kernel, view: memoryview, base: int) -> None:
        self.kernel = kernel
        self.view = view.cast("B")
        self.base = base
        self.check_poison = True
        self.skbs: dict[SkBuff, bool] = {}
        self._kinds = {room: SizeClass(room) for room in _CLASSES}
        self._kind_of: dict[int, SizeClass] = {}  # sizes that were asked for
        first = -base % _CHUNK  # chunks are aligned in physical addresses
        self._fresh = first
        self._lowest = base + first
        self._end = first + (len(self.view) - first) // _CHUNK * _CHUNK
        self._chunks: list[Chunk] = []  # by their place in memory; one that is larger is there several times
        self._inject: Callable[[int], bool] | None = None

    # ------------------------------------------------------------------------------------------ failure injection
    def fail_after(self, number: int | None) -> None:
        """Let `number` more allocations succeed, then none; None: as memory allows again."""
        left = number

        def used_up(_: int) -> bool:
            nonlocal left
            if left == 0:
                return True
            assert left is not None
            left -= 1
            return False

        self._inject = None if number is None else used_up

    def fail_only(self, number: int | None) -> None:
        """Let `number` more allocations succeed, the next one fail, and all after it succeed; None: none fails."""
        if number is None:
            self._inject = None
            return
        numbers = count()
        self._inject = lambda _: next(numbers) == number

    def fail_if(self, predicate: Callable[[int], bool] | None) -> None:
        """Allocations of a size (bytes) for which predicate(size) fail; None: none do."""
        self._inject = predicate

    # ------------------------------------------------------------------------------------------ reports
    def live(self) -> list[Buffer]:
        """What is allocated, oldest address first; each knows where it was made."""
        chunks = dict.fromkeys(self._chunks)
        return [block.buffer for chunk in chunks for block in chunk.blocks if block.buffer is not None]

    @property
    def in_use_bytes(self) -> int:
        return sum(buffer.block.kind.room for buffer in self.live())

    def find(self, addr: int) -> Buffer | None:
        """The live buffer that physical address `addr` is in."""
        number = (addr - self._lowest) >> _CHUNK_BITS
        if not 0 <= number < len(self._chunks):
            return None
        chunk = self._chunks[number]
        number = (addr - chunk.addr) // chunk.room
        found = chunk.blocks[number].buffer if number < len(chunk.blocks) else None
        return found if found is not None and addr < found.addr + found.size else None

    # ------------------------------------------------------------------------------------------ the allocator
    def alloc(self, size: int, where: Where, align: int = 1) -> Buffer | None:
        """`size` bytes, or None. The address is a multiple of 64 (of 32 below that), and of `align`."""
        inject = self._inject
        if inject is not None and inject(size):
            return None
        kind = self._kind_of.get(size) if align == 1 else None
        if kind is None:
            kind = self._kind(size, align)
        block = kind.free.pop() if kind.free else self._carve(kind)
        if block is None:
            return None
        if self.check_poison and block.view.tobytes() != kind.poison:
            self._spoilt(block)
        block.buffer = buffer = Buffer(block, size, where)
        return buffer

    def free(self, buffer: Buffer, where: Where) -> None:
        """Rules: double-free, free-while-mapped."""
        if buffer.freed is not None:
            message = f"freed at {told(where)}, and before that at {told(buffer.freed)}"
            warn_violation("double-free", buffer, message, buffer.where)
            return
        if buffer.mappings:
            warn_violation("free-while-mapped", buffer, f"{buffer.mappings} DMA mappings of it are live", buffer.where)
        block = buffer.block
        kind = block.kind
        block.view[:] = kind.poison
        buffer.freed = where
        buffer.view.release()
        del buffer.view
        buffer.__class__ = FreedBuffer
        block.buffer = None
        kind.free.append(block)

    def reserve(self, size: int) -> Buffer | None:
        """Page-aligned memory for the kernel itself: never freed, never in a leak report."""
        buffer = self.alloc(size, (Memory.reserve.__code__, 0), PAGE_SIZE)
        if buffer is not None:
            buffer.block.buffer = None
        return buffer

    def _kind(self, size: int, align: int) -> SizeClass:
        """The smallest size class that holds `size` and is a multiple of `align`; whole chunks above the largest."""
        room = next((r for r in _CLASSES if r >= size and r % align == 0), 0) or -(-size // _CHUNK) * _CHUNK
        kind = self._kinds.get(room)
        if kind is None:
            kind = self._kinds[room] = SizeClass(room)
        if align == 1:
            self._kind_of[size] = kind
        return kind

    def _carve(self, kind: SizeClass) -> Block | None:
        """A block that was never used, the lowest of its chunk; None when memory is used up."""
        chunk = kind.chunk
        if chunk is None or len(chunk.blocks) == chunk.count:
            chunk = kind.chunk = self._fresh_chunk(kind.room)
            if chunk is None:
                return None
        addr = chunk.addr + len(chunk.blocks) * kind.room
        index = addr - self.base
        block = Block(addr, kind, self.view[index : index + kind.room])
        chunk.blocks.append(block)
        return block

    def _fresh_chunk(self, room: int) -> Chunk | None:
        """Memory for blocks of `room` bytes; poisoned."""
        start, chunks = self._fresh, max(1, room >> _CHUNK_BITS)
        if start + (chunks << _CHUNK_BITS) > self._end:
            return None
        self._fresh += chunks << _CHUNK_BITS
        chunk = Chunk(self.base + start, room)
        self._chunks += [chunk] * chunks
        for index in range(start, self._fresh, _CHUNK):
            self.view[index : index + _CHUNK] = _POISON
        return chunk

    def _spoilt(self, block: Block) -> None:
        held, room = block.view, block.kind.room
        at = next(i for i, byte in enumerate(held) if byte != POISON_FREE)
        message = f"free memory was written to: {held[at]:#04x} at offset {at} of {room}"
        held[:] = block.kind.poison
        warn_violation("write-after-free", f"buffer {block.addr:#x}", message)


def kmalloc(size: int, gfp: int = GFP_ATOMIC, where: Where | None = None) -> Buffer | None:
    """`size` bytes of host memory, or None. where: whom a leak report shall name (bug.here()); the caller if None."""
    if size <= 0:
        raise ValueError(f"kmalloc({size})")
    if gfp == GFP_KERNEL:
        might_sleep("kmalloc(GFP_KERNEL)")
    if where is None:
        frame = sys._getframe(1)
        where = frame.f_code, frame.f_lasti
    return ON.kernel.mm.alloc(size, where)


def kzalloc(size: int, gfp: int = GFP_ATOMIC) -> Buffer | None:
    """As kmalloc, zeroed."""
    frame = sys._getframe(1)
    buffer = kmalloc(size, gfp, (frame.f_code, frame.f_lasti))
    if buffer is not None:
        buffer.view[:] = bytes(size)
    return buffer


def kfree(buffer: Buffer | None) -> None:
    """Give it back; None is allowed."""
    if buffer is not None:
        frame = sys._getframe(1)
        ON.kernel.mm.free(buffer, (frame.f_code, frame.f_lasti))
