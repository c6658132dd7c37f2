"""The planner: adjacent quantities in one request, gaps where they are cheaper than a second one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prewatt import profiles
from prewatt.profiles import Block, Quantity
from prewatt.profiles.planner import plan

NK = profiles.load("acrel-dtsy1352-nk")


def _row(name: str, address: int, size: int = 1, function: int = 3) -> Quantity:
    return Quantity(
        name=name, address=address, kind="u16", size=size, source="s", confidence="manual", function=function
    )


def test_the_whole_nk_is_one_frame_of_sixty_registers() -> None:
    (block,) = NK.sweep_blocks
    assert block.count == 60
    here = {
        row.name for row in NK.rows if block.address <= row.address and row.address + row.size <= block.address + 60
    }
    assert set(NK.sweep) <= here


def test_its_status_is_short() -> None:
    (block,) = NK.status_blocks
    assert block.count <= 12


def test_its_money_is_one_frame() -> None:
    assert len(NK.money_blocks) == 1


def test_without_the_simulated_block_it_reads_what_is_public() -> None:
    assert NK.allowed(["manual"]).sweep_blocks == (Block(3, 0x0000, 10),)
    assert NK.allowed(["manual"]).status_blocks == ()


def test_a_short_gap_is_read_over_and_a_long_one_is_not() -> None:
    rows = [_row("a", 0), _row("b", 31), _row("c", 63)]
    assert plan(rows, None, gap_max=30, length_max=125) == (Block(3, 0, 32), Block(3, 63, 1))
    assert plan(rows, None, gap_max=31, length_max=125) == (Block(3, 0, 64),)
    assert plan(rows, None, gap_max=31, length_max=40) == (Block(3, 0, 32), Block(3, 63, 1))


def test_functions_are_not_mixed() -> None:
    rows = [_row("a", 0, function=3), _row("b", 1, function=4)]
    assert plan(rows, None, gap_max=30, length_max=125) == (Block(3, 0, 1), Block(4, 1, 1))


def test_a_name_shown_twice_is_read_where_the_others_are() -> None:
    rows = [_row("a", 0), _row("a", 1000), _row("b", 1001), _row("c", 1002)]
    assert plan(rows, None, gap_max=30, length_max=125) == (Block(3, 1000, 3),)
    assert plan(rows, ["a"], gap_max=30, length_max=125) == (Block(3, 0, 1),)


def test_what_nobody_shows_is_not_guessed() -> None:
    assert NK.plan(["energy_export_wh"]) == ()


@given(
    places=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 4)), min_size=1, max_size=30),
    gap_max=st.integers(0, 60),
    length_max=st.integers(4, 125),
)
def test_every_name_is_read_and_no_request_is_too_long(
    places: list[tuple[int, int]], gap_max: int, length_max: int
) -> None:
    rows = [_row(f"q{index}", address, size) for index, (address, size) in enumerate(places)]
    blocks = plan(rows, None, gap_max=gap_max, length_max=length_max)
    for row in rows:
        assert any(b.address <= row.address and row.address + row.size <= b.address + b.count for b in blocks)
    assert all(block.count <= length_max for block in blocks)
    assert list(blocks) == sorted(set(blocks))
