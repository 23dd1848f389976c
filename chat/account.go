package chat

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Account is one address of a channel that we own.
type Account struct {
	Channel   string          `json:"channel"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Settings  json.RawMessage `json:"settings"`
	Secret    string          `json:"-"` // written, never shown
	HasSecret bool            `json:"has_secret"`
	Enabled   bool            `json:"enabled"`
	Refused   int64           `json:"refused" doc:"requests with a bad signature"`
	UpdatedAt time.Time       `json:"updated_at"`
}

var accountID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// Vault encrypts secrets of channels, AES-256-GCM, and makes keys for signing.
type Vault struct {
	aead cipher.AEAD
	key  []byte
}

// OpenVault takes a key of 64 hex digits, or the one in a file, which it makes when it is not there.
func OpenVault(key, file string) (*Vault, error) {
	if key == "" {
		var err error
		if key, err = keyFile(file); err != nil {
			return nil, fmt.Errorf("key of the channels: %w", err)
		}
	}
	raw, err := hex.DecodeString(key)
	if err != nil || len(raw) != 32 {
		return nil, errors.New("chat.key is no 64 hex digits")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Vault{aead, raw}, err
}

func keyFile(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return string(b), err
	}
	raw := make([]byte, 32)
	rand.Read(raw)
	key := hex.EncodeToString(raw)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	return key, os.WriteFile(file, []byte(key), 0o600)
}

// Seal encrypts.
func (v *Vault) Seal(plain string) []byte {
	nonce := make([]byte, v.aead.NonceSize())
	rand.Read(nonce)
	return v.aead.Seal(nonce, nonce, []byte(plain), nil)
}

// Unseal is the way back.
func (v *Vault) Unseal(sealed []byte) (string, error) {
	if len(sealed) < v.aead.NonceSize() {
		return "", errors.New("a secret cannot be read: it is cut short")
	}
	plain, err := v.aead.Open(nil, sealed[:v.aead.NonceSize()], sealed[v.aead.NonceSize():], nil)
	if err != nil {
		return "", errors.New("a secret cannot be read: it was written with another chat.key")
	}
	return string(plain), nil
}

// Derive makes a key for one purpose.
func (v *Vault) Derive(purpose string) []byte {
	h := hmac.New(sha256.New, v.key)
	h.Write([]byte("tingxin " + purpose))
	return h.Sum(nil)
}

// Accounts are the addresses of all channels, held in memory for a few seconds.
type Accounts struct {
	db    *pg.DB
	vault *Vault

	mu    sync.Mutex
	read  time.Time          // guarded by mu
	known map[string]Account // guarded by mu
}

// accountsEvery is how old what is known of accounts may be, for what another server changed.
const accountsEvery = 5 * time.Second

// NewAccounts makes a list that reads when it is asked.
func NewAccounts(db *pg.DB, vault *Vault) *Accounts { return &Accounts{db: db, vault: vault} }

// Vault is what encrypts their secrets.
func (a *Accounts) Vault() *Vault { return a.vault }

func (a *Accounts) load(ctx context.Context) (map[string]Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known != nil && time.Since(a.read) < accountsEvery {
		return a.known, nil
	}
	all, err := pg.Rows(ctx, a.db, func(row pgx.CollectableRow) (Account, error) {
		var c Account
		var sealed []byte
		if err := row.Scan(&c.Channel, &c.ID, &c.Name, &c.Settings, &sealed, &c.Enabled, &c.Refused, &c.UpdatedAt); err != nil {
			return c, err
		}
		var err error
		if c.HasSecret = len(sealed) > 0; c.HasSecret {
			c.Secret, err = a.vault.Unseal(sealed)
		}
		return c, err
	}, `select channel, id, name, settings, secrets, enabled, refused, updated_at from channel_accounts order by channel, id`)
	if err != nil {
		return nil, fmt.Errorf("accounts of channels: %w", err)
	}
	known := make(map[string]Account, len(all))
	for _, c := range all {
		known[c.Channel+"/"+c.ID] = c
	}
	a.known, a.read = known, time.Now()
	return known, nil
}

// Find is an account, with its secret; pg.ErrNotFound when there is none.
func (a *Accounts) Find(ctx context.Context, channel, id string) (Account, error) {
	known, err := a.load(ctx)
	if err != nil {
		return Account{}, err
	}
	c, ok := known[channel+"/"+id]
	if !ok {
		return Account{}, pg.ErrNotFound
	}
	return c, nil
}

// All are the accounts of a channel, or of all channels.
func (a *Accounts) All(ctx context.Context, channel string) ([]Account, error) {
	known, err := a.load(ctx)
	out := []Account{}
	for _, c := range known {
		if channel == "" || c.Channel == channel {
			out = append(out, c)
		}
	}
	return out, err
}

// Put adds or changes an account, in the transaction of its audit row; a nil
// secret leaves it as it is, an empty one takes it away. Call Changed after the commit.
func (a *Accounts) Put(ctx context.Context, tx pgx.Tx, c Account, secret *string) error {
	switch {
	case !accountID.MatchString(c.ID):
		return bad("an account's id is lower-case letters, digits, - and _, at most 64")
	case len(c.Settings) > 32<<10 || len(c.Settings) > 0 && !json.Valid(c.Settings):
		return bad("settings are no JSON of at most 32 KiB")
	case secret != nil && *secret != "" && len(*secret) < 16:
		return bad("a secret has at least 16 characters")
	}
	if len(c.Settings) == 0 {
		c.Settings = json.RawMessage("{}")
	}
	_, err := tx.Exec(ctx, `insert into channel_accounts (channel, id, name, settings, enabled) values ($1, $2, $3, $4, $5)
		on conflict (channel, id) do update set name = $3, settings = $4, enabled = $5, updated_at = now()`, c.Channel, c.ID, clip(storable(c.Name), maxName), c.Settings, c.Enabled)
	if err != nil || secret == nil {
		return err
	}
	var sealed []byte
	if *secret != "" {
		sealed = a.vault.Seal(*secret)
	}
	_, err = tx.Exec(ctx, `update channel_accounts set secrets = $3 where channel = $1 and id = $2`, c.Channel, c.ID, sealed)
	return err
}

// Delete takes an account away; its conversations stay.
func (a *Accounts) Delete(ctx context.Context, tx pgx.Tx, channel, id string) error {
	tag, err := tx.Exec(ctx, `delete from channel_accounts where channel = $1 and id = $2`, channel, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return err
}

// Changed forgets what is known.
func (a *Accounts) Changed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = nil
}

// CountRefused counts a request with a bad signature.
func (a *Accounts) CountRefused(ctx context.Context, channel, id string) error {
	_, err := a.db.Exec(ctx, `update channel_accounts set refused = refused + 1 where channel = $1 and id = $2`, channel, id)
	return err
}
