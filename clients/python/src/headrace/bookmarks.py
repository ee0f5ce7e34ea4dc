"""Bookmarks: a group's positions and a training's state, kept by the server under a job and a step."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

ABSENT = 404
UNAVAILABLE = 503
RETRY_S = 0.1
# Whatever http_proxy says: the admin listener is for those who reach it.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class BookmarkError(RuntimeError):
    """The server refused; the message is its own, and `status` that of HTTP: 404 if there is no such bookmark."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Saved:
    """One of the bookmarks that there are."""

    job: str
    step: int
    saved_ms: int
    """When, in milliseconds since 1970."""


@dataclass(frozen=True)
class Bookmarks:
    """Asks the server's admin listener (``http://127.0.0.1:9644``).

    What is saved is durable when `save` returns, and what is restored when `restore` does. A server that is being
    started, or is busy, is asked again for up to `wait_s`; all calls may be repeated. Safe for threads.
    """

    admin_url: str
    wait_s: float = 60.0
    timeout_s: float = 90.0

    def save(self, job: str, step: int, *, group: str | None = None, state: Mapping[str, Any] | None = None) -> None:
        """Keeps all committed positions of `group`, `state` (plain values that JSON can carry), or both.

        A bookmark of the same job and step is replaced. The positions are those of one moment, so commit before,
        in all members, what belongs to the step.
        """
        body: dict[str, Any] = {}
        if group is not None:
            body["group"] = group
        if state is not None:
            body["state"] = json.dumps(state)
        self._ask(_path(job, step), body)

    def restore(self, job: str, step: int, *, group: str | None = None) -> dict[str, Any] | None:
        """Gives the positions back to their group, or to another one; returns the state, None if there is none.

        The group must have no members. It has all of the bookmark's positions then and no other; where this raises
        `BookmarkError` with a status other than 503, all that it had. After 503 or any other exception it has one or
        the other: ask again. Its consumers must read what has no position from the earliest offset.
        """
        answer = self._ask(_path(job, step) + "/restore", {} if group is None else {"group": group})
        return _state(answer)

    def state(self, job: str, step: int) -> dict[str, Any] | None:
        """The state alone; no group is touched."""
        return _state(self._ask(_path(job, step)))

    def list(self, job: str | None = None) -> Iterator[Saved]:
        """The bookmarks of a job, or all, in order of job and step."""
        after = ""
        while True:
            query = {"after": after} if job is None else {"after": after, "job": job}
            page = self._ask("/bookmarks?" + urllib.parse.urlencode(query))["bookmarks"]
            for found in page:
                after = found["bookmark"]
                name, _, step = after.rpartition("@")
                yield Saved(name, int(step), int(found["savedMs"]))
            if not page:
                return

    def last_step(self, job: str) -> int | None:
        """The highest step that a bookmark of the job has; None if there is none."""
        return max((saved.step for saved in self.list(job)), default=None)

    def delete(self, job: str, step: int) -> None:
        """Deletes a bookmark, which has to be there."""
        self._ask(_path(job, step) + "/delete", {})

    def note(self, group: str, **notes: str) -> dict[str, str]:
        """Adds notes on the run of a group, which ``headrace lineage export`` writes down; returns all of them.

        An empty text takes a note away. They are durable when this returns.
        """
        found: dict[str, str] = self._ask("/notes?" + urllib.parse.urlencode({"group": group}), notes)["notes"]
        return found

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        deadline = time.monotonic() + self.wait_s
        is_repeated = False
        while True:
            try:
                return self._ask_once(path, body)
            except BookmarkError as refused:
                if refused.status == ABSENT and is_repeated and path.endswith("/delete"):
                    return {}  # done at first, when the answer was lost
                if refused.status != UNAVAILABLE or time.monotonic() > deadline:
                    raise
            except (OSError, http.client.HTTPException):  # OSError: a timeout, too
                if time.monotonic() > deadline:
                    raise
            is_repeated = True
            time.sleep(RETRY_S)

    def _ask_once(self, path: str, body: Mapping[str, Any] | None) -> Any:
        url = self.admin_url.rstrip("/") + path
        data = None if body is None else json.dumps(body).encode()
        # The server takes no POST without this header, which no web page can make a browser send.
        request = urllib.request.Request(url, data, {"X-Headrace": "1"})
        try:
            with OPENER.open(request, timeout=self.timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                raise BookmarkError(refused.code, _message(refused.read())) from None


def _path(job: str, step: int) -> str:
    return "/bookmarks/" + urllib.parse.quote(f"{job}@{step}", safe="")


def _state(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    text = answer.get("state")
    if text is None:
        return None
    state: dict[str, Any] = json.loads(text)
    return state


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
