"""The tests' own PostgreSQL clusters: see `prewatt.server.bench.cluster`."""

from prewatt.server.bench.cluster import Cluster, cluster

__all__ = ["Cluster", "cluster"]
