package outbound

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Header carries "t=<unix seconds>,v1=<hex HMAC-SHA256(secret, t + "." + body)>";
// several v1 are allowed while a secret is being changed.
const Header = "X-CC-Signature"

const (
	// skew is how far the sender's clock may be from ours.
	skew      = 5 * time.Minute
	maxHeader = 1024
	maxSigns  = 5
)

// Why a signature is refused.
var (
	ErrSignature = errors.New("the signature is missing or wrong")
	ErrSkew      = errors.New("the time of the signature is more than five minutes away")
)

// Sign makes the header's value.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

func mac(secret, t string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Verify checks a header against a body.
func Verify(secret, header string, body []byte, now time.Time) error {
	if secret == "" || len(header) > maxHeader {
		return ErrSignature
	}
	var t string
	var signs []string
	for part := range strings.SplitSeq(header, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "t":
			t = value
		case "v1":
			signs = append(signs, value)
		}
	}
	at, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(signs) == 0 || len(signs) > maxSigns {
		return ErrSignature
	}
	want, ok := mac(secret, t, body), false
	for _, s := range signs {
		got, err := hex.DecodeString(s)
		if err == nil && hmac.Equal(got, want) {
			ok = true
		}
	}
	if !ok {
		return ErrSignature
	}
	if away := now.Sub(time.Unix(at, 0)); away > skew || away < -skew {
		return ErrSkew
	}
	return nil
}
