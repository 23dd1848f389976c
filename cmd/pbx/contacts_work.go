package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/bot"
	"tingxin/contact"
	"tingxin/pg"
	"tingxin/ticket"
)

// todos are tickets in the timeline, the archive and the erasing of a person.
type todos struct{ tickets *ticket.Service }

// Entries implements contact.Source.
func (c todos) Entries(ctx context.Context, ids []contact.ID, until time.Time, limit int) ([]contact.Entry, error) {
	all, err := c.tickets.OfContacts(ctx, ints(ids), until, limit)
	if err != nil {
		return nil, err
	}
	out := make([]contact.Entry, len(all))
	for i := range all {
		t := &all[i]
		out[i] = contact.Entry{Kind: "ticket", ID: strconv.FormatInt(int64(t.ID), 10), At: t.CreatedAt.UTC(),
			Data: map[string]any{"id": t.ID, "subject": t.Subject, "state": t.State, "priority": t.Priority}}
	}
	return out, nil
}

// Erase implements contact.Eraser.
func (c todos) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	counts, err := c.tickets.ErasePerson(ctx, tx, p.Ints())
	return counts, nil, err
}

// Hits implements contact.Eraser.
func (c todos) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	return c.tickets.PersonHits(ctx, tx, p.Ints())
}

// mostTickets is how many tickets one archive holds.
const mostTickets = 10000

// Export implements contact.Exporter.
func (c todos) Export(ctx context.Context, p *contact.Person, out *contact.Dump) error {
	all, err := c.tickets.OfContacts(ctx, p.Ints(), time.Time{}, mostTickets)
	if err != nil {
		return err
	}
	for i := range all {
		files, err := c.tickets.Files(ctx, all[i].ID)
		if err != nil {
			return err
		}
		for _, f := range files {
			if f, err = c.tickets.File(ctx, all[i].ID, f.ID); err != nil {
				return err
			}
			if err := out.Data(contact.MediaItem{Name: f.ID + "-" + f.Name, Of: fmt.Sprintf("ticket:%d", all[i].ID)}, f.Data); err != nil {
				return err
			}
		}
	}
	return out.JSON("tickets.json", all)
}

// botMemory is what the bot noted of a person.
type botMemory struct {
	engine *bot.Engine
	db     *pg.DB
}

// Export implements contact.Exporter.
func (b botMemory) Export(ctx context.Context, p *contact.Person, out *contact.Dump) error {
	noted, err := bot.MemoryOf(ctx, b.db, p.Ints())
	if err != nil {
		return err
	}
	return out.JSON("bot.json", noted)
}

// Erase implements contact.Eraser.
func (b botMemory) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	counts, err := b.engine.EraseContact(ctx, tx, int64(p.IDs[0]), p.Mentions())
	for table, n := range counts {
		if n == 0 {
			delete(counts, table)
		}
	}
	return counts, nil, err
}

// Hits implements contact.Eraser.
func (b botMemory) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	hits := map[string]int64{}
	for _, table := range []string{"bot_sessions", "bot_slots"} {
		var n int64
		if err := tx.QueryRow(ctx, `select count(*) from `+table+` where contact_id = any($1)`, p.Ints()).Scan(&n); err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
		hits[table] = n
	}
	return hits, nil
}
