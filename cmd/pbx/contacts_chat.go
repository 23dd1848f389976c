package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/contact"
)

// talks are conversations in the timeline, the archive and the erasing of a person.
type talks struct{ chat *chat.Service }

// Entries implements contact.Source.
func (c talks) Entries(ctx context.Context, ids []contact.ID, until time.Time, limit int) ([]contact.Entry, error) {
	all, err := c.chat.OfContacts(ctx, ints(ids), until, limit)
	if err != nil {
		return nil, err
	}
	out := make([]contact.Entry, len(all))
	for i := range all {
		out[i] = contact.Entry{Kind: "conversation", ID: strconv.FormatInt(int64(all[i].ID), 10), At: all[i].CreatedAt.UTC(), Data: all[i]}
	}
	return out, nil
}

// Erase implements contact.Eraser.
func (c talks) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	counts, files, err := c.chat.ErasePerson(ctx, tx, p.Ints(), p.Mentions())
	if errors.Is(err, chat.ErrOpen) {
		err = errors.Join(contact.ErrBusy, err)
	}
	for i, f := range files {
		if abs, err := filepath.Abs(f); err == nil {
			files[i] = abs
		}
	}
	return counts, files, err
}

// Hits implements contact.Eraser.
func (c talks) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	return c.chat.PersonHits(ctx, tx, p.Ints(), p.Mentions())
}

// exportedTalk is one conversation of conversations.json.
type exportedTalk struct {
	chat.Talk
	Messages []chat.Said `json:"said"`
}

// Export implements contact.Exporter.
func (c talks) Export(ctx context.Context, p *contact.Person, out *contact.Dump) error {
	var until time.Time
	seen := map[chat.ID]bool{}
	list := []exportedTalk{}
	for {
		part, err := c.chat.OfContacts(ctx, p.Ints(), until, exportPage)
		if err != nil {
			return err
		}
		fresh := false
		for i := range part {
			if seen[part[i].ID] {
				continue
			}
			seen[part[i].ID], fresh = true, true
			said, err := c.chat.WhatWasSaid(ctx, part[i].ID)
			if err != nil {
				return err
			}
			list = append(list, exportedTalk{part[i], said})
			if err := c.files(ctx, part[i].ID, out); err != nil {
				return err
			}
		}
		if len(part) < exportPage || !fresh {
			return out.JSON("conversations.json", list)
		}
		until = part[len(part)-1].CreatedAt
	}
}

func (c talks) files(ctx context.Context, id chat.ID, out *contact.Dump) error {
	files, err := c.chat.FilesOf(ctx, id)
	if err != nil {
		return err
	}
	for _, f := range files {
		item := contact.MediaItem{Name: f.ID + "-" + f.Name, Of: fmt.Sprintf("conversation:%d", id), SHA256: f.SHA256}
		if err := out.File(ctx, item, f.Path); err != nil {
			return err
		}
	}
	return nil
}
