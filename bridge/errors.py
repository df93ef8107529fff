"""The one shape that every refusal of the bridge has, whoever is told about it.

An error says *what* went wrong as a stable `code` that programs compare, as a sentence that people read, *where* in
their input it lies, and *what to do* about it. It knows nothing of HTTP or WebSockets: each door maps codes to what its
protocol has (status codes, close codes, problem documents).
"""

from __future__ import annotations


class BridgeError(Exception):
    """A refusal that may be shown to whoever caused it.

    `code` is a stable word in snake_case. `message` is one sentence in plain English. `field` names the part of the
    input that is at fault ("room", "grants[0]", "m-line 2"), if one is. `hint` says how to mend it, if that is known.
    None of them ever holds a token, a key, a name or an address: they are logged and sent.
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint

    def __str__(self) -> str:
        text = self.message if self.field is None else f"{self.field}: {self.message}"
        return text if self.hint is None else f"{text} ({self.hint})"

    def as_dict(self) -> dict[str, str]:
        """The error as doors send it: `code`, `message`, and `field` and `hint` where there are any."""
        body = {"code": self.code, "message": self.message}
        if self.field is not None:
            body["field"] = self.field
        if self.hint is not None:
            body["hint"] = self.hint
        return body


class StorageError(Exception):
    """The database cannot be reached, cannot be used, or refuses. What it says is for the operator only.

    It is no `BridgeError`, so that no door passes it on.
    """
