package contact

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
)

// Kind is what sort of address an identity is.
type Kind string

// The kinds of identities.
const (
	KindPhone  Kind = "phone"  // E.164 where the number can be read so, otherwise the digits as dialled
	KindEmail  Kind = "email"  // lower case
	KindLogin  Kind = "login"  // id of the customer's own site, account is the site
	KindDevice Kind = "device" // of a browser or an app
	KindWeChat Kind = "wechat" // openid with the account, unionid without
	KindWeCom  Kind = "wecom"
	KindWeibo  Kind = "weibo"
	KindQQ     Kind = "qq"
	KindCustom Kind = "custom"
)

// Kinds in the order in which people look for them.
var Kinds = []Kind{KindPhone, KindEmail, KindLogin, KindWeChat, KindWeCom, KindWeibo, KindQQ, KindDevice, KindCustom}

// Identity is one address of a contact.
type Identity struct {
	ID       int64
	Contact  ID // the one that it was given to, also after a merge
	Kind     Kind
	Account  string
	Value    string // normalised
	Verified bool
	// Carried says that the channel itself brought it (a caller's number, a browser's device), so nobody else has it.
	Carried   bool
	Source    string // the channel or the user who gave it
	CreatedAt time.Time
}

// ErrIdentity says that a value is no identity of its kind; the text tells why.
var ErrIdentity = errors.New("not an identity")

const (
	maxValue   = 320 // bytes; the longest e-mail address (RFC 5321 section 4.5.3.1)
	maxAccount = 100
	maxSource  = 64
	maxName    = 200
)

// Normalise brings a value into the one form under which it is kept and found.
// region is the country of phone numbers without an international prefix.
func Normalise(kind Kind, value, region string) (string, error) {
	value = strings.TrimSpace(norm.NFKC.String(strings.ToValidUTF8(value, "")))
	if strings.ContainsFunc(value, unicode.IsControl) || len(value) > maxValue || value == "" {
		return "", fmt.Errorf("%w: a %s has 1 to %d bytes without control characters", ErrIdentity, kind, maxValue)
	}
	switch kind {
	case KindPhone:
		return normalisePhone(value, region)
	case KindEmail:
		return normaliseEmail(value)
	case KindLogin, KindDevice, KindWeChat, KindWeCom, KindWeibo, KindQQ, KindCustom:
		return value, nil
	}
	return "", fmt.Errorf("%w: no kind %q", ErrIdentity, kind)
}

// normalisePhone is E.164 for what is a number of the world's plan, otherwise what was
// dialled. What has fewer than three digits, or letters, is no phone.
func normalisePhone(s, region string) (string, error) {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9', r == '+' && i == 0:
			b.WriteRune(r)
		case strings.ContainsRune(" -().·/\u00a0\u2010\u2011\u2013", r):
		default:
			return "", fmt.Errorf("%w: a phone number has digits only, with + in front or not", ErrIdentity)
		}
	}
	digits := b.String()
	if n := len(strings.TrimPrefix(digits, "+")); n < 3 || n > 20 {
		return "", fmt.Errorf("%w: a phone number has 3 to 20 digits", ErrIdentity)
	}
	if e164 := worldNumber(digits, region); e164 != "" {
		return e164, nil
	}
	return digits, nil
}

// worldNumber is digits as E.164, "" when they are no number of any country. A number that
// carries its country code without + or with 00 in front is tried as one too.
func worldNumber(digits, region string) string {
	tries := []struct{ number, region string }{{digits, region}}
	if bare, ok := strings.CutPrefix(digits, "00"); ok {
		tries = append(tries, struct{ number, region string }{"+" + bare, ""})
	}
	if code := phonenumbers.GetCountryCodeForRegion(region); code != 0 && strings.HasPrefix(digits, fmt.Sprint(code)) {
		tries = append(tries, struct{ number, region string }{"+" + digits, ""})
	}
	for _, t := range tries {
		if p, err := phonenumbers.Parse(t.number, t.region); err == nil && phonenumbers.IsValidNumber(p) {
			return phonenumbers.Format(p, phonenumbers.E164)
		}
	}
	return ""
}

func normaliseEmail(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || !strings.Contains(a.Address, "@") || strings.ContainsAny(a.Address, " \t\"") || len(a.Address) > maxValue {
		return "", fmt.Errorf("%w: an e-mail address looks like name@example.com", ErrIdentity)
	}
	return strings.ToLower(a.Address), nil
}

// hash is the keyed hash of an identity: HMAC-SHA256 over its parts, none of which holds a zero byte.
func hash(key []byte, kind Kind, account, value string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(string(kind) + "\x00" + account + "\x00" + value))
	return h.Sum(nil)
}

// clean takes out of a text what PostgreSQL cannot hold and people cannot see, and cuts it to n bytes.
func clean(s string, n int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// cleanLines is clean for a text of several lines, without a bound.
func cleanLines(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}
