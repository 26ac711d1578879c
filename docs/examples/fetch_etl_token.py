"""The tokens of fetch-etl: see token-format.md. It needs Python 3.9.5 or later."""
import base64, hashlib, hmac, ipaddress, re

BLANKS = "\t\n\v\f\r \xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"
PORT = "(?:[0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
UUID = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

def canonical(field, value):
    if field == "device_id":
        return (value.lower() if UUID.fullmatch(value) else value).encode()
    text = value.strip(BLANKS) if len(value) <= 128 else ""
    text = re.sub(rf"^(\[.+\]|[0-9A-Fa-f:]*(?:\.[0-9]+)+):{PORT}\Z", r"\1", text)
    text = re.sub(r"^\[([^][]+)\]\Z", r"\1", text)
    text = re.sub(r"^([^%]*:[^%]*)%[0-9A-Za-z_.~-]+\Z", r"\1", text)
    packed = ipaddress.ip_address(text.replace("%", "no zone")).packed
    return (bytes(10) + b"\xff\xff" + packed)[-16:]

def token(master, field, value):
    mac = lambda key, data: hmac.new(key, data, hashlib.sha256).digest()
    hkdf = lambda info, size: mac(mac(b"", master), info.encode() + b"\x01")[:size]
    base64url = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    try:
        digest = mac(hkdf("fetch-etl/v1/" + field, 32), canonical(field, value))
    except ValueError:  # not an address, or half a surrogate pair
        return None
    if value in ("", "00000000-0000-0000-0000-000000000000") or "\0" in value:
        return None
    return f"h1.{base64url(hkdf('fetch-etl/v1/kid', 6))}.{base64url(digest)}"
