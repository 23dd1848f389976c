package assist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Board is what stands beside a talk: three cards in fixed places.
type Board struct {
	Subject
	Lang string `json:"lang" enum:"zh,en"`
	// Turn is the customer's last line that the cards answer, 0 while there is none.
	Turn   int64     `json:"turn"`
	Answer *Answer   `json:"answer,omitempty"`
	Script *Progress `json:"script,omitempty"`
	Do     *Do       `json:"do,omitempty"`
	// Degraded says why articles are found by words only.
	Degraded string    `json:"degraded,omitempty" doc:"why articles are found by words only"`
	MS       float64   `json:"ms" doc:"from when somebody spoke or asked to the cards"`
	At       time.Time `json:"at"`
}

// Answer is the first card.
type Answer struct {
	Card     int64   `json:"card,omitempty" doc:"id of the card, for its outcome; absent when only a reply is offered"`
	Article  int64   `json:"article,omitempty"`
	Key      string  `json:"key,omitempty"`
	Title    string  `json:"title,omitempty"`
	Text     string  `json:"text,omitempty" doc:"the passage that would be inserted"`
	P        float64 `json:"p,omitempty" doc:"calibrated; absent when no model judged"`
	Audience string  `json:"audience,omitempty" enum:"public,agent"`
	Owner    string  `json:"owner,omitempty"`
	ReviewBy string  `json:"review_by,omitempty"`
	Overdue  bool    `json:"overdue,omitempty" doc:"nobody has looked at it by the day on which somebody should"`
	Why      *Why    `json:"why,omitempty"`
	More     []Other `json:"more,omitempty" doc:"what else may answer"`
	Reply    *Reply  `json:"reply,omitempty" doc:"what colleagues said to such questions and customers rated well"`
}

// Why an article stands there.
type Why struct {
	Rule    string   `json:"rule,omitempty" enum:"interface,exact,contains,regexp"`
	Words   string   `json:"words,omitempty" doc:"of the rule"`
	Variant string   `json:"variant,omitempty" doc:"the nearest phrasing"`
	Up      float64  `json:"up" doc:"votes, old ones count less"`
	Down    float64  `json:"down"`
	Taken   int      `json:"taken" doc:"how often agents inserted or sent it in 180 days"`
	Shown   int      `json:"shown" doc:"of how many times it was offered"`
	Missing []string `json:"missing,omitempty" doc:"values without which it is of little use"`
}

// Other is an article behind the first.
type Other struct {
	Article int64   `json:"article"`
	Title   string  `json:"title"`
	Text    string  `json:"text"`
	P       float64 `json:"p"`
}

// Reply is what people said before.
type Reply struct {
	Card   int64   `json:"card"`
	Reply  int64   `json:"reply"`
	Text   string  `json:"text"`
	Uses   int     `json:"uses" doc:"conversations in which it was said so"`
	Rating float64 `json:"rating" doc:"mean of the customers' stars"`
	Like   float64 `json:"like" doc:"how near the question is, a cosine"`
}

// Progress is the second card: a script and how far it is.
type Progress struct {
	Card    int64          `json:"card"`
	Name    string         `json:"name"`
	Version int            `json:"version"`
	Title   string         `json:"title"`
	Chosen  string         `json:"chosen" enum:"queue,intent,hand" doc:"what brought it up"`
	At      int            `json:"at" doc:"index of the step that is next; the number of steps when all is done"`
	Steps   []StepStanding `json:"steps" nullable:"false"`
}

// StepStanding is a step with what is done of it.
type StepStanding struct {
	Title string         `json:"title"`
	Say   string         `json:"say,omitempty"`
	Items []ItemStanding `json:"items" nullable:"false"`
}

// ItemStanding is one thing to do.
type ItemStanding struct {
	Key      string `json:"key" doc:"step.item, from 0"`
	Text     string `json:"text"`
	Optional bool   `json:"optional,omitempty"`
	Done     bool   `json:"done"`
	By       string `json:"by,omitempty" enum:"words,hand"`
}

// Actions of the third card.
const (
	CreateTicket   = "create_ticket"
	LookUp         = "look_up"
	CallBack       = "callback"
	SetDisposition = "disposition"
)

// Do is the third card: one act with its values, done by one operation of the API.
type Do struct {
	Card   int64          `json:"card"`
	Action string         `json:"action" enum:"create_ticket,look_up,callback,disposition"`
	Title  string         `json:"title,omitempty" doc:"what the customer wants, or the outcome"`
	Slots  []Slot         `json:"slots" nullable:"false"`
	Method string         `json:"method" enum:"POST,PUT"`
	Path   string         `json:"path" doc:"of the operation, behind /api/v1"`
	Body   map[string]any `json:"body"`
}

// same tells whether two cards would look alike; the id of the card does not count.
func (d *Do) same(o *Do) bool {
	if d == nil || o == nil {
		return d == o
	}
	a, b := *d, *o
	a.Card, b.Card = 0, 0
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// boardDoc is what a row keeps of a board beside its script.
type boardDoc struct {
	Lang      string   `json:"lang,omitempty"`
	Answer    *Answer  `json:"answer,omitempty"`
	Do        *Do      `json:"do,omitempty"`
	Degraded  string   `json:"degraded,omitempty"`
	MS        float64  `json:"ms,omitempty"`
	Script    int64    `json:"script,omitempty"` // its card
	Dismissed []int64  `json:"dismissed,omitempty"`
	Replies   []int64  `json:"replies,omitempty"` // dismissed
	Acts      []string `json:"acts,omitempty"`    // dismissed or done
}

// boardRow is a board as it is kept.
type boardRow struct {
	Subject
	contact int64
	turn    int64
	seen    int64
	doc     boardDoc
	script  string
	version int
	chosen  string
	ticks   Ticks
	at      time.Time
	fresh   bool // not there yet
}

func scanBoard(row pgx.CollectableRow) (boardRow, error) {
	var b boardRow
	err := row.Scan(&b.Kind, &b.ID, &b.contact, &b.turn, &b.seen, &b.doc, &b.script, &b.version, &b.chosen, &b.ticks, &b.at)
	return b, err
}

const boardColumns = `kind, subject, coalesce(contact_id, 0), turn, seen, doc, script, version, chosen, ticks, updated_at`

// board reads the row of a subject, or makes an empty one.
func (s *Store) board(ctx context.Context, sub Subject) (boardRow, error) {
	b, err := pg.Row(ctx, s.db, scanBoard, `select `+boardColumns+` from assist_boards where kind = $1 and subject = $2`, sub.Kind, sub.ID)
	if errors.Is(err, pg.ErrNotFound) {
		return boardRow{Subject: sub, ticks: Ticks{}, fresh: true}, nil
	}
	if err != nil {
		return b, fmt.Errorf("board of %s %s: %w", sub.Kind, sub.ID, err)
	}
	if b.ticks == nil {
		b.ticks = Ticks{}
	}
	return b, nil
}

// errRaced: another server or request wrote the board in between.
var errRaced = errors.New("the board was written in between")

// keep writes a row that was read before, with the cards that came up.
func (s *Store) keep(ctx context.Context, b *boardRow, cards []*card) error {
	doc, err := json.Marshal(b.doc)
	if err != nil {
		return err
	}
	was := b.at
	now := s.now().UTC().Truncate(time.Microsecond)
	if !now.After(was) {
		now = was.Add(time.Microsecond)
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		for _, c := range cards {
			if err := c.insert(ctx, tx, b.Subject, now); err != nil {
				return err
			}
		}
		if doc, err = json.Marshal(b.doc); err != nil { // with the ids of the cards
			return err
		}
		sql := `update assist_boards set contact_id = nullif($3::bigint, 0), turn = $4, seen = $5, doc = $6, script = $7, version = $8, chosen = $9, ticks = $10, updated_at = $11 where kind = $1 and subject = $2 and updated_at = $12`
		args := []any{b.Kind, b.ID, b.contact, b.turn, b.seen, doc, b.script, b.version, b.chosen, b.ticks, now, was}
		if b.fresh {
			sql = `insert into assist_boards (kind, subject, contact_id, turn, seen, doc, script, version, chosen, ticks, updated_at) values ($1, $2, nullif($3::bigint, 0), $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`
			args = args[:11]
		}
		tag, err := tx.Exec(ctx, sql, args...)
		if err == nil && tag.RowsAffected() == 0 {
			err = errRaced
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("keep board of %s %s: %w", b.Kind, b.ID, err)
	}
	b.at, b.fresh = now, false
	return nil
}

// card is one that came up, on its way into the log; id tells where its number goes.
type card struct {
	place   string // answer, reply, script or do
	article int64
	reply   int64
	action  string
	p       float64
	text    string
	ms      float64
	id      *int64
}

func (c *card) insert(ctx context.Context, tx pgx.Tx, of Subject, at time.Time) error {
	return tx.QueryRow(ctx, `insert into assist_cards (kind, subject, card, article_id, reply_id, action, p, text, ms, at) values ($1, $2, $3, nullif($4::bigint, 0), nullif($5::bigint, 0), $6, nullif($7::float8, 0), $8, $9, $10) returning id`,
		of.Kind, of.ID, c.place, c.article, c.reply, c.action, c.p, c.text, c.ms, at).Scan(c.id)
}
