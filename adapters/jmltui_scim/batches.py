"""Many questions, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, Final, TypeVar

T = TypeVar("T")

AT_ONCE: Final = 8


async def in_parallel(questions: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The answers in the order of the questions, eight asked at a time. Raises what the first failing one raises."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def answer(question: Coroutine[Any, Any, T]) -> T:
        async with gate:
            return await question

    tasks = [asyncio.ensure_future(answer(question)) for question in questions]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for question in questions:
            question.close()


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in parts of at most this size."""
    for at in range(0, len(items), size):
        yield items[at : at + size]
