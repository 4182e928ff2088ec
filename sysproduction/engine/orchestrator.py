"""Assembles a run out of classes, plays it, and takes it down again however it ends."""

import hashlib
import inspect
import itertools
import os
import platform
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, Final

import numpy as np

from sysproduction.domain.bar_columns import BarColumns, Floats, Stamps, check_bars
from sysproduction.domain.errors import ConfigError, SysproductionError
from sysproduction.engine.broker import SimulatedBroker
from sysproduction.engine.bus import EventBus
from sysproduction.engine.desk import BusDesk
from sysproduction.engine.feed import Datafeed
from sysproduction.engine.ledger import Ledger
from sysproduction.engine.recorder import RunRecorder, Unrecorded
from sysproduction.engine.replay import Player, play_order
from sysproduction.engine.stage import Stage
from sysproduction.engine.strategy import Strategy
from sysproduction.ports import Clock, Journal, RunEnd, RunHeader, RunStatus
