"""Text that came from elsewhere, before it goes into a log, a message or on a terminal."""


def plain(text: str, longest: int) -> str:
    """Return `text` as one line of at most `longest` characters that cannot tell a reader what to do.

    White space becomes a blank, and "?" stands for what has no picture of its own: control characters, with which a
    terminal is driven, and those that turn the direction of writing (Unicode Standard Annex 9) or join letters unseen.
    """
    line = " ".join(text[: 4 * longest].split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:longest]
