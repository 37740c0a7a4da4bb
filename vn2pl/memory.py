"""How much memory a run needs, before it starts."""

BASE = 150_000_000
BYTES_PER_ROW = 700
BYTES_PER_PAIR = 33


def peak_estimate(*, rows: int, largest_shard: int) -> int:
    """Bytes at the peak, from the rows of the panel and the pairs of the largest shard.

    Fitted to measured peaks: 374 MB for 94,043 rows and 971 MB for 940,430 rows, with shards of 4 million pairs.
    """
    return BASE + BYTES_PER_ROW * rows + BYTES_PER_PAIR * largest_shard
