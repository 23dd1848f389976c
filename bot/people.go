package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
)

// Contacts are the people of the contact centre. Somebody who has withdrawn the
// consent to be served by what we know is remembered for the conversation only.
type Contacts struct {
	Store *contact.Store
	DB    *pg.DB
}

// Person implements People.
func (c Contacts) Person(ctx context.Context, id int64) (Person, error) {
	root, err := c.Store.Follow(ctx, contact.ID(id))
	if errors.Is(err, pg.ErrNotFound) { // erased meanwhile
		return Person{}, nil
	}
	if err != nil {
		return Person{}, err
	}
	who, err := c.Store.Get(ctx, root)
	if err != nil {
		return Person{}, err
	}
	state, err := pg.Row(ctx, c.DB, pgx.RowTo[string], `select state from consent_states where contact_id = $1 and purpose = 'service'`, int64(root))
	if err != nil && !errors.Is(err, pg.ErrNotFound) {
		return Person{}, fmt.Errorf("consent of contact %d: %w", id, err)
	}
	return Person{VIP: who.VIP, Remember: who.ErasedAt.IsZero() && state != "refused" && state != "withdrawn"}, nil
}
