"""The one error that ends a run or refuses a request, with its category and words for its owner."""

from __future__ import annotations

import re

from omtx_worker.protocol import Category, RunError


class Failure(Exception):  # noqa: N818 - it is what the run ended with, not a fault of the program
    """Why it cannot be done.

    `field` is the path of the input at fault, where one is; `retry_after_s` is when it may be tried again, where
    somebody said so.
    """

    def __init__(
        self,
        category: Category,
        code: str,
        message: str,
        field: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.category: Category = category
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s

    def told(self, log_tail: str) -> RunError:
        """The same as the protocol says it, with the end of the run's log."""
        return RunError(
            category=self.category,
            code=self.code,
            message=self.message,
            log_tail=log_tail,
            retry_after_s=self.retry_after_s,
        )


def user_failure(code: str, message: str) -> Failure:
    """A fault of the input, which its owner can mend."""
    return Failure("user", code, message)


def system_failure(code: str, message: str) -> Failure:
    """A fault of ours, which its owner cannot mend."""
    return Failure("system", code, message)


def of_text(text: str, size: str) -> Failure | None:
    """The failure that a model's or a provider's text is known for; `size` is that of the input, in words."""
    lower = text.lower()
    for known, failure in _KNOWN:
        if known.search(lower):
            of_size = f" (size of the input: {size})" if size and failure.code == "out_of_memory" else ""
            return Failure(failure.category, failure.code, failure.message + of_size)
    return None


_KNOWN = [
    (re.compile(known), failure)
    for known, failure in (
        (r"cuda.*out of memory|gpu out of memory|ran out of memory|cuda error: out of memory",
         system_failure("out_of_memory", "the GPU ran out of memory")),
        (r"out of memory|\boom\b|exit code:? 137|memoryerror",
         system_failure("out_of_memory", "the machine ran out of memory")),
        (r"invalid protein sequence", user_failure("invalid", "the model refused the protein sequence as invalid")),
        (r"quota exceeded|resource ?exhausted",
         Failure("quota", "quota", "the compute provider's quota is used up for now")),
        (r"preempt", Failure("transient", "preempted", "the machine was taken away while the run was going on")),
        (r"network timeout|connection (?:reset|refused|aborted)|temporary failure in name resolution",
         Failure("transient", "network", "the network failed while the run was going on")),
    )
]  # fmt: skip
