"""An agent: reads its inbox, and writes its outbox and its state, no other topic."""

from __future__ import annotations

import json
import random

from confluent_kafka import Message

from client import Headers, Sender
from topics import OUTBOX, STATE

REPLY_TO, CORRELATION = "reply-to", "correlation-id"


class Agent:
    """Asks others for the square of a number, one question at a time, and answers theirs."""

    def __init__(self, number: int, agents: int, requests: int, sender: Sender) -> None:
        self.number = number
        self._name = str(number).encode()
        self._others = random.Random(number)
        self._agents = agents
        self._requests = requests
        self._sender = sender
        self._question = -1
        self.asked = self.replies = self.answered = 0

    @property
    def has_all_replies(self) -> bool:
        return self.replies == self._requests

    def ask(self) -> None:
        if self.asked == self._requests:
            return
        to = (self.number + self._others.randrange(1, self._agents)) % self._agents
        self._question = self._others.randrange(1000)
        self.asked += 1
        headers = [(REPLY_TO, self._name), (CORRELATION, str(self.asked).encode())]
        self._say(str(to).encode(), str(self._question).encode(), headers)

    def take(self, message: Message) -> None:
        """A request of another agent, or a reply to its own."""
        headers = dict(message.headers())
        if REPLY_TO in headers:
            self.answered += 1
            answer = int(message.value()) ** 2
            self._say(headers[REPLY_TO], str(answer).encode(), [(CORRELATION, headers[CORRELATION])])
        elif int(headers[CORRELATION]) == self.asked and int(message.value()) == self._question**2:
            self.replies += 1
            self.ask()
        else:
            raise RuntimeError(f"not what was asked: agent={self.number} asked={self.asked} reply={message.value()!r}")

    def save(self) -> None:
        """Its newest state; of those before, compaction leaves none."""
        state = {"asked": self.asked, "replies": self.replies, "answered": self.answered}
        self._sender.send(self.number, STATE, b"state", json.dumps(state).encode(), [])

    def _say(self, to: bytes, value: bytes, headers: Headers) -> None:
        self._sender.send(self.number, OUTBOX, to, value, headers)
