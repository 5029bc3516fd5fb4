"""What can go wrong, sorted by who must act. Everything that is not here is a bug and ends the process."""


class TapetumError(Exception):
    """Base of the errors below; its text is written for the one who must act.

    key: the setting of the source that it is about, where that is not the one by which the source is found.
    """

    def __init__(self, text: str = "", key: str = "") -> None:
        super().__init__(text)
        self.key = key


class ConfigError(TapetumError):
    """The operator must act: exit 78. The text names file, key, and what would be right."""


class SourceError(TapetumError):
    """The camera gives no picture now. Nobody acts: it is opened again, more and more slowly."""


class InferenceError(TapetumError):
    """The model or its worker failed. Nobody acts: the worker is replaced."""


class BundleError(TapetumError):
    """The publisher of a model must act: it is refused, the running model stays."""


class Unreadable(BundleError):
    """The file is no sound bundle, or not a model that this runtime can load."""


class Unsuitable(BundleError):
    """The model, or the bundle, can be read, and is not one that this device can use (inputs, outputs, version)."""


class Untrusted(BundleError):
    """What was fetched is not signed as it must be, is not what was signed, or is out of date."""


class Rollback(Untrusted):
    """It is older than what the device has seen already: somebody sends what was, or forgot what they had sent."""


class UpdateError(TapetumError):
    """Nothing can be fetched now. Nobody acts: it is tried again."""
