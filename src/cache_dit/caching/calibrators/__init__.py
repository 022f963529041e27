"""Predictors: what stands in for skipped blocks, as weights over stored snapshots."""

from .dmd import DMD
from .foca import FoCa
from .hold import Hold
from .predictor import CalibratorRegister, Predictor
from .taylorseer import TaylorSeer

__all__ = ["DMD", "CalibratorRegister", "FoCa", "Hold", "Predictor", "TaylorSeer"]
