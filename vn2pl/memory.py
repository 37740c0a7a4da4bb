"""How much memory a run needs, before it starts."""

BASE = 150_000_000
BYTES_PER_ROW = 700
BYTES_PER_PAIR = 33


def peak_estimate(*, rows: int, largest_shard: int) -> int:
    """Bytes at the peak, from the rows of the panel and the pairs of the largest shard.

    Rather too much than too little: measured peaks were 0.4 GB for 94,043 rows, 1.0 GB for 940,430 and 5.9 GB for
    9,404,300, for which this gives 0.5, 1.1 and 7.9 GB.
    """
    return BASE + BYTES_PER_ROW * rows + BYTES_PER_PAIR * largest_shard
