package fetchetl // The tokens of fetch-etl: see token-format.md. It needs Go 1.24.

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"regexp"
	"strings"
)

var uuid, b64 = regexp.MustCompile(`(?i)^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$`), base64.RawURLEncoding

func Token(master []byte, field, value string) string {
	address, err := netip.ParseAddr(value)
	if value == "" || value == "00000000-0000-0000-0000-000000000000" || field == "ip" && err != nil {
		return "" // there is no token
	}
	canonical := netip.AddrFrom16(address.As16()).AsSlice()
	if field == "device_id" {
		canonical = []byte(uuid.ReplaceAllStringFunc(value, strings.ToLower))
	}
	id, _ := hkdf.Key(sha256.New, master, nil, "fetch-etl/v1/kid", 6) // no error for lengths as short as these
	key, _ := hkdf.Key(sha256.New, master, nil, "fetch-etl/v1/"+field, 32)
	mac := hmac.New(sha256.New, key)
	mac.Write(canonical)
	return "h1." + b64.EncodeToString(id) + "." + b64.EncodeToString(mac.Sum(nil))
}
