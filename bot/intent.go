package bot

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
)

// Kinds of intents.
const (
	KindTask    = "task"    // has a frame
	KindTalk    = "talk"    // small talk with an answer of its own
	KindForeign = "foreign" // of no business of ours: what the out-of-scope class learns from
)

// Intent is something customers want, with the phrases that it is learnt from.
type Intent struct {
	Name      string            `json:"name" yaml:"name" maxLength:"64"`
	Kind      string            `json:"kind" yaml:"kind" enum:"task,talk,foreign"`
	Title     map[string]string `json:"title" yaml:"title"`
	Answer    map[string]string `json:"answer,omitempty" yaml:"answer"`
	Frame     *Frame            `json:"frame,omitempty" yaml:"frame"`
	Category  string            `json:"category,omitempty" yaml:"category" maxLength:"200"`
	Version   int               `json:"version" yaml:"-" readOnly:"true"`
	UpdatedAt time.Time         `json:"updated_at" yaml:"-" readOnly:"true"`
	UpdatedBy string            `json:"updated_by" yaml:"-" readOnly:"true"`
	Phrases   []Phrase          `json:"phrases" yaml:"-" nullable:"false" maxItems:"2000"`
}

// Phrase is one training phrase.
type Phrase struct {
	ID     int64  `json:"id,omitempty" readOnly:"true"`
	Lang   string `json:"lang" enum:"zh,en"`
	Text   string `json:"text" minLength:"1" maxLength:"500"`
	Source string `json:"source,omitempty" enum:"starter,person,label,import"`
}

// Bounds of intents.
const (
	maxPhrases = 2000 // of one intent
	maxIntents = 300
	maxPhrase  = 500 // characters
)

// Check tells what is wrong with an intent.
func (i *Intent) Check() error {
	switch {
	case !nameForm.MatchString(i.Name):
		return fmt.Errorf("intent %q needs a name of small letters, digits and _", i.Name)
	case i.Kind != KindTask && i.Kind != KindTalk && i.Kind != KindForeign:
		return fmt.Errorf("intent %s is of kind %q: it can be task, talk or foreign", i.Name, i.Kind)
	case i.Kind == KindTask && i.Frame == nil:
		return fmt.Errorf("intent %s is a task and needs a frame", i.Name)
	case i.Kind != KindTask && i.Frame != nil:
		return fmt.Errorf("intent %s is %s and has no frame", i.Name, i.Kind)
	case i.Kind == KindTalk && inLang(i.Answer, "zh") == "":
		return fmt.Errorf("intent %s is small talk and needs an answer in zh or en", i.Name)
	case len(i.Phrases) > maxPhrases:
		return fmt.Errorf("intent %s has %d phrases, %d are allowed", i.Name, len(i.Phrases), maxPhrases)
	}
	if i.Frame != nil {
		if err := i.Frame.Check(); err != nil {
			return fmt.Errorf("intent %s: %w", i.Name, err)
		}
	}
	for _, m := range []map[string]string{i.Title, i.Answer} {
		if err := checkTexts(m); err != nil {
			return fmt.Errorf("intent %s: %w", i.Name, err)
		}
	}
	for k := range i.Phrases {
		p := &i.Phrases[k]
		if p.Lang != "zh" && p.Lang != "en" {
			return fmt.Errorf("intent %s: a phrase is in %q: the languages are zh and en", i.Name, p.Lang)
		}
		if nlp.Fold(p.Text) == "" || utf8.RuneCountInString(p.Text) > maxPhrase {
			return fmt.Errorf("intent %s: a phrase is empty or longer than %d characters", i.Name, maxPhrase)
		}
	}
	return nil
}

//go:embed starter/intents.yaml
var starterDocument []byte

// starterIntent is one of the intents that a server begins with, with phrases by language as the file has them.
type starterIntent struct {
	Intent  `yaml:",inline"`
	Phrases map[string][]string `yaml:"phrases"`
}

// Starter gives the intents that a new server begins with. One that is added later reaches the others at their next start.
func Starter() ([]Intent, error) {
	var doc []starterIntent
	if err := yaml.UnmarshalWithOptions(starterDocument, &doc, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("starter intents: %s", yaml.FormatError(err, false, true))
	}
	out := make([]Intent, len(doc))
	for k, d := range doc {
		out[k] = d.Intent
		for _, lang := range []string{"zh", "en"} {
			for _, t := range d.Phrases[lang] {
				out[k].Phrases = append(out[k].Phrases, Phrase{Lang: lang, Text: t, Source: "starter"})
			}
		}
		if err := out[k].Check(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Store keeps intents, tools and the policy. Changes count after Engine.Reload.
type Store struct{ db *pg.DB }

// NewStore makes a store over an open, migrated database.
func NewStore(db *pg.DB) *Store { return &Store{db} }

// seed brings the starter intents that this server was never offered, and the policy into an empty store. One whose
// name is taken already changes nothing. added are those it wrote, full those for which there was no room: they are
// tried again at the next start.
func (s *Store) seed(ctx context.Context) (added, full []string, err error) {
	all, err := Starter()
	if err != nil {
		return nil, nil, err
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		added, full = nil, nil
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('tingxin.bot.starter'))`); err != nil {
			return err
		}
		var offered, there []string
		var fresh bool
		if err := tx.QueryRow(ctx, `select (select coalesce(array_agg(name), '{}') from bot_starters), (select coalesce(array_agg(name), '{}') from bot_intents), not exists (select from bot_policy)`).
			Scan(&offered, &there, &fresh); err != nil {
			return err
		}
		if fresh && len(there) == 0 {
			if err := s.PutPolicy(ctx, tx, DefaultPolicy(), "system"); err != nil {
				return err
			}
		}
		for k := range all {
			name := all[k].Name
			switch {
			case slices.Contains(offered, name):
				continue
			case slices.Contains(there, name): // the company's own
			case len(there)+len(added) >= maxIntents:
				full = append(full, name)
				continue
			default:
				if err := s.PutIntent(ctx, tx, &all[k], "system"); err != nil {
					return err
				}
				added = append(added, name)
			}
			if _, err := tx.Exec(ctx, `insert into bot_starters (name) values ($1)`, name); err != nil {
				return err
			}
		}
		return nil
	})
	return added, full, err
}

// Intents are all of them with their phrases, by name.
func (s *Store) Intents(ctx context.Context) ([]Intent, error) {
	all, err := pg.Rows(ctx, s.db, scanIntent, `select name, kind, title, answer, frame, category, version, updated_at, updated_by from bot_intents order by name`)
	if err != nil {
		return nil, fmt.Errorf("intents: %w", err)
	}
	type labelled struct {
		intent string
		Phrase
	}
	phrases, err := pg.Rows(ctx, s.db, func(r pgx.CollectableRow) (labelled, error) {
		var p labelled
		err := r.Scan(&p.intent, &p.ID, &p.Lang, &p.Text, &p.Source)
		return p, err
	}, `select intent, id, lang, text, source from bot_phrases order by intent, lang, id`)
	if err != nil {
		return nil, fmt.Errorf("phrases: %w", err)
	}
	byName := make(map[string]*Intent, len(all))
	for i := range all {
		all[i].Phrases = []Phrase{}
		byName[all[i].Name] = &all[i]
	}
	for _, p := range phrases {
		if i := byName[p.intent]; i != nil { // one that was added in between is read next time
			i.Phrases = append(i.Phrases, p.Phrase)
		}
	}
	return all, nil
}

func scanIntent(r pgx.CollectableRow) (Intent, error) {
	var i Intent
	var frame []byte
	err := r.Scan(&i.Name, &i.Kind, &i.Title, &i.Answer, &frame, &i.Category, &i.Version, &i.UpdatedAt, &i.UpdatedBy)
	if err == nil && frame != nil {
		i.Frame = &Frame{}
		if err = json.Unmarshal(frame, i.Frame); err == nil {
			i.Frame.fill()
			err = i.Frame.Check()
		}
	}
	return i, err
}

// ErrIntent wraps what is wrong with an intent, a tool or a policy that was to be stored.
var ErrIntent = errors.New("not accepted")

// PutIntent adds or replaces an intent and its phrases in tx.
func (s *Store) PutIntent(ctx context.Context, tx pgx.Tx, i *Intent, by string) error {
	if err := i.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrIntent, err)
	}
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from bot_intents where name <> $1`, i.Name).Scan(&n); err != nil {
		return err
	}
	if n >= maxIntents {
		return fmt.Errorf("%w: there are %d intents already, which is the most", ErrIntent, n)
	}
	var frame []byte
	if i.Frame != nil {
		var err error
		if frame, err = json.Marshal(i.Frame); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `insert into bot_intents (name, kind, title, answer, frame, category, updated_by) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (name) do update set kind = $2, title = $3, answer = $4, frame = $5, category = $6, updated_by = $7, updated_at = now(), version = bot_intents.version + 1`,
		i.Name, i.Kind, some(i.Title), some(i.Answer), frame, i.Category, by)
	if err != nil {
		return fmt.Errorf("put intent %s: %w", i.Name, err)
	}
	return s.putPhrases(ctx, tx, i)
}

// putPhrases replaces what is there; a phrase that stays keeps its id and source.
func (s *Store) putPhrases(ctx context.Context, tx pgx.Tx, i *Intent) error {
	var langs, texts, sources []string
	for _, p := range i.Phrases {
		source := p.Source
		if source == "" {
			source = "person"
		}
		langs, texts, sources = append(langs, p.Lang), append(texts, strings.TrimSpace(p.Text)), append(sources, source)
	}
	_, err := tx.Exec(ctx, `delete from bot_phrases p where intent = $1 and not exists (select from unnest($2::text[], $3::text[]) as u(lang, text) where u.lang = p.lang and u.text = p.text)`, i.Name, langs, texts)
	if err == nil {
		_, err = tx.Exec(ctx, `insert into bot_phrases (intent, lang, text, source) select $1, u.lang, u.text, u.source from unnest($2::text[], $3::text[], $4::text[]) as u(lang, text, source) on conflict do nothing`, i.Name, langs, texts, sources)
	}
	if err != nil {
		return fmt.Errorf("phrases of intent %s: %w", i.Name, err)
	}
	return nil
}

// AddPhrase adds one phrase to an intent in tx: a person's correction.
func (s *Store) AddPhrase(ctx context.Context, tx pgx.Tx, intent string, p Phrase) error {
	if nlp.Fold(p.Text) == "" || utf8.RuneCountInString(p.Text) > maxPhrase || p.Lang != "zh" && p.Lang != "en" {
		return fmt.Errorf("%w: a phrase needs a language and 1 to %d characters", ErrIntent, maxPhrase)
	}
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from bot_phrases where intent = $1`, intent).Scan(&n); err != nil {
		return err
	}
	if n >= maxPhrases {
		return fmt.Errorf("%w: intent %s has %d phrases, which is the most", ErrIntent, intent, n)
	}
	_, err := tx.Exec(ctx, `insert into bot_phrases (intent, lang, text, source) values ($1, $2, $3, $4) on conflict do nothing`, intent, p.Lang, strings.TrimSpace(p.Text), p.Source)
	return pg.Map(err)
}

// DeleteIntent takes an intent with its phrases away in tx.
func (s *Store) DeleteIntent(ctx context.Context, tx pgx.Tx, name string) error {
	tag, err := tx.Exec(ctx, `delete from bot_intents where name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return err
}

// ToolDoc is a tool as it is kept.
type ToolDoc struct {
	Name      string    `json:"name"`
	Doc       string    `json:"doc" doc:"YAML"`
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by"`
}

// Tools are all declarations, by name.
func (s *Store) Tools(ctx context.Context) ([]ToolDoc, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[ToolDoc], `select name, doc, updated_at, updated_by from bot_tools order by name`)
	if err != nil {
		return nil, fmt.Errorf("tools: %w", err)
	}
	return all, nil
}

// PutTool adds or replaces a declaration in tx.
func (s *Store) PutTool(ctx context.Context, tx pgx.Tx, name, doc, by string) error {
	t, err := ParseTool([]byte(doc))
	if err == nil && t.Name != name {
		err = fmt.Errorf("the declaration is of tool %q", t.Name)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIntent, err)
	}
	_, err = tx.Exec(ctx, `insert into bot_tools (name, doc, updated_by) values ($1, $2, $3) on conflict (name) do update set doc = $2, updated_by = $3, updated_at = now()`, name, doc, by)
	return pg.Map(err)
}

// DeleteTool takes a declaration away in tx.
func (s *Store) DeleteTool(ctx context.Context, tx pgx.Tx, name string) error {
	tag, err := tx.Exec(ctx, `delete from bot_tools where name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return err
}

// Policy in force; the default one when none was stored.
func (s *Store) Policy(ctx context.Context) (Policy, error) {
	raw, err := pg.Row(ctx, s.db, pgx.RowTo[[]byte], `select doc from bot_policy`)
	if errors.Is(err, pg.ErrNotFound) {
		return DefaultPolicy(), nil
	}
	if err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	var p Policy
	if err := json.Unmarshal(raw, &p); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil // it was checked when it was stored
}

// PutPolicy replaces the policy in tx.
func (s *Store) PutPolicy(ctx context.Context, tx pgx.Tx, p Policy, by string) error {
	if err := p.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrIntent, err)
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into bot_policy (doc, updated_by) values ($1, $2) on conflict (one) do update set doc = $1, updated_by = $2, updated_at = now(), version = bot_policy.version + 1`, raw, by)
	return pg.Map(err)
}

func some(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
