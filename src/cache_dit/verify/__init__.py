"""Proof that a model works, cached or over several ranks: on a laptop, with a tiny copy of it."""

from cache_dit.verify.cache_check import check_cache
from cache_dit.verify.report import Finding, Report

__all__ = ["Finding", "Report", "check_cache"]
