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
	Name string `json:"n,omitempty"` // how the host calls them, proven
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

// hostToken are the claims of a host's token (RFC 7519): sub and exp must be there.
type hostToken struct {
	Sub  string `json:"sub"`
	Name string `json:"name"`
	Exp  int64  `json:"exp"`
	Nbf  int64  `json:"nbf"`
}

const (
	// maxJWT bounds a host's token, bytes; jwtLife how far ahead it may end, jwtSkew how wrong its clock may be.
	maxJWT  = 4096
	jwtLife = time.Hour
	jwtSkew = time.Minute
)

// signed reads a host's token, HS256 with the secret of the site. No other algorithm is looked at.
func (t *site) signed(token string, now time.Time) (user, name string, err error) {
	parts := strings.Split(token, ".")
	if t.secret == "" || len(token) > maxJWT || len(parts) != 3 {
		return "", "", errProof
	}
	var head struct {
		Alg string `json:"alg"`
	}
	var c hostToken
	raw := [3][]byte{}
	for i, p := range parts {
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			return "", "", errProof
		}
	}
	switch {
	case json.Unmarshal(raw[0], &head) != nil || head.Alg != "HS256":
		return "", "", errProof
	case !hmac.Equal(raw[2], sign([]byte(t.secret), parts[0]+"."+parts[1])):
		return "", "", errProof
	case json.Unmarshal(raw[1], &c) != nil || c.Sub == "" || len(c.Sub) > maxUser || len(c.Name) > maxUser:
		return "", "", errProof
	}
	exp := time.Unix(c.Exp, 0)
	if now.After(exp.Add(jwtSkew)) || exp.After(now.Add(jwtLife+jwtSkew)) || time.Unix(c.Nbf, 0).After(now.Add(jwtSkew)) {
		return "", "", errProof
	}
	return c.Sub, c.Name, nil
}

func newVisitor(site string) visitor { return visitor{ID: rand.Text(), Site: site} }
