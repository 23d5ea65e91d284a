"""Base58 with Bitcoin's alphabet, as Solana writes wallets and signatures."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}


class Base58Error(ValueError):
    """A text that is not the base58 of so many bytes."""

    def __init__(self, text: str, problem: str) -> None:
        self.text = text
        super().__init__(f"{text[:100]!r}: {problem}")


def encode(data: bytes) -> str:
    """The base58 text; each leading zero byte is a `1`."""
    number = int.from_bytes(data)
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


def decode(text: str, size_bytes: int) -> bytes:
    """The bytes of a base58 text.

    Args:
        text: Base58.
        size_bytes: How many bytes it must hold; also bounds the work.

    Raises:
        Base58Error: For another character or another number of bytes.
    """
    if len(text) > 2 * size_bytes:
        raise Base58Error(text, f"{len(text)} characters for {size_bytes} bytes")
    number = 0
    for character in text:
        if character not in _VALUES:
            raise Base58Error(text, f"{character!r} is no base58 character")
        number = number * 58 + _VALUES[character]
    zeros = len(text) - len(text.lstrip("1"))
    data = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)
    if len(data) != size_bytes:
        raise Base58Error(text, f"holds {len(data)} bytes (needed: {size_bytes})")
    return data
