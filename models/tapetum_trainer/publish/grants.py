"""For whom bundles are, device by device: values, signed by `repository`.

A device has, of the bundles that are for it, the one with the highest push. So one that is given to it is added with a
higher push, and what it had before stays signed for it until that is known to be over.
"""

from collections.abc import Collection, Mapping

import msgspec

from tapetum.update.offer import EVERYBODY, Contract

Contracts = Mapping[str, Contract]
"""What is signed, by `name@version`."""


def wider(before: Contract | None, contract: Contract) -> Contract:
    """Return `before`, what is signed of a bundle already, for those too that `contract` names, by its push."""
    if before is None:
        return contract
    named = dict.fromkeys(contract.to, contract.push)
    return msgspec.structs.replace(before, since={**before.since, **named}, epoch=max(before.epoch, contract.epoch))


def without(contract: Contract, devices: Collection[str]) -> Contract | None:
    """Return it for all but these, which it may name; None where nobody is left."""
    gone = frozenset(devices)
    to = tuple(name for name in contract.to if name not in gone)
    since = {name: push for name, push in contract.since.items() if name not in gone}
    return msgspec.structs.replace(contract, to=to, since=since) if to or since else None


def withdrawn(contracts: Contracts, model: str, devices: Collection[str]) -> dict[str, Contract]:
    """Return what is to be signed where `model` is no more for these; who had another before has that again."""
    left = without(contracts[model], devices) if model in contracts else None
    return {name: one for name, one in contracts.items() if name != model} | ({model: left} if left else {})


def settled(contracts: Contracts, model: str, devices: Collection[str]) -> dict[str, Contract]:
    """Return what is to be signed where these stay with `model`: what was pushed to them by name before it, goes."""
    newest = Pushes(contracts[model])
    found = dict[str, Contract]()
    for name, one in contracts.items():
        before = Pushes(one)
        older = [device for device in devices if before.of(device) < newest.of(device)]
        left = one if name == model else without(one, older)
        if left:
            found[name] = left
    return found


class Pushes:
    """By which push a bundle is for whom, for many to ask."""

    def __init__(self, contract: Contract) -> None:
        self._named = {**dict.fromkeys(contract.to, contract.push), **contract.since}
        self._everybody = contract.push if EVERYBODY in contract.to else 0

    def of(self, device: str) -> int:
        """Return the push; 0: it is not for that device."""
        return self._named.get(device, self._everybody)
