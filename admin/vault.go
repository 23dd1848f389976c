package admin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	keyLen = 32
	// sealVersion is the first byte of what was sealed, for a later way of sealing.
	sealVersion = 1
)

// ErrSealed says that secrets cannot be opened with this key file.
var ErrSealed = errors.New("the secrets were sealed with another key file: bring it back, or write the secrets again")

// Vault seals secrets with AES-256-GCM under a key file. The database alone does not give them away.
type Vault struct{ aead cipher.AEAD }

// OpenVault reads the key file, or makes one for its owner alone (mode 0600). Servers
// that share a database share the file.
func OpenVault(path string) (*Vault, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key file of the secrets: %w", err)
	}
	return NewVault(key)
}

// NewVault takes a key of 32 bytes.
func NewVault(key []byte) (*Vault, error) {
	if len(key) != keyLen {
		return nil, fmt.Errorf("key file of the secrets: it holds %d bytes, not %d", len(key), keyLen)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Vault{aead}, nil
}

// makeKey writes a new key; when two do it at once, both get the same one.
func makeKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, keyLen)
	rand.Read(key)
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(key)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// seal is nil for no secrets. where (kind and name) binds them to their place.
func (v *Vault) seal(where string, secrets map[string]string) ([]byte, error) {
	if len(secrets) == 0 {
		return nil, nil
	}
	plain, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	return v.Seal(where, plain), nil
}

func (v *Vault) open(where string, sealed []byte) (map[string]string, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	plain, err := v.Open(where, sealed)
	if err != nil {
		return nil, err
	}
	var secrets map[string]string
	return secrets, json.Unmarshal(plain, &secrets)
}

// part takes the secrets out of a document; which fields have one is told by their names.
func part(d Doc) map[string]string {
	out := map[string]string{}
	for field, at := range d.secrets() {
		if *at != "" {
			out[field], *at = *at, ""
		}
	}
	return out
}

// join puts kept secrets into the empty fields of a document.
func join(d Doc, secrets map[string]string) {
	for field, at := range d.secrets() {
		if *at == "" {
			*at = secrets[field]
		}
	}
}
