package admin

import (
	"crypto/rand"
	"fmt"
)

// Seal hides bytes from whoever has the database alone. where binds them to their place: they open nowhere else.
func (v *Vault) Seal(where string, plain []byte) []byte {
	nonce := make([]byte, v.aead.NonceSize())
	rand.Read(nonce)
	return v.aead.Seal(append([]byte{sealVersion}, nonce...), nonce, plain, []byte(where))
}

// Open is what was sealed for that place; ErrSealed with another key file, or another place.
func (v *Vault) Open(where string, sealed []byte) ([]byte, error) {
	n := v.aead.NonceSize()
	if len(sealed) < 1+n || sealed[0] != sealVersion {
		return nil, fmt.Errorf("%s: %w", where, ErrSealed)
	}
	plain, err := v.aead.Open(nil, sealed[1:1+n], sealed[1+n:], []byte(where))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, ErrSealed)
	}
	return plain, nil
}
