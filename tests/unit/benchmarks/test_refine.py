"""Trades between groups, where damages do not simply add."""

from itertools import product

from benchmarks.refine import refine
from edgeprune.prune.widths.allocate import GroupChoice

WIDTHS = (2, 4, 6, 8)
CHOICES = tuple(GroupChoice(name, WIDTHS, (3.0, 1.0, 0.4, 0.0)) for name in "abc")


def damage(widths):
    """Curves that add, and a pair that hurts each other more than they say."""
    own = sum(dict(zip(WIDTHS, (3.0, 1.0, 0.4, 0.0), strict=True))[width] for width in widths.values())
    return own + (8 - widths["a"]) * (8 - widths["b"]) / 4


def fits(widths):
    return sum(widths.values()) <= 18


def test_it_finds_the_best_of_all_within_the_limit():
    start = {"a": 6, "b": 6, "c": 6}
    asked = []

    def noted(widths):
        assert fits(widths)
        asked.append(tuple(widths.values()))
        return damage(widths)

    widths, lowest = refine(CHOICES, start, noted, fits, 40)
    every = [dict(zip("abc", found, strict=True)) for found in product(WIDTHS, repeat=3)]
    assert lowest == damage(widths) == min(damage(found) for found in every if fits(found))
    assert damage(start) > lowest and len(asked) == len(set(asked)) <= 40


def test_one_evaluation_keeps_the_start():
    start = {"a": 6, "b": 6, "c": 6}
    assert refine(CHOICES, start, damage, fits, 1) == (start, damage(start))
