"""The processes that the agents run in, and the one that carries what they say."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from agent import Agent
from client import Receiver, Sender
from topics import INBOX, OUTBOX, agent_of


@dataclass(frozen=True)
class Plan:
    bootstrap: str
    agents: int
    requests: int


@dataclass(frozen=True)
class Done:
    """What a process says of itself at its end."""

    who: str
    sent: int
    resident_mib: float


def host(plan: Plan, first: int, last: int, told: Queue[object], stop: Event) -> None:
    """Runs the agents from `first` up to, not including, `last`."""
    sender = Sender(plan.bootstrap)
    agents = {number: Agent(number, plan.agents, plan.requests, sender) for number in range(first, last)}
    inboxes = Receiver(plan.bootstrap, range(first, last), INBOX)
    for agent in agents.values():
        agent.ask()
    open_agents = set(agents)
    while not stop.is_set():
        changed = {}
        for message in inboxes.read():
            agent = agents[agent_of(message.topic())]
            agent.take(message)
            changed[agent.number] = agent
        for agent in changed.values():  # once for all that came to it
            agent.save()
            if agent.has_all_replies and agent.number in open_agents:
                open_agents.remove(agent.number)
                if not open_agents:
                    told.put(f"agents {first} to {last - 1} have all their replies")
        sender.poll()
    _end(f"host of agents {first} to {last - 1}", sender, told)
    inboxes.close()


def carrier(plan: Plan, told: Queue[object], stop: Event) -> None:
    """Brings what is in an agent's outbox to the inbox of whom it is for: the key says who that is."""
    sender = Sender(plan.bootstrap)
    outboxes = Receiver(plan.bootstrap, range(plan.agents), OUTBOX)
    while not stop.is_set():
        for message in outboxes.read():
            sender.send(int(message.key()), INBOX, message.key(), message.value(), message.headers())
        sender.poll()
    _end("carrier", sender, told)
    outboxes.close()


def _end(who: str, sender: Sender, told: Queue[object]) -> None:
    sender.flush()
    told.put(Done(who, sender.delivered, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
