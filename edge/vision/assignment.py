"""Who is who between two frames: the pairing of rows and columns that costs least.

Kuhn's Hungarian method with potentials, one row at a time along shortest augmenting paths (Kuhn
1955; Munkres 1957; the O(n²m) form of Jonker and Volgenant 1987). A camera sees tens of objects, so
plain Python is enough and the gateway needs no SciPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf


def pair(costs: Sequence[Sequence[float]], limit: float) -> list[tuple[int, int]]:
    """Pairs (row, column) such that Σ(cost − limit) over them is least; each row or column once.

    A pair that costs ``limit`` or more, or whose cost is no number, is never made: leaving both
    alone is as good.
    """
    if not costs or not costs[0]:
        return []
    clamped = [[min(limit, cost) for cost in row] for row in costs]  # NaN becomes the limit
    if len(clamped) <= len(clamped[0]):
        pairs = list(enumerate(_assigned(clamped)))
    else:
        turned = [list(column) for column in zip(*clamped, strict=True)]
        pairs = sorted((row, column) for column, row in enumerate(_assigned(turned)))
    return [(row, column) for row, column in pairs if clamped[row][column] < limit]


def _assigned(costs: list[list[float]]) -> list[int]:
    """The column of each row; there are at least as many columns as rows.

    Rows and columns are numbered from 1 here: column 0 stands for the row that is being placed.
    """
    rows, columns = len(costs), len(costs[0])
    of_row = [0.0] * (rows + 1)
    of_column = [0.0] * (columns + 1)
    row_at = [0] * (columns + 1)
    for row in range(1, rows + 1):
        row_at[0] = row
        came_from = _path(costs, of_row, of_column, row_at)
        column = came_from[0]
        while column:
            row_at[column] = row_at[came_from[column]]
            column = came_from[column]
    answer = [0] * rows
    for column in range(1, columns + 1):
        if row_at[column]:
            answer[row_at[column] - 1] = column - 1
    return answer


def _path(
    costs: list[list[float]], of_row: list[float], of_column: list[float], row_at: list[int]
) -> list[int]:
    """The cheapest way from the row at column 0 to a free column, which stands at index 0.

    The others hold the column that each was reached from. The potentials are moved along.
    """
    columns = len(of_column) - 1
    cheapest = [inf] * (columns + 1)
    came_from = [0] * (columns + 1)
    done = [False] * (columns + 1)
    at = 0
    while True:
        done[at] = True
        row, step, nearest = row_at[at], inf, 0
        for column in range(1, columns + 1):
            if done[column]:
                continue
            reduced = costs[row - 1][column - 1] - of_row[row] - of_column[column]
            if reduced < cheapest[column]:
                cheapest[column], came_from[column] = reduced, at
            if cheapest[column] < step:
                step, nearest = cheapest[column], column
        for column in range(columns + 1):
            if done[column]:
                of_row[row_at[column]] += step
                of_column[column] -= step
            else:
                cheapest[column] -= step
        at = nearest
        if row_at[at] == 0:
            came_from[0] = at
            return came_from
