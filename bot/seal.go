package bot

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sealer encrypts identity and card numbers at rest: AES-256-GCM (NIST SP 800-38D),
// bound to the row's session and name, so that a sealed value moved elsewhere does not open.
type sealer struct{ aead cipher.AEAD }

// keyID stands before each sealed value, so that another key can follow.
const keyID = 1

// openSealer reads the key, 64 hexadecimal digits, and makes it when there is none.
func openSealer(path string) (*sealer, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key of the bot: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("key of the bot: %s does not hold 64 hexadecimal digits", path)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of the bot: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("key of the bot: %w", err)
	}
	return &sealer{aead}, nil
}

// makeKey writes a new key that only this user can read. Of two servers that start together one wins.
func makeKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	text := []byte(hex.EncodeToString(key) + "\n")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	return text, errors.Join(err, f.Sync(), f.Close())
}

func (s *sealer) seal(bound, value string) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	out := append([]byte{keyID}, nonce...)
	return s.aead.Seal(out, nonce, []byte(value), []byte(bound))
}

var errSealed = errors.New("a sealed value cannot be opened with this key")

func (s *sealer) open(bound string, sealed []byte) (string, error) {
	n := s.aead.NonceSize()
	if len(sealed) < 1+n || sealed[0] != keyID {
		return "", errSealed
	}
	plain, err := s.aead.Open(nil, sealed[1:1+n], sealed[1+n:], []byte(bound))
	if err != nil {
		return "", errSealed
	}
	return string(plain), nil
}
