package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"tingxin/chat"
)

const (
	// tokenLife is how long a token opens the chat, renewLife how long it can be made new.
	tokenLife = time.Hour
	renewLife = 180 * 24 * time.Hour
	// maxToken and maxUser bound what is looked at.
	maxToken = 1024
	maxUser  = 200
)

// visitor is who is at the other end.
type visitor struct {
	ID   string `json:"v"`           // random, of a browser
	Site string `json:"s"`           //
	User string `json:"u,omitempty"` // the host's id, proven
	At   int64  `json:"t"`           // issued, Unix seconds
}

// external is what chat calls the visitor.
func (v *visitor) external() string {
	if v.User != "" {
		return chat.ProvenUser(v.User)
	}
	return "visitor:" + v.ID
}

var (
	errToken   = errors.New("the token is not one of ours")
	errExpired = errors.New("the token is too old")
	errProof   = errors.New("the signature of the user is wrong")
)

func sign(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// issue makes a token: base64url(JSON) "." base64url(HMAC-SHA256).
func (s *Server) issue(v visitor) string {
	v.At = s.now().Unix()
	doc, _ := json.Marshal(v) // strings and a number
	body := base64.RawURLEncoding.EncodeToString(doc)
	return body + "." + base64.RawURLEncoding.EncodeToString(sign(s.key, body))
}

// verify reads a token that is at most life old.
func (s *Server) verify(token string, life time.Duration) (v visitor, err error) {
	body, mac, ok := strings.Cut(token, ".")
	if !ok || len(token) > maxToken {
		return v, errToken
	}
	got, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(got, sign(s.key, body)) {
		return v, errToken
	}
	doc, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(doc, &v) != nil || v.ID == "" {
		return v, errToken
	}
	if s.now().Sub(time.Unix(v.At, 0)) > life {
		return v, errExpired
	}
	return v, nil
}

// proven checks the host's signature of its user: hex(HMAC-SHA256(secret of the site, id)).
func (t *site) proven(user, proof string) error {
	got, err := hex.DecodeString(proof)
	if t.secret == "" || user == "" || len(user) > maxUser || err != nil || !hmac.Equal(got, sign([]byte(t.secret), user)) {
		return errProof
	}
	return nil
}

func newVisitor(site string) visitor { return visitor{ID: rand.Text(), Site: site} }
