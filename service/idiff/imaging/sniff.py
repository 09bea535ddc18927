"""Which format some bytes are, by their first bytes and, for TIFF, by the marks of camera RAW in its directories."""

from typing import Literal

from idiff.errors import RawUnsupported, UnsupportedImage
from idiff.imaging import tiff

Format = Literal["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"]

SUPPORTED = "JPEG, PNG, WebP, TIFF, HEIC or AVIF"

_RAW_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (0, b"IIRO", "Olympus ORF"),
    (0, b"IIRS", "Olympus ORF"),
    (0, b"MMOR", "Olympus ORF"),
    (0, b"IIU\x00", "Panasonic RW2"),
    (0, b"FOVb", "Sigma X3F"),
    (0, b"\x00MRM", "Minolta MRW"),
    (4, b"ftypcrx ", "Canon CR3"),
    (6, b"HEAPCCDR", "Canon CRW"),
    (8, b"CR\x02", "Canon CR2"),
)
_REFUSED_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"8BPS", "Photoshop PSD"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
)
_TIFF_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif")

_MAKE, _COMPRESSION, _PHOTOMETRIC, _DNG_VERSION, _NEW_SUBFILE_TYPE = 0x010F, 0x0103, 0x0106, 0xC612, 0x00FE
_SENSOR_PHOTOMETRIC = {32803, 34892}
_SENSOR_COMPRESSION = {32767: "Sony ARW", 32770: "Samsung SRW", 34713: "Nikon NEF", 65535: "Pentax PEF"}
_RAW_MAKES = {b"NIKON": "Nikon NEF", b"SONY": "Sony ARW", b"PENTAX": "Pentax PEF", b"Hasselblad": "Hasselblad 3FR"}


def sniff(data: bytes, field: str) -> Format:
    """The format of a supported picture.

    Raises `RawUnsupported` for camera RAW and `UnsupportedImage` for everything else that is not one of the six.
    """
    for offset, magic, name in _RAW_MAGIC:
        if data.startswith(magic, offset):
            raise _raw(name, field)
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(_TIFF_MAGIC):
        raw = _raw_tiff(data)
        if raw is not None:
            raise _raw(raw, field)
        return "TIFF"
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        if b"avif" in brands or b"avis" in brands:
            return "AVIF"
        if any(brand in brands for brand in _HEIF_BRANDS):
            return "HEIF"
    named = next((name for magic, name in _REFUSED_MAGIC if data.startswith(magic)), None)
    what = f"a {named} file" if named else "not a picture iDiff knows"
    raise UnsupportedImage(f"The file in '{field}' is {what}. Send {SUPPORTED}.", field=field)


def _brands(data: bytes) -> list[bytes]:
    """Major and compatible brands of an ISO base media file (ISO/IEC 14496-12, 4.3)."""
    end = min(int.from_bytes(data[:4], "big"), len(data), 512)
    return [data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))]


def _raw_tiff(data: bytes) -> str | None:
    """The kind of camera RAW a TIFF structure is, None for an ordinary TIFF."""
    main = tiff.directories(data)
    everything = main + [child for tags in main[:4] for child in tiff.children(data, tags, tiff.SUB_IFDS)]
    if any(_DNG_VERSION in tags for tags in everything):
        return "DNG"
    make = next((tags[_MAKE] for tags in main if _MAKE in tags), b"")
    maker = next(
        (name for start, name in _RAW_MAKES.items() if isinstance(make, bytes) and make.startswith(start)), None
    )
    for tags in everything:
        compression = tiff.number(tags, _COMPRESSION)
        if compression in _SENSOR_COMPRESSION:
            return _SENSOR_COMPRESSION[compression]
        if tiff.number(tags, _PHOTOMETRIC) in _SENSOR_PHOTOMETRIC:
            return maker or "camera RAW"
    preview_first = bool(main) and tiff.number(main[0], _NEW_SUBFILE_TYPE) == 1 and tiff.SUB_IFDS in main[0]
    return maker if preview_first else None


def _raw(name: str, field: str) -> RawUnsupported:
    return RawUnsupported(
        f"The file in '{field}' is a {name} file. How a RAW file looks depends on the program that develops it, and "
        f"iDiff judges developed pictures: export it, or take the camera's own JPEG, and send {SUPPORTED}.",
        field=field,
    )
