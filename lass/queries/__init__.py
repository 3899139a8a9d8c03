"""Text in, condition out: what a visitor typed, as the vectors a separation network listens to.

Importing this package does not import torch; building an encoder does.
"""

from lass.queries.compact import CompactEncoder
from lass.queries.query import MAX_QUERY_CHARACTERS, Query, QueryEncoder, check_query

__all__ = ["MAX_QUERY_CHARACTERS", "CompactEncoder", "Query", "QueryEncoder", "check_query"]
