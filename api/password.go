package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// Lengths of a password in characters.
const (
	minPassword = 10
	maxPassword = 200
)

// hashing is argon2id with 19 MiB, two passes, one lane: OWASP's second choice, 20 to 40 ms of one core.
var hashing = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// hashers bounds how many passwords are hashed at once, and so the memory that guessing takes.
const hashers = 4

// dummyHash is of no user's password. Comparing with it makes an unknown user
// cost as much as a known one; it must have the parameters of hashing.
const dummyHash = "$argon2id$v=19$m=19456,t=2,p=1$CuKOZNWDQ8xY4LNN1XS0KQ$SnajI+FcBFWPV6IdZrIkgU7+dyP+lCkkXcQ4iLQ5KbQ"

// passwords hashes and compares, a few at once.
type passwords struct {
	slots chan struct{}
}

func newPasswords() *passwords { return &passwords{make(chan struct{}, hashers)} }

// enter waits for a free slot.
func (p *passwords) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer func() { <-p.slots }()
	return argon2id.CreateHash(password, hashing)
}

// matches compares; an empty hash stands for a user that is not there and never matches.
func (p *passwords) matches(ctx context.Context, password, hash string) (bool, error) {
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	defer func() { <-p.slots }()
	known := hash != ""
	if !known {
		hash = dummyHash
	}
	same, err := argon2id.ComparePasswordAndHash(password, hash)
	return same && known, err
}

// acceptable says what is wrong with a new password, nothing when it will do.
func acceptable(password string) string {
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return fmt.Sprintf("a password has %d to %d characters", minPassword, maxPassword)
	}
	return ""
}

// randomText is n random bytes in URL-safe base64.
func randomText(n int) string { return base64.RawURLEncoding.EncodeToString(randomBytes(n)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
