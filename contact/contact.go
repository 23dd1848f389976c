package contact

import (
	"strconv"
	"time"
)

// ID names a contact. It stays valid after a merge; see Store.Follow.
type ID int64

// String is the id as it stands in addresses.
func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// Contact is one person.
type Contact struct {
	ID       ID
	Root     ID // the contact that stands for this one; ID itself when it was not merged
	Name     string
	Language string // BCP 47, empty when unknown
	VIP      bool
	Tags     []string
	// Fields are the values of this house's own fields by key: string, float64, bool.
	Fields    map[string]any
	LegalHold string    // why nothing may be erased, empty when it may
	ErasedAt  time.Time // zero: not erased
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Merged says that another contact stands for this one.
func (c *Contact) Merged() bool { return c.Root != c.ID }
