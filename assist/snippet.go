package assist

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/nlp"
	"tingxin/pg"
)

// Snippet is a reply that is kept to be used again.
type Snippet struct {
	ID        int64      `json:"id"`
	Shortcut  string     `json:"shortcut" doc:"what is typed behind /"`
	Lang      string     `json:"lang" enum:"zh,en"`
	Title     string     `json:"title"`
	Text      string     `json:"text" doc:"may hold {{contact.name}}, {{agent.name}} and {{slot.NAME}}"`
	Owner     int64      `json:"owner,omitempty" doc:"whose own it is; absent: everybody's"`
	Queues    []string   `json:"queues" nullable:"false" doc:"whose agents see it; empty: all"`
	Uses      int        `json:"uses"`
	UsedAt    *time.Time `json:"used_at,omitempty"`
	Version   int        `json:"version"`
	UpdatedAt time.Time  `json:"updated_at"`
	UpdatedBy string     `json:"updated_by"`
}

const (
	maxSnippet  = 4000 // characters
	maxSnippets = 5000
	mostFound   = 50
)

var (
	shortcutForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)
	variable     = regexp.MustCompile(`\{\{\s*([a-z][a-z0-9_.]*)\s*\}\}`)
	variableForm = regexp.MustCompile(`^(contact\.name|agent\.name|slot\.[a-z][a-z0-9_]{0,63})$`)
)

// checkVariables tells which variable of a text there is not.
func checkVariables(field, text string) error {
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if !variableForm.MatchString(m[1]) {
			return bad(field, "there is no variable {{%s}}: use contact.name, agent.name or slot.NAME", m[1])
		}
	}
	return nil
}

func (n *Snippet) check() error {
	n.Shortcut, n.Title, n.Text = strings.ToLower(strings.TrimPrefix(tidy(n.Shortcut), "/")), tidy(n.Title), strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(n.Text, ""), "\x00", ""))
	if !shortcutForm.MatchString(n.Shortcut) {
		return bad("shortcut", "small letters, digits, - and _, at most 40")
	}
	if n.Lang != "zh" && n.Lang != "en" {
		return bad("lang", "it is zh or en")
	}
	if err := within("title", n.Title, 1, 100); err != nil {
		return err
	}
	if err := within("text", n.Text, 1, maxSnippet); err != nil {
		return err
	}
	if n.Queues = names(n.Queues); n.Queues == nil {
		n.Queues = []string{}
	}
	if len(n.Queues) > 50 {
		return bad("queues", "at most 50")
	}
	return checkVariables("text", n.Text)
}

const snippetColumns = `id, shortcut, lang, title, text, coalesce(owner, 0), queues, uses, used_at, version, updated_at, updated_by`

// mine are the snippets that a user may use: everybody's, those of the own queues, and the own ones.
const mine = `(n.owner is null and (n.queues = '{}' or $2 or exists (select from queue_members m where m.user_id = $1 and m.queue_id = any(n.queues))) or n.owner = $1)`

// Snippets are those that a user may use and that fit what was typed, most used first.
// all is for who edits them: of every queue.
func (s *Store) Snippets(ctx context.Context, user int64, all bool, lang, typed string) ([]Snippet, error) {
	typed = strings.ToLower(strings.TrimPrefix(tidy(typed), "/"))
	limit := mostFound
	if typed == "" && all {
		limit = maxSnippets
	}
	list, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Snippet], `select `+snippetColumns+` from assist_snippets n
		where `+mine+` and ($3 = '' or lang = $3) and ($4 = '' or starts_with(shortcut, $4) or strpos(lower(title), $4) > 0 or strpos(lower(text), $4) > 0)
		order by ($4 <> '' and starts_with(shortcut, $4)) desc, (owner is not null) desc, uses desc, shortcut limit $5`, user, all, lang, typed, limit)
	if err != nil {
		return nil, fmt.Errorf("snippets: %w", err)
	}
	return list, nil
}

// ErrRight: this person may not do that.
var ErrRight = errors.New("this is not yours to change")

// PutSnippet adds (id 0) or changes a snippet in tx. Everybody's need the right to edit;
// the own ones are everybody's own.
func (s *Store) PutSnippet(ctx context.Context, tx pgx.Tx, n Snippet, user int64, edits bool, by string) (Snippet, error) {
	if err := n.check(); err != nil {
		return n, err
	}
	if n.Owner != 0 && n.Owner != user || n.Owner == 0 && !edits {
		return n, ErrRight
	}
	n.UpdatedAt, n.UpdatedBy = s.now(), by
	if n.ID == 0 {
		var count int
		if err := tx.QueryRow(ctx, `select count(*) from assist_snippets`).Scan(&count); err != nil {
			return n, err
		}
		if count >= maxSnippets {
			return n, bad("shortcut", "there are %d snippets, which is the most", count)
		}
		err := tx.QueryRow(ctx, `insert into assist_snippets (shortcut, lang, title, text, owner, queues, updated_at, updated_by) values ($1, $2, $3, $4, nullif($5::bigint, 0), $6, $7, $8) returning id, version`,
			n.Shortcut, n.Lang, n.Title, n.Text, n.Owner, n.Queues, n.UpdatedAt, by).Scan(&n.ID, &n.Version)
		return n, pg.Map(err)
	}
	var owner int64
	var version int
	err := tx.QueryRow(ctx, `select coalesce(owner, 0), version from assist_snippets where id = $1 for update`, n.ID).Scan(&owner, &version)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return n, pg.ErrNotFound
	case err != nil:
		return n, err
	case owner != 0 && owner != user || owner == 0 && !edits:
		return n, ErrRight
	case version != n.Version:
		return n, ErrVersion
	}
	n.Version++
	err = tx.QueryRow(ctx, `update assist_snippets set shortcut = $2, lang = $3, title = $4, text = $5, owner = nullif($6::bigint, 0), queues = $7, version = $8, updated_at = $9, updated_by = $10 where id = $1 returning uses`,
		n.ID, n.Shortcut, n.Lang, n.Title, n.Text, n.Owner, n.Queues, n.Version, n.UpdatedAt, by).Scan(&n.Uses)
	return n, pg.Map(err)
}

// DeleteSnippet takes a snippet away in tx.
func (s *Store) DeleteSnippet(ctx context.Context, tx pgx.Tx, id, user int64, edits bool) error {
	var owner int64
	err := tx.QueryRow(ctx, `select coalesce(owner, 0) from assist_snippets where id = $1 for update`, id).Scan(&owner)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return pg.ErrNotFound
	case err != nil:
		return err
	case owner != 0 && owner != user || owner == 0 && !edits:
		return ErrRight
	}
	_, err = tx.Exec(ctx, `delete from assist_snippets where id = $1`, id)
	return err
}

// Filled is a snippet with its variables filled in.
type Filled struct {
	Text string `json:"text"`
	// Missing are variables for which nothing is known; they stand in the text as they were.
	Missing []string `json:"missing" nullable:"false"`
}

// UseSnippet fills a snippet in for a talk (none when sub is empty) and counts that it was used.
func (s *Service) UseSnippet(ctx context.Context, id int64, sub Subject, user int64, agent string) (Filled, error) {
	text, err := pg.Row(ctx, s.parts.DB, pgx.RowTo[string], `update assist_snippets n set uses = uses + 1, used_at = $3 where id = $4 and `+mine+` returning text`, user, false, s.parts.Now(), id)
	if err != nil {
		return Filled{}, fmt.Errorf("snippet %d: %w", id, err)
	}
	return s.Fill(ctx, text, sub, agent)
}

// Fill puts values into the variables of a text. A value is never read as a variable again.
func (s *Service) Fill(ctx context.Context, text string, sub Subject, agent string) (Filled, error) {
	out := Filled{Missing: []string{}}
	values := map[string]string{"agent.name": agent}
	if sub.Kind != "" && variable.MatchString(text) {
		t, err := s.talk(ctx, sub)
		if err != nil {
			return out, err
		}
		values["contact.name"] = s.nameOf(ctx, t)
		slots, err := s.slots(ctx, t)
		if err != nil {
			return out, err
		}
		for _, v := range slots {
			values["slot."+v.Name] = v.Value
		}
	}
	out.Text = variable.ReplaceAllStringFunc(text, func(m string) string {
		name := variable.FindStringSubmatch(m)[1]
		if v := values[name]; v != "" {
			return v
		}
		if !slices.Contains(out.Missing, name) {
			out.Missing = append(out.Missing, name)
		}
		return m
	})
	return out, nil
}

// nameOf is how the customer is called: as we know them, else as the channel does.
func (s *Service) nameOf(ctx context.Context, t *Talk) string {
	if s.parts.Contacts != nil && t.Contact != 0 {
		if c, err := s.parts.Contacts.Get(ctx, contact.ID(t.Contact)); err == nil && c.Name != "" {
			return c.Name
		}
	}
	if nlp.Fold(t.Name) == nlp.Fold(t.Number) {
		return ""
	}
	return t.Name
}
