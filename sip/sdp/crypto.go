package sdp

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
)

// Policy says what a peer may or must do about SRTP.
type Policy string

// The policies: plain RTP only, SRTP when offered, SRTP or nothing.
const (
	Off      Policy = "off"
	Optional Policy = "optional"
	Required Policy = "required"
)

// suites in the order we prefer (AES-GCM first), with key + salt bytes
// (RFC 4568 6.2, RFC 7714 14.2).
var suites = []struct {
	name string
	key  int
}{
	{"AEAD_AES_128_GCM", 28}, {"AEAD_AES_256_GCM", 44},
	{"AES_CM_128_HMAC_SHA1_80", 30}, {"AES_CM_128_HMAC_SHA1_32", 30},
}

// Keys are the SDES keys agreed: master key followed by salt, per direction.
type Keys struct {
	Suite      string
	Send, Recv []byte
}

type crypto struct {
	tag   int
	suite string
	key   []byte
}

func keyLength(suite string) int {
	for _, s := range suites {
		if s.name == suite {
			return s.key
		}
	}
	return 0
}

// parseCrypto reads the value of a=crypto. Lines with an unknown suite, an MKI,
// or a session parameter we would have to obey are not ok.
func parseCrypto(value string) (c crypto, ok bool) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return c, false
	}
	tag, err := strconv.Atoi(f[0])
	if err != nil || tag < 0 || tag > 999999999 {
		return c, false
	}
	want := keyLength(f[1])
	if want == 0 {
		return c, false
	}
	first, _, _ := strings.Cut(f[2], ";")
	inline, found := strings.CutPrefix(first, "inline:")
	if !found {
		return c, false
	}
	parts := strings.Split(inline, "|")
	for _, p := range parts[1:] {
		if strings.Contains(p, ":") {
			return c, false
		}
	}
	key, err := base64.StdEncoding.DecodeString(parts[0])
	if err != nil {
		key, err = base64.RawStdEncoding.DecodeString(parts[0])
	}
	if err != nil || len(key) != want {
		return c, false
	}
	for _, p := range f[3:] {
		if !strings.HasPrefix(p, "-") && !strings.HasPrefix(strings.ToUpper(p), "WSH=") {
			return c, false
		}
	}
	return crypto{tag, f[1], key}, true
}

// chooseCrypto picks the line of the offer that we prefer.
func chooseCrypto(m *Media) (best crypto, ok bool) {
	for _, s := range suites {
		for _, a := range m.Attributes {
			if !strings.EqualFold(a.Name, "crypto") {
				continue
			}
			if c, good := parseCrypto(a.Value); good && c.suite == s.name {
				return c, true
			}
		}
	}
	return best, false
}

func (c crypto) String() string {
	return strconv.Itoa(c.tag) + " " + c.suite + " inline:" + base64.StdEncoding.EncodeToString(c.key)
}

func newKey(suite string) []byte {
	k := make([]byte, keyLength(suite))
	rand.Read(k)
	return k
}
