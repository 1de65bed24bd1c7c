"""The gateway and the runners of OMTX-Hub; the hub itself is not known here, only the protocol of `protocol.py`."""

__version__ = "0.1.0"
