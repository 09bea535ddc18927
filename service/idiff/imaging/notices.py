"""Every notice that imaging gives about pictures it could use."""

from idiff.types import Notice


def gain_map_ignored(field: str) -> Notice:
    """An HDR gain map was left aside."""
    return Notice("gain_map_ignored", "The HDR gain map was ignored; the standard-range picture was judged.", field)


def extra_images_ignored(field: str) -> Notice:
    """A file of several pictures."""
    return Notice("extra_images_ignored", "The file holds several pictures; only the main one was judged.", field)


def hdr_tone_mapped(field: str) -> Notice:
    """A PQ or HLG picture."""
    return Notice("hdr_tone_mapped", "The HDR picture was tone mapped to standard range; its look may differ.", field)


def profile_invalid(field: str) -> Notice:
    """A profile that is broken or of another colour space than the picture."""
    message = "The embedded colour profile cannot be used; the colours were taken as sRGB."
    return Notice("profile_invalid", message, field)


def profile_missing(field: str) -> Notice:
    """CMYK whose inks are unknown."""
    message = "The picture is CMYK without a usable colour profile; its colours are approximate. Send sRGB instead."
    return Notice("profile_missing", message, field)


def alpha_composited(field: str) -> Notice:
    """A picture with transparent parts."""
    return Notice("alpha_composited", "Transparent parts were laid on white.", field)


def not_same_scene() -> Notice:
    """Two photos of different things."""
    message = "The photos do not seem to show the same scene; the verdict compares pictures of different things."
    return Notice("not_same_scene", message)


def alignment_failed() -> Notice:
    """Photos that look alike but offer too little to align by."""
    message = "The photos could not be aligned; the crops are their centres and may not show the same content."
    return Notice("alignment_failed", message)


def another_scene(field: str, first: str) -> Notice:
    """A photo of a ranking that shows something else than most."""
    message = f"This photo does not seem to show the same scene as {first}, to which all were aligned."
    return Notice("not_same_scene", message, field)


def unaligned(field: str, first: str) -> Notice:
    """A photo of a ranking that looks like the others but offers too little to align by."""
    message = f"This photo could not be aligned to {first}; its crop lies at the same place of the frame."
    return Notice("alignment_failed", message, field)


def low_resolution(field: str, side: int, enough: int) -> Notice:
    """A small photo; `side` is its shorter side, `enough` the least that is judged without this notice, pixels."""
    message = f"The photo's shorter side is {side} pixels; below {enough} there is little detail to judge."
    return Notice("low_resolution", message, field)


def resolution_differs(field: str) -> Notice:
    """The photo that resolves the common content in fewer pixels."""
    message = "This photo shows the same content in fewer pixels than the other; its crop was enlarged to match."
    return Notice("resolution_differs", message, field)
