package contact

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// FieldType is what a field of this house's own holds.
type FieldType string

// The types and how their values are kept.
const (
	FieldText    FieldType = "text"    // string of at most 1000 bytes
	FieldNumber  FieldType = "number"  // float64
	FieldDate    FieldType = "date"    // "2026-11-28"
	FieldBoolean FieldType = "boolean" // bool
	FieldChoice  FieldType = "choice"  // one of Choices
	FieldURL     FieldType = "url"     // http or https
)

// FieldTypes are all of them.
var FieldTypes = []FieldType{FieldText, FieldNumber, FieldDate, FieldBoolean, FieldChoice, FieldURL}

// Field is the definition of a field of this house's own.
type Field struct {
	Key     string // a-z, digits and _, at most 40
	LabelZH string
	LabelEN string
	Type    FieldType
	Choices []string // of FieldChoice
	Private bool     // masked for those who may not see it
	Order   int
}

// Bounds of fields and of what stands beside them.
const (
	MaxFields    = 60
	maxChoices   = 100
	maxChoice    = 100 // bytes
	maxFieldText = 1000
	MaxTags      = 50
	maxTag       = 60 // bytes
	maxLanguage  = 16
	maxNote      = 4000 // bytes
)

// ErrInvalid says what is wrong with a value; its text is for people.
var ErrInvalid = errors.New("not valid")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

var (
	fieldKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	language = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?$`)
)

func (f *Field) check() error {
	f.LabelZH, f.LabelEN = clean(f.LabelZH, 60), clean(f.LabelEN, 60)
	switch {
	case !fieldKey.MatchString(f.Key):
		return invalid("a field's key is a letter and then letters, digits and _, all lower case, at most 40")
	case f.LabelZH == "" || f.LabelEN == "":
		return invalid("a field needs a label in both languages")
	case !slices.Contains(FieldTypes, f.Type):
		return invalid("a field is one of %v, not %q", FieldTypes, f.Type)
	case f.Type == FieldChoice && (len(f.Choices) == 0 || len(f.Choices) > maxChoices):
		return invalid("a choice has 1 to %d values", maxChoices)
	case f.Type != FieldChoice && len(f.Choices) > 0:
		return invalid("only a choice has choices")
	}
	seen := map[string]bool{}
	for i, c := range f.Choices {
		c = clean(c, maxChoice)
		if c == "" || seen[c] {
			return invalid("choices are different texts")
		}
		f.Choices[i], seen[c] = c, true
	}
	return nil
}

// Value checks a value and brings it into the form it is kept in. Texts are read as the
// type wants them, so that a CSV file can hold any type. nil means that there is none.
func (f *Field) Value(v any) (any, error) {
	if s, ok := v.(string); ok {
		s = clean(s, maxFieldText+1)
		if s == "" {
			return nil, nil
		}
		return f.parse(s)
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case bool:
		if f.Type == FieldBoolean {
			return v, nil
		}
	case float64:
		if f.Type == FieldNumber && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v, nil
		}
	}
	return nil, invalid("%s is no %s", f.Key, f.Type)
}

func (f *Field) parse(s string) (any, error) {
	switch f.Type {
	case FieldText:
		if len(s) <= maxFieldText {
			return s, nil
		}
		return nil, invalid("%s has more than %d bytes", f.Key, maxFieldText)
	case FieldNumber:
		if n, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n, nil
		}
	case FieldDate:
		if d, err := time.Parse(time.DateOnly, s); err == nil {
			return d.Format(time.DateOnly), nil
		}
		return nil, invalid("%s is a date such as 2026-11-28", f.Key)
	case FieldBoolean:
		switch strings.ToLower(s) {
		case "true", "yes", "1", "是":
			return true, nil
		case "false", "no", "0", "否":
			return false, nil
		}
	case FieldChoice:
		if slices.Contains(f.Choices, s) {
			return s, nil
		}
		return nil, invalid("%s is none of %v", f.Key, f.Choices)
	case FieldURL:
		if u, err := url.Parse(s); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && len(s) <= maxFieldText {
			return s, nil
		}
		return nil, invalid("%s is an address such as https://example.com", f.Key)
	}
	return nil, invalid("%s is no %s", f.Key, f.Type)
}

func scanField(row pgx.CollectableRow) (Field, error) {
	var f Field
	err := row.Scan(&f.Key, &f.LabelZH, &f.LabelEN, &f.Type, &f.Choices, &f.Private, &f.Order)
	return f, err
}

const fieldColumns = `key, label_zh, label_en, type, choices, private, ord`

// Fields are the definitions in their order.
func (s *Store) Fields(ctx context.Context) ([]Field, error) {
	all, err := pg.Rows(ctx, s.db, scanField, `select `+fieldColumns+` from contact_fields order by ord, key`)
	if err != nil {
		err = fmt.Errorf("fields: %w", err)
	}
	return all, err
}

func fieldsIn(ctx context.Context, tx pgx.Tx) (map[string]*Field, error) {
	rows, err := tx.Query(ctx, `select `+fieldColumns+` from contact_fields`)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, scanField)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*Field, len(all))
	for i := range all {
		out[all[i].Key] = &all[i]
	}
	return out, nil
}

// PutField defines a field or changes it. The type stays as long as anybody has a value of it.
func (s *Store) PutField(ctx context.Context, tx pgx.Tx, f Field) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.Choices == nil {
		f.Choices = []string{}
	}
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('tingxin.contact_fields'))`); err != nil {
		return err
	}
	known, err := fieldsIn(ctx, tx)
	if err != nil {
		return err
	}
	old := known[f.Key]
	if old == nil && len(known) >= MaxFields {
		return fmt.Errorf("%w: there are at most %d fields", ErrTooMany, MaxFields)
	}
	if old != nil && old.Type != f.Type {
		var used bool
		if err := tx.QueryRow(ctx, `select exists (select 1 from contacts where fields ? $1)`, f.Key).Scan(&used); err != nil {
			return err
		}
		if used {
			return invalid("%s has values of type %s; delete the field first, or make another one", f.Key, old.Type)
		}
	}
	_, err = tx.Exec(ctx, `insert into contact_fields (`+fieldColumns+`) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (key) do update set label_zh = $2, label_en = $3, type = $4, choices = $5, private = $6, ord = $7`,
		f.Key, f.LabelZH, f.LabelEN, f.Type, f.Choices, f.Private, f.Order)
	return err
}

// DeleteField removes a definition and every value of it, also those that undoing a merge would bring back.
func (s *Store) DeleteField(ctx context.Context, tx pgx.Tx, key string) (values int64, err error) {
	tag, err := tx.Exec(ctx, `delete from contact_fields where key = $1`, key)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("field %s: %w", key, err)
	}
	if tag, err = tx.Exec(ctx, `update contacts set fields = fields - $1 where fields ? $1`, key); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `update contact_merges set before = before #- array['fields', $1], after = after #- array['fields', $1]
		where before -> 'fields' ? $1 or after -> 'fields' ? $1`, key)
	return tag.RowsAffected(), err
}
