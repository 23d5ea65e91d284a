"""Does a webm end where its own structure says that it ends?

Demuxers skip a cut tail without a word. A webm is a list of elements (id, size, body), where only the
segment and its clusters may have an unknown size, as browsers write them; so a file is whole exactly
when each element ends inside it. The walk reads headers only, about 1 ms per thousand packets.
"""

_DESCEND = frozenset((0x18538067, 0x1F43B675))  # Segment, Cluster
_MAX_ID_BYTES = 4
_MAX_SIZE_BYTES = 8


def ends_early(data: bytes) -> bool:
    """Whether the file ends inside an element, or holds something that is none; true for no bytes."""
    position, whole = 0, len(data)
    while position < whole:
        id_bytes = _length(data[position])
        sized = position + id_bytes
        if id_bytes > _MAX_ID_BYTES or sized >= whole:
            return True
        size_bytes = _length(data[sized])
        body = sized + size_bytes
        if size_bytes > _MAX_SIZE_BYTES or body > whole:
            return True
        element = int.from_bytes(data[position:sized], "big")
        size = int.from_bytes(data[sized:body], "big") ^ (1 << 7 * size_bytes)
        unknown = size == (1 << 7 * size_bytes) - 1
        if (element not in _DESCEND) if unknown else (body + size > whole):
            return True
        position = body if element in _DESCEND else body + size
    return whole == 0


def _length(first_byte: int) -> int:
    """Bytes of a variable-length integer by its first byte: leading zero bits plus one."""
    return 9 - first_byte.bit_length()
