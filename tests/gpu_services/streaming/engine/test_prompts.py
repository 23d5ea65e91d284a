"""Prompts: umT5's rows, kept for prompts that come again, changed in mid-stream at the next chunk."""

import numpy as np
import torch
from torch import Tensor

from gpu_services.streaming.engine.config import PRESETS
from gpu_services.streaming.engine.painter import Painter
from gpu_services.streaming.engine.prompts import HashedPrompts, PromptCache, tiny_text_model
from tests.gpu_services.streaming.engine.conftest import chunks_of, painted, same

SHAPE = PRESETS["tiny"].network


def test_rows_behind_the_prompts_end_are_zero_and_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    rows = tiny_text_model(SHAPE, torch.float32).embed("rain")
    assert rows.shape == (1, SHAPE.text_tokens, SHAPE.text_width)
    assert rows[0, :5].abs().sum(-1).min() > 0  # four bytes and the end mark
    assert not rows[0, 5:].any()


def test_white_space_is_no_part_of_a_prompt_and_long_ones_are_cut() -> None:
    torch.manual_seed(0)
    model = tiny_text_model(SHAPE, torch.float32)
    assert torch.equal(model.embed("  rain \n now "), model.embed("rain now"))
    assert torch.equal(model.embed("x" * 1_000_000), model.embed("x" * 400))


def test_hashed_prompts_differ_by_prompt_and_stay_the_same() -> None:
    rows = HashedPrompts(SHAPE)
    assert torch.equal(rows.embed("rain"), rows.embed("rain"))
    assert not torch.equal(rows.embed("rain"), rows.embed("snow"))


class CountingModel:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, prompt: str) -> Tensor:
        """One row."""
        self.asked.append(prompt)
        return torch.zeros(1)


def test_a_prompt_is_embedded_once_while_it_is_in_use() -> None:
    model = CountingModel()
    cache = PromptCache(model, kept=2)
    for prompt in ("a", "b", "a", "c", "a", "b"):
        cache.embed(prompt)
    assert model.asked == ["a", "b", "c", "b"]
    assert len(cache) == 2


def test_a_new_prompt_shows_in_the_very_next_chunk_and_drops_no_frame(painter: Painter) -> None:
    chunks = chunks_of(1, 10)
    unchanged = painted(painter, painter.open("a quiet street"), chunks)
    session = painter.open("a quiet street")
    before = painted(painter, session, chunks[:6])
    painter.set_prompt(session, "a burning forest")
    after = painted(painter, session, chunks[6:])
    assert same(before, unchanged[:6])
    assert [len(chunk) for chunk in after] == [4, 4, 4, 4]
    assert not np.array_equal(after[0], unchanged[6])
    assert session.prompt == "a burning forest"


def test_the_last_prompt_before_a_chunk_counts(painter: Painter) -> None:
    chunks = chunks_of(1, 4)
    once, twice = painter.open("a"), painter.open("a")
    for session in (once, twice):
        painted(painter, session, chunks[:2])
    painter.set_prompt(once, "c")
    painter.set_prompt(twice, "b")
    painter.set_prompt(twice, "c")
    assert same(painted(painter, once, chunks[2:]), painted(painter, twice, chunks[2:]))


def test_a_neighbours_new_prompt_changes_nothing(painter: Painter) -> None:
    chunks = chunks_of(1, 5)
    alone = painted(painter, painter.open("a"), chunks)
    mine, theirs = painter.open("a"), painter.open("a")
    pictures = []
    for i, chunk in enumerate(chunks):
        painter.set_prompt(theirs, f"number {i}")
        pictures.append(painter.paint([mine, theirs], [chunk, chunk])[0])
    assert same(pictures, alone)


def test_after_a_reset_a_prompt_that_was_set_counts_from_the_first_chunk(painter: Painter) -> None:
    session = painter.open("a")
    painted(painter, session, chunks_of(1, 3))
    painter.set_prompt(session, "b")
    painter.reset(session)
    fresh = painted(painter, painter.open("b"), chunks_of(1, 3))
    assert same(painted(painter, session, chunks_of(1, 3)), fresh)
