package contact

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// Config of contacts. The zero value is the default.
type Config struct {
	// Region is the country of numbers without an international prefix (ISO 3166-1, "CN"); empty: such numbers stay as dialled.
	Region string `yaml:"region" koanf:"region"`
	// HashKey is 64 hex digits or more: the key of the hashes by which identities are looked up. Empty: the database's own.
	HashKey string `yaml:"hash_key" koanf:"hash_key"`
	// UndoDays is how long a merge can be taken back; 30 when zero.
	UndoDays int `yaml:"undo_days" koanf:"undo_days"`
	// ExportApproval is the number of rows from which a list needs a second person; 500 when zero.
	ExportApproval int `yaml:"export_approval" koanf:"export_approval"`
	// AutoMerge says when two contacts that meet in one verified identity become one by themselves:
	// "safe" (the default: neither has a verified identity that the other contradicts), or "never".
	AutoMerge string `yaml:"auto_merge" koanf:"auto_merge"`
}

// Values of Config.AutoMerge.
const (
	AutoMergeSafe  = "safe"
	AutoMergeNever = "never"
)

const (
	defaultUndoDays       = 30
	defaultExportApproval = 500
	leastHashKey          = 32 // bytes
)

func (c Config) withDefaults() Config {
	if c.UndoDays == 0 {
		c.UndoDays = defaultUndoDays
	}
	if c.ExportApproval == 0 {
		c.ExportApproval = defaultExportApproval
	}
	if c.AutoMerge == "" {
		c.AutoMerge = AutoMergeSafe
	}
	return c
}

func (c Config) undo() time.Duration { return time.Duration(c.UndoDays) * 24 * time.Hour }

// Check tells what is wrong with the config in words that help.
func (c Config) Check() error {
	c = c.withDefaults()
	if c.Region != "" && phonenumbers.GetCountryCodeForRegion(c.Region) == 0 {
		return fmt.Errorf("contact.region %q is no country: write two capital letters as in CN", c.Region)
	}
	if c.HashKey != "" {
		if key, err := hex.DecodeString(c.HashKey); err != nil || len(key) < leastHashKey {
			return fmt.Errorf("contact.hash_key must be 64 hex digits or more")
		}
	}
	switch {
	case c.UndoDays < 1 || c.UndoDays > 365:
		return fmt.Errorf("contact.undo_days is %d, it must be 1 to 365", c.UndoDays)
	case c.ExportApproval < 1 || c.ExportApproval > MaxExport:
		return fmt.Errorf("contact.export_approval is %d, it must be 1 to %d", c.ExportApproval, MaxExport)
	case c.AutoMerge != AutoMergeSafe && c.AutoMerge != AutoMergeNever:
		return fmt.Errorf("contact.auto_merge is %q, it must be %q or %q", c.AutoMerge, AutoMergeSafe, AutoMergeNever)
	}
	return nil
}

// MaxExport is the most rows of one exported list.
const MaxExport = 50000
