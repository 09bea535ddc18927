"""Multipart forms, right and wrong in every way that their text allows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from fuzz_bytes import flip, mutated
from fuzz_photos import photographs

from idiff.upload import OPTIONS


@dataclass(frozen=True, slots=True)
class Part:
    """A field: the lines before its content, and the content."""

    head: bytes
    content: bytes

    @classmethod
    def photo(cls, name: str, content: bytes) -> "Part":
        """A file's."""
        return cls(b'Content-Disposition: form-data; name="%s"; filename="photo"' % name.encode(), content)

    @classmethod
    def option(cls, name: str, value: bytes) -> "Part":
        """A text's."""
        return cls(b'Content-Disposition: form-data; name="%s"' % name.encode(), value)


@dataclass(frozen=True, slots=True)
class Form:
    """What a request sends: `boundary` separates its parts, and `declared` is the content type that names it.

    `headers`: further lines of the request's head.
    """

    parts: tuple[Part, ...]
    declared: bytes = b"multipart/form-data; boundary=fuzz"
    boundary: bytes = b"fuzz"
    end: bytes = b"--\r\n"
    line: bytes = b"\r\n"
    headers: tuple[bytes, ...] = ()

    def body(self) -> bytes:
        """Its bytes."""
        parts = (
            b"--" + self.boundary + self.line + part.head + 2 * self.line + part.content + self.line
            for part in self.parts
        )
        return b"".join(parts) + b"--" + self.boundary + self.end


LAYOUTS: Final = (
    ("image_a", "image_b"),
    ("image_a", "image_b"),
    ("image_a", "image_b"),
    ("image_a", "image_b", "crop_a", "crop_b"),
    ("merged_global",),
    ("merged_global", "merged_crop"),
)


def ordinary(random: Random) -> Form:
    """A form as the documentation wants it, of photographs in any formats."""
    parts = []
    for field in random.choice(LAYOUTS):
        content = random.choice(list(photographs("b" if field.endswith("_b") else "a").values()))
        parts.append(Part.photo(field, content))
    for name, values in OPTIONS.items():
        if random.random() < 0.2:
            parts.append(Part.option(name, random.choice(values).encode()))
    return Form(tuple(parts))


def damaged(random: Random) -> tuple[Form, str]:
    """An ordinary form with one of its photos damaged, and that photo's format and damage."""
    form = ordinary(random)
    at = random.randrange(sum(b"filename" in part.head for part in form.parts))
    way, whole = random.choice(list(photographs("a").items()))
    content, done = mutated(whole, random)
    parts = (*form.parts[:at], Part(form.parts[at].head, content), *form.parts[at + 1 :])
    return replace(form, parts=parts), f"{way} {done}"


def broken(random: Random) -> tuple[Form, str]:
    """An ordinary form after one or two of the mutators, and their names."""
    form = ordinary(random)
    chosen = random.choices(MUTATORS, k=random.choice((1, 1, 2)))
    for mutate in chosen:
        form = mutate(form, random)
    return form, "+".join(mutate.__name__ for mutate in chosen)


Mutator = Callable[[Form, Random], Form]

WORDS: Final = (
    b"", b"image_a", b"IMAGE_A", b"image_c", b"merged_global", b"crop_a", b"category", b"_charset_", b"a" * 5000,
    b"\x00", b'im"age', b"im\\", b"\xc3\xbc", b"\xff\xfe", b"../../etc/passwd",
)  # fmt: skip
VALUES: Final = (b"", b"auto", b"AUTO", b"true", b"\xff\xfe\xfd", b"x" * 1025, b"x" * 100_000, b"null", b"auto\r\n")
HEADS: Final = (
    b"", b"no colon", b": no name", b"X" * 20_000 + b": long", b"Content-Transfer-Encoding: base64",
    b"Content-Type: multipart/mixed; boundary=inner", b"Content-Type: image/jpeg; charset=utf-16", b"X: \xff\x00",
    b"Content-Disposition: form-data; name=category", b"Content-Disposition: attachment", b"Content-Length: 5",
    b"Content-Disposition: form-data; name*=utf-8''image_a; filename*=utf-16''%ff",
    b"\r\nX: after the end", b"Folded: a\r\n b",
)  # fmt: skip
TYPES: Final = (
    b"multipart/form-data", b"multipart/form-data; boundary=", b"multipart/form-data; boundary=other",
    b'multipart/form-data; boundary="fuzz"', b'multipart/form-data; boundary="fuzz',
    b"multipart/form-data;boundary=fuzz;boundary=b", b"multipart/form-data; boundary=fuzz; charset=undefined",
    b"multipart/form-data; boundary=fuzz; charset=utf-16", b"multipart/form-data; boundary=fuzz; charset=rot13",
    b"multipart/form-data; boundary=fuzz; charset=idna", b"multipart/form-data; boundary=fuzz; charset=nonsense",
    b"MULTIPART/FORM-DATA; BOUNDARY=fuzz", b"multipart/mixed; boundary=fuzz", b"application/json", b"image/jpeg", b"",
    b"multipart/form-data; boundary=" + b"x" * 2000, b"multipart/form-data; boundary=f\xfc", b"; boundary=fuzz",
)  # fmt: skip

HEADERS: Final = (
    b"Accept: text/event-stream", b"Accept: text/event-stream;q=x, */*;q=", b"Accept: \xff;;;,,,",
    b"X-Request-Timeout-Ms: 60000", b"X-Request-Timeout-Ms: -1", b"X-Request-Timeout-Ms: 1e3",
    b"X-Request-Timeout-Ms: \xb2", b"X-Request-Id: \xff\xfe", b"X-Request-Id: " + b"r" * 5000,
    b"traceparent: 00-" + b"f" * 32 + b"-" + b"f" * 16 + b"-01", b"traceparent: 00--", b"Authorization: Bearer",
    b"Authorization: \xff", b"Content-Encoding: gzip", b"Accept-Encoding: br", b"Expect: 100-continue",
    b"Cookie: " + b"c=" * 2000, b"Connection: close", b"Range: bytes=0-1", b"Origin: null",
)  # fmt: skip


def rename(form: Form, random: Random) -> Form:
    """A field under another name."""
    head = b'Content-Disposition: form-data; name="%s"; filename="photo"' % random.choice(WORDS)
    return _with(form, random, lambda part: Part(head, part.content))


def unnamed(form: Form, random: Random) -> Form:
    """A file without its name, its file name or both."""
    heads = (b"Content-Disposition: form-data", b'Content-Disposition: form-data; filename="x"',
             b'Content-Disposition: form-data; name="image_a"')  # fmt: skip
    head = random.choice(heads)
    return _with(form, random, lambda part: Part(head, part.content))


def damaged_head(form: Form, random: Random) -> Form:
    """Bits of a part's head turned over."""
    return _with(form, random, lambda part: Part(flip(part.head, random), part.content))


def more_head(form: Form, random: Random) -> Form:
    """A strange line before or after a part's own."""
    line, first = random.choice(HEADS), random.random() < 0.5
    lines = (lambda head: line + b"\r\n" + head) if first else (lambda head: head + b"\r\n" + line)
    return _with(form, random, lambda part: Part(lines(part.head), part.content))


def option(form: Form, random: Random) -> Form:
    """An option of any value."""
    name = random.choice(list(OPTIONS))
    return replace(form, parts=(*form.parts, Part.option(name, random.choice(VALUES))))


def option_as_file(form: Form, random: Random) -> Form:
    """An option sent as a file."""
    return replace(form, parts=(*form.parts, Part.photo("category", b"auto")))


def drop(form: Form, random: Random) -> Form:
    """A field less."""
    at = random.randrange(len(form.parts) or 1)
    return replace(form, parts=form.parts[:at] + form.parts[at + 1 :])


def twice(form: Form, random: Random) -> Form:
    """A field again."""
    return replace(form, parts=(*form.parts, *form.parts[:1]))


def shuffle(form: Form, random: Random) -> Form:
    """The fields in another order, which is allowed."""
    return replace(form, parts=tuple(random.sample(form.parts, len(form.parts))))


def empty(form: Form, random: Random) -> Form:
    """A field without content."""
    return _with(form, random, lambda part: Part(part.head, b""))


def many(form: Form, random: Random) -> Form:
    """More fields than anyone needs."""
    small = [Part.option(f"f{number}", b"x") for number in range(random.choice((10, 17, 5000)))]
    return replace(form, parts=(*form.parts, *small))


def boundary_within(form: Form, random: Random) -> Form:
    """The boundary in the middle of a photo."""

    def cut(part: Part) -> Part:
        at = random.randrange(len(part.content) + 1)
        return Part(part.head, part.content[:at] + b"\r\n--" + form.boundary + b"\r\n" + part.content[at:])

    return _with(form, random, cut)


def another_type(form: Form, random: Random) -> Form:
    """Another content type than the body's."""
    return replace(form, declared=random.choice(TYPES))


def another_boundary(form: Form, random: Random) -> Form:
    """A strange boundary, and the one declared."""
    boundary = random.choice((b"-", b"--", b" ", b"'()+_,-./:=?", b"y" * 70, b"y" * 5000, b"0"))
    return replace(form, boundary=boundary, declared=b'multipart/form-data; boundary="' + boundary + b'"')


def another_end(form: Form, random: Random) -> Form:
    """No end, half of it, or something after it."""
    ends = (b"", b"-", b"\r\n", b"--", b"--\r\n" + random.randbytes(5000), b"--x", b"\n")
    return replace(form, end=random.choice(ends))


def bare_lines(form: Form, random: Random) -> Form:
    """Lines that end as no form's may."""
    return replace(form, line=random.choice((b"\n", b"\r", b"\r\r\n", b"")))


def header(form: Form, random: Random) -> Form:
    """A header that says something strange."""
    return replace(form, headers=(*form.headers, random.choice(HEADERS)))


MUTATORS: Final[tuple[Mutator, ...]] = (
    rename, unnamed, damaged_head, more_head, option, option_as_file, drop, twice, shuffle, empty, many,
    boundary_within, another_type, another_boundary, another_end, bare_lines, header, header, header,
)  # fmt: skip


def _with(form: Form, random: Random, change: Callable[[Part], Part]) -> Form:
    """The form with one of its parts changed."""
    if not form.parts:
        return form
    at = random.randrange(len(form.parts))
    return replace(form, parts=(*form.parts[:at], change(form.parts[at]), *form.parts[at + 1 :]))
