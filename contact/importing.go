package contact

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/encoding/simplifiedchinese"

	"tingxin/pg"
)

// Bounds of an imported list.
const (
	MaxImportBytes = 4 << 20
	MaxImportRows  = 10000
	maxImportError = 200 // listed; all are counted
	importBatch    = 200 // rows a transaction
)

// Columns of an imported list beside the house's own fields. One of the first three must be
// filled in each row: it is the key by which the row is found again, so importing twice changes nothing.
const (
	ColumnID       = "external_id" // the person's id in the system the list comes from
	ColumnPhone    = "phone"
	ColumnEmail    = "email"
	ColumnName     = "name"
	ColumnLanguage = "language"
	ColumnVIP      = "vip"
	ColumnTags     = "tags" // separated by ; or ；
)

// importAccount is the name space of external ids.
const importAccount = "import"

// RowError is what is wrong with one row.
type RowError struct {
	Row     int // see TableRow
	Column  string
	Message string
}

// Imported is what an import did, or would do when it was a dry run.
type Imported struct {
	Rows    int
	Created int
	Updated int
	Same    int // known and without anything new
	Failed  int
	Errors  []RowError // the first 200
	Ignored []string   // columns without a meaning here
}

// Import reads a list of people as CSV, in UTF-8 or GB18030, with a header. Each row is done
// wholly or not at all; a bad row does not stop the others. With dry nothing is kept.
func (s *Store) Import(ctx context.Context, r io.Reader, dry bool, by string) (Imported, error) {
	out := Imported{Errors: []RowError{}, Ignored: []string{}}
	head, rows, err := ReadTable(r)
	if err != nil {
		return out, err
	}
	fields, err := s.Fields(ctx)
	if err != nil {
		return out, err
	}
	im := &importer{s: s, dry: dry, by: clean(by, maxSource), out: &out, seen: map[string]bool{}, fields: map[string]*Field{}}
	for i := range fields {
		im.fields[fields[i].Key] = &fields[i]
	}
	if err := im.head(head); err != nil {
		return out, err
	}
	for part := range slices.Chunk(rows, importBatch) {
		if err := im.batch(ctx, part); err != nil {
			return out, fmt.Errorf("import: %w", err)
		}
	}
	return out, nil
}

// TableRow is a row of a list.
type TableRow struct {
	Row   int      // as spreadsheets count them: 1 is the header, empty rows and remarks count
	Cells []string // nil when it cannot be read
}

// Broken is what is wrong with a TableRow without Cells.
const Broken = "a quotation mark is opened and not closed"

// maxLine is how long a row may be that goes over several lines, bytes.
const maxLine = 64 << 10

// ReadTable reads all rows of a list as CSV, in UTF-8 or GB18030; rows that begin with "# " are remarks. A row that cannot
// be read is one line and does not take those behind it along. The errors are ErrInvalid.
func ReadTable(r io.Reader) (head []string, rows []TableRow, err error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxImportBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read the list: %w", err)
	}
	if len(b) > MaxImportBytes {
		return nil, nil, invalid("the list is larger than %d MB", MaxImportBytes>>20)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) {
		if b, err = simplifiedchinese.GB18030.NewDecoder().Bytes(b); err != nil {
			return nil, nil, invalid("the list is neither UTF-8 nor GB18030")
		}
	}
	for row := 1; len(b) > 0; row++ {
		first, _, _ := bytes.Cut(b, []byte("\n"))
		if len(bytes.TrimSpace(first)) == 0 || bytes.HasPrefix(first, []byte("# ")) {
			b = b[min(len(first)+1, len(b)):]
			continue
		}
		cells, n := readLine(b, min(len(first)+1, len(b)))
		b = b[n:]
		switch {
		case head != nil:
			rows = append(rows, TableRow{row, cells})
		case cells == nil:
			return nil, nil, invalid("the header: %s", Broken)
		default:
			head = cells
		}
		if len(rows) > MaxImportRows {
			return nil, nil, invalid("the list has more than %d rows", MaxImportRows)
		}
	}
	if len(rows) == 0 {
		return nil, nil, invalid("the list needs a header and a row")
	}
	return head, rows, nil
}

// readLine reads the row with which b begins and tells how many bytes it has. Quotation marks within a cell are taken as
// they are, as long as that leaves the row within its first line.
func readLine(b []byte, first int) (cells []string, n int) {
	read := func(b []byte, lazy bool) ([]string, int, error) {
		c := csv.NewReader(bytes.NewReader(b))
		c.FieldsPerRecord, c.LazyQuotes, c.TrimLeadingSpace = -1, lazy, true
		cells, err := c.Read()
		return cells, int(c.InputOffset()), err
	}
	whole := b[:max(first, min(len(b), maxLine))]
	cells, n, err := read(whole, true)
	if err == nil && n > first {
		_, n, err = read(whole, false)
	}
	if err != nil || n == 0 {
		return nil, first
	}
	return cells, n
}

type importer struct {
	s       *Store
	dry     bool
	by      string
	out     *Imported
	columns []string
	fields  map[string]*Field
	seen    map[string]bool // keys that a dry run would have made
}

// head finds out what the columns mean.
func (im *importer) head(row []string) error {
	known := []string{ColumnID, ColumnPhone, ColumnEmail, ColumnName, ColumnLanguage, ColumnVIP, ColumnTags}
	if len(row) > MaxFields+len(known) {
		return invalid("the list has more than %d columns", MaxFields+len(known))
	}
	key := false
	for _, name := range row {
		name = strings.ToLower(clean(name, 80))
		if im.fields[name] == nil && !slices.Contains(known, name) {
			im.out.Ignored = append(im.out.Ignored, name)
			name = ""
		}
		if name != "" && slices.Contains(im.columns, name) {
			return invalid("the column %s is there twice", name)
		}
		key = key || slices.Contains(known[:3], name)
		im.columns = append(im.columns, name)
	}
	if !key {
		return invalid("the list needs one of the columns %s", strings.Join(known[:3], ", "))
	}
	return nil
}

func (im *importer) batch(ctx context.Context, rows []TableRow) error {
	err := im.s.long(ctx, func(tx pgx.Tx) error {
		for _, row := range rows {
			im.out.Rows++
			err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return im.row(ctx, tx, row.Cells) })
			var bad *RowError
			switch {
			case err == nil:
			case errors.As(err, &bad):
				im.out.Failed++
				if len(im.out.Errors) < maxImportError {
					bad.Row = row.Row
					im.out.Errors = append(im.out.Errors, *bad)
				}
			default:
				return err
			}
		}
		if im.dry {
			return errDry
		}
		return nil
	})
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}

var errDry = errors.New("dry run")

// Error implements error.
func (e *RowError) Error() string { return fmt.Sprintf("row %d, %s: %s", e.Row, e.Column, e.Message) }

func badRow(column string, err error) error {
	if errors.Is(err, ErrInvalid) || errors.Is(err, ErrIdentity) || errors.Is(err, ErrTooMany) {
		_, text, _ := strings.Cut(err.Error(), ": ")
		return &RowError{Column: column, Message: text}
	}
	return err
}

// row does one row.
func (im *importer) row(ctx context.Context, tx pgx.Tx, row []string) error {
	if row == nil {
		return &RowError{Message: Broken}
	}
	change, keys, err := im.parse(ctx, row)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return &RowError{Column: ColumnPhone, Message: "none of external_id, phone and email is filled in"}
	}
	id, created, err := im.s.resolve(ctx, tx, keys[0])
	if err != nil {
		return err
	}
	before := profile{}
	if !created {
		known, err := lockContacts(ctx, tx, id)
		if err != nil {
			return err
		}
		before = known[id].profile()
	}
	fresh := false
	for _, k := range keys[1:] {
		added, err := im.s.attach(ctx, tx, id, k)
		if err != nil {
			return badRow(string(k.Kind), err)
		}
		fresh = fresh || added
	}
	if err := im.s.update(ctx, tx, id, change); err != nil {
		return badRow("", err)
	}
	im.note(ctx, tx, id, created, fresh, before, keys[0])
	return nil
}

// note counts what a row did.
func (im *importer) note(ctx context.Context, tx pgx.Tx, id ID, created, fresh bool, before profile, key address) {
	if im.dry && created && im.seen[string(key.hash)] { // an earlier batch of the same list has made it
		created = false
		fresh = true
	}
	im.seen[string(key.hash)] = true
	if created {
		im.out.Created++
		return
	}
	after, err := lockContacts(ctx, tx, id)
	if !fresh && err == nil && before.equal(after[id].profile()) {
		im.out.Same++
		return
	}
	im.out.Updated++
}

// parse reads a row's cells. Empty cells change nothing.
func (im *importer) parse(ctx context.Context, row []string) (Change, []address, error) {
	c := Change{Fields: map[string]any{}}
	values := map[string]string{}
	for i, cell := range row {
		if i >= len(im.columns) || im.columns[i] == "" {
			continue
		}
		column := im.columns[i]
		cell = strings.TrimPrefix(clean(cell, 4096), "'") // as exports protect spreadsheets from formulas
		if cell == "" {
			continue
		}
		if f := im.fields[column]; f != nil {
			v, err := f.Value(cell)
			if err != nil {
				return c, nil, badRow(column, err)
			}
			c.Fields[column] = v
			continue
		}
		values[column] = cell
	}
	if v, ok := values[ColumnName]; ok {
		c.Name = &v
	}
	if v, ok := values[ColumnLanguage]; ok {
		if !language.MatchString(v) {
			return c, nil, &RowError{Column: ColumnLanguage, Message: "a language is written as zh, en or zh-TW"}
		}
		c.Language = &v
	}
	if v, ok := values[ColumnVIP]; ok {
		b, err := (&Field{Key: ColumnVIP, Type: FieldBoolean}).Value(v)
		if err != nil {
			return c, nil, badRow(ColumnVIP, err)
		}
		vip := b.(bool)
		c.VIP = &vip
	}
	if v, ok := values[ColumnTags]; ok {
		list := strings.FieldsFunc(v, func(r rune) bool { return r == ';' || r == '；' })
		c.Tags = &list
	}
	var keys []address
	for _, k := range []struct {
		column, account string
		kind            Kind
	}{{ColumnID, importAccount, KindCustom}, {ColumnPhone, "", KindPhone}, {ColumnEmail, "", KindEmail}} {
		v, ok := values[k.column]
		if !ok {
			continue
		}
		a, err := im.s.address(ctx, Key{Kind: k.kind, Account: k.account, Value: v, Source: "import"})
		if err != nil {
			return c, nil, badRow(k.column, err)
		}
		keys = append(keys, a)
	}
	return c, keys, nil
}

func (p profile) equal(q profile) bool {
	return p.Name == q.Name && p.Language == q.Language && p.VIP == q.VIP && slices.Equal(p.Tags, q.Tags) && fmt.Sprint(p.Fields) == fmt.Sprint(q.Fields)
}

// attach gives a contact an identity out of a list that is trusted as much as a channel: nobody else has
// it, or it is only suggested. fresh is false when the person had it.
func (s *Store) attach(ctx context.Context, tx pgx.Tx, id ID, a address) (fresh bool, err error) {
	if err := lockKey(ctx, tx, a); err != nil {
		return false, err
	}
	_, root, err := ownerOf(ctx, tx, a)
	switch {
	case err != nil:
		return false, err
	case root == id:
		return false, nil
	case root == 0:
		if err := s.insertIdentity(ctx, tx, id, a, true); err != nil {
			return false, err
		}
		return true, suggest(ctx, tx, id, a)
	}
	var has bool
	err = tx.QueryRow(ctx, `select exists (select 1 from contact_identities i join contacts k on k.id = i.contact_id
		where k.root = $1 and i.kind = $2 and i.account = $3 and i.value = $4)`, id, a.Kind, a.Account, a.Value).Scan(&has)
	if err != nil || has {
		return false, pg.Map(err)
	}
	_, err = s.insertSaid(ctx, tx, id, a)
	return true, err
}
