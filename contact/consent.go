package contact

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Purpose is what a person's data may be used for.
type Purpose string

// The purposes. Without a line in the ledger each of them is off for a person, but for
// service, which follows from the person's own asking.
const (
	PurposeService   Purpose = "service"
	PurposeAnalytics Purpose = "analytics"
	PurposeProactive Purpose = "proactive"
	PurposeMarketing Purpose = "marketing"
	PurposeRecording Purpose = "recording"
	PurposeEmotion   Purpose = "voice_emotion"
)

// Purposes are all of them.
var Purposes = []Purpose{PurposeService, PurposeAnalytics, PurposeProactive, PurposeMarketing, PurposeRecording, PurposeEmotion}

// States of a consent.
const (
	ConsentNone      = ""          // nothing was ever said
	ConsentAnnounced = "announced" // told, and not declined
	ConsentGiven     = "given"
	ConsentRefused   = "refused"
	ConsentWithdrawn = "withdrawn" // given before, not any more
)

// Line is one line of the consent ledger; it is never changed.
type Line struct {
	ID      int64
	Purpose Purpose
	State   string
	Notice  string // version of what the person was told
	Channel string // on which it was said: "call", "chat", "web", "paper", ...
	Source  string // "call", or who wrote it down
	Proof   string // where it can be looked up: a message's id, a form's number; never what was said
	At      time.Time
}

// Allowed tells whether the purpose may be served. Announcing is enough for what happens
// in a call that goes on after it was heard, and for nothing else.
func (l *Line) Allowed() bool {
	switch l.State {
	case ConsentGiven:
		return true
	case ConsentAnnounced:
		return l.Purpose == PurposeRecording || l.Purpose == PurposeEmotion
	case ConsentNone:
		return l.Purpose == PurposeService
	}
	return false
}

// State is the person's last word on a purpose, on whichever channel it was said. Line.State
// is ConsentNone when there is none.
func (s *Store) State(ctx context.Context, id ID, p Purpose) (Line, error) {
	all, err := s.states(ctx, id, []Purpose{p})
	if err != nil || len(all) == 0 {
		return Line{Purpose: p}, wrap(id, "consent", err)
	}
	return all[0], nil
}

// States are the person's last words on all purposes, those without any among them.
func (s *Store) States(ctx context.Context, id ID) ([]Line, error) {
	said, err := s.states(ctx, id, Purposes)
	if err != nil {
		return nil, wrap(id, "consents", err)
	}
	out := make([]Line, len(Purposes))
	for i, p := range Purposes {
		out[i].Purpose = p
		if j := slices.IndexFunc(said, func(l Line) bool { return l.Purpose == p }); j >= 0 {
			out[i] = said[j]
		}
	}
	return out, nil
}

func (s *Store) states(ctx context.Context, id ID, purposes []Purpose) ([]Line, error) {
	return pg.Rows(ctx, s.db, scanLine, `select id, purpose, state, notice, channel, source, proof, at from consent_states
		where contact_id = (select root from contacts where id = $1) and purpose = any($2)`, id, purposes)
}

func scanLine(row pgx.CollectableRow) (Line, error) {
	var l Line
	err := row.Scan(&l.ID, &l.Purpose, &l.State, &l.Notice, &l.Channel, &l.Source, &l.Proof, &l.At)
	l.At = l.At.UTC()
	return l, err
}

// Ledger are all lines of a person, newest first, at most limit.
func (s *Store) Ledger(ctx context.Context, id ID, limit int) ([]Line, error) {
	all, err := pg.Rows(ctx, s.db, scanLine, `select c.id, c.purpose, c.state, c.notice, c.channel, c.source, c.proof, c.at from consents c join contacts k on k.id = c.contact_id
		where k.root = (select root from contacts where id = $1) order by c.id desc limit $2`, id, limit)
	return all, wrap(id, "ledger", err)
}

const (
	maxProof   = 500
	maxChannel = 40
)

// Say writes a line of the ledger. Refusing or withdrawing the reading of voices forgets the voice's norm at
// once (a trigger of the table, whoever writes the line).
func (s *Store) Say(ctx context.Context, tx pgx.Tx, id ID, l Line) (Line, error) {
	l.Notice, l.Channel, l.Source = clean(l.Notice, 40), clean(l.Channel, maxChannel), clean(l.Source, maxSource)
	switch {
	case !slices.Contains(Purposes, l.Purpose):
		return l, invalid("there is no purpose %q", clean(string(l.Purpose), 40))
	case l.State != ConsentGiven && l.State != ConsentRefused && l.State != ConsentWithdrawn && l.State != ConsentAnnounced:
		return l, invalid("a consent is given, refused, withdrawn or announced")
	case l.Channel == "":
		return l, invalid("a consent needs the channel on which it was said")
	}
	if l.Proof = clean(l.Proof, maxProof+1); len(l.Proof) > maxProof {
		return l, invalid("a proof has at most %d bytes", maxProof)
	}
	root, err := aliveRoot(ctx, tx, id)
	if err != nil {
		return l, wrap(id, "consent", err)
	}
	if l.Notice != "" {
		if err := noticed(ctx, tx, l); err != nil {
			return l, err
		}
	}
	if l.At.IsZero() {
		l.At = s.now()
	}
	l.At = l.At.UTC().Truncate(time.Microsecond)
	err = tx.QueryRow(ctx, `insert into consents (contact_id, purpose, state, notice, channel, source, proof, at) values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
		root, l.Purpose, l.State, l.Notice, l.Channel, l.Source, l.Proof, l.At).Scan(&l.ID)
	return l, wrap(id, "consent", err)
}

// noticed refuses a notice that does not tell of the purpose.
func noticed(ctx context.Context, tx pgx.Tx, l Line) error {
	var known bool
	err := tx.QueryRow(ctx, `select exists (select 1 from consent_notices where version = $1 and $2 = any(purposes))`, l.Notice, l.Purpose).Scan(&known)
	if err == nil && !known {
		err = invalid("there is no notice %q that tells of %s", l.Notice, l.Purpose)
	}
	return err
}

// Notice is what people are told before they consent (PIPL Art. 17). A version is never changed.
type Notice struct {
	Version   string // "2026-11", "voice-1"
	Language  string // "zh" or "en"
	Handler   string // who handles the data and how to reach them
	Purposes  []Purpose
	Kinds     string // of data
	Retention string
	Rights    string // and how to use them
	By        string
	At        time.Time
}

var noticeVersion = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,39}$`)

// AddNotice keeps a new version. One that is there already gives pg.ErrConflict.
func (s *Store) AddNotice(ctx context.Context, tx pgx.Tx, n Notice) (Notice, error) {
	n.Handler, n.Kinds, n.Retention, n.Rights = cleanLines(n.Handler), cleanLines(n.Kinds), cleanLines(n.Retention), cleanLines(n.Rights)
	switch {
	case !noticeVersion.MatchString(n.Version):
		return n, invalid("a notice's version is written in a-z, 0-9, '.', '_' and '-', at most 40")
	case n.Language != "zh" && n.Language != "en":
		return n, invalid("a notice is in zh or en")
	case n.Handler == "" || n.Kinds == "" || n.Retention == "" || n.Rights == "":
		return n, invalid("a notice names the handler, the kinds of data, how long they are kept, and the rights")
	case len(n.Handler) > 500 || len(n.Kinds) > 2000 || len(n.Retention) > 2000 || len(n.Rights) > 2000:
		return n, invalid("a notice's parts have at most 500 bytes (handler) and 2000 bytes (others)")
	case len(n.Purposes) == 0:
		return n, invalid("a notice names a purpose")
	}
	seen := map[Purpose]bool{}
	for _, p := range n.Purposes {
		if !slices.Contains(Purposes, p) || seen[p] {
			return n, invalid("a notice names each of its purposes once, out of %v", Purposes)
		}
		seen[p] = true
	}
	n.At = s.now().UTC().Truncate(time.Microsecond)
	_, err := tx.Exec(ctx, `insert into consent_notices (version, language, handler, purposes, kinds, retention, rights, by, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		n.Version, n.Language, n.Handler, n.Purposes, n.Kinds, n.Retention, n.Rights, clean(n.By, maxSource), n.At)
	if err != nil {
		err = fmt.Errorf("notice %s: %w", n.Version, pg.Map(err))
	}
	return n, err
}

// Notices are all versions, newest first.
func (s *Store) Notices(ctx context.Context) ([]Notice, error) {
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Notice, error) {
		var n Notice
		err := row.Scan(&n.Version, &n.Language, &n.Handler, &n.Purposes, &n.Kinds, &n.Retention, &n.Rights, &n.By, &n.At)
		n.At = n.At.UTC()
		return n, err
	}, `select version, language, handler, purposes, kinds, retention, rights, by, at from consent_notices order by at desc, version, language limit 500`)
	if err != nil {
		err = fmt.Errorf("notices: %w", err)
	}
	return all, err
}
