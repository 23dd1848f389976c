package callout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
)

// Columns of an imported list, in English or Chinese; every other column is a field of Person.Data.
var columnNames = map[string]string{
	"number": "number", "phone": "number", "mobile": "number", "tel": "number", "号码": "number", "电话": "number", "手机": "number", "手机号": "number", "电话号码": "number",
	"name": "name", "姓名": "name", "名字": "name", "note": "note", "reason": "note", "备注": "note", "原因": "note", "事由": "note",
}

// mostImportErrors are listed; all are counted.
const mostImportErrors = 100

// RowError is what is wrong with one row.
type RowError struct {
	Row     int // see contact.TableRow
	Message string
}

// Imported is what an import did, or would do when it was a dry run.
type Imported struct {
	Rows   int
	Added  int
	There  int // numbers that are in the list already, or twice in the file
	Failed int
	Errors []RowError // the first 100
	Fields []string   // columns that are shown to the agent as they are
}

var errDry = errors.New("dry run")

// Import reads people as CSV with a header, in UTF-8 or GB18030, and puts them into a list. A bad row does not stop the
// others. done is called in the same transaction, for the audit row. With dry nothing is kept.
func (s *Store) Import(ctx context.Context, list int64, r io.Reader, dry bool, done func(pgx.Tx, *Imported) error) (Imported, error) {
	out := Imported{Errors: []RowError{}, Fields: []string{}}
	head, rows, err := contact.ReadTable(r)
	if err != nil {
		return out, err
	}
	people, err := readPeople(head, rows, s.region, &out)
	if err != nil {
		return out, err
	}
	inFile := out.There
	err = s.db.Tx(ctx, func(tx pgx.Tx) error { // may be done again
		l, err := lock(ctx, tx, list)
		if err != nil {
			return err
		}
		if l.State == Closed {
			return fmt.Errorf("%w: it is closed", ErrState)
		}
		twice, added := inFile, 0
		for part := range slices.Chunk(people, MostAtOnce) {
			a, err := s.add(ctx, tx, list, part)
			if err != nil {
				return err
			}
			added += a.Added
			twice += a.There
		}
		out.Added, out.There = added, twice
		if dry {
			return errDry
		}
		return done(tx, &out)
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return out, err
}

// readPeople makes people of rows under the names of their columns.
func readPeople(names []string, rows []contact.TableRow, region string, out *Imported) ([]Person, error) {
	head := make([]string, len(names)) // what each column is; "" for a field of Data
	for i, name := range names {
		name = clean(name)
		head[i] = columnNames[strings.ToLower(name)]
		if head[i] != "" && slices.Contains(head[:i], head[i]) {
			return nil, invalid("two columns are the %s", head[i])
		}
		if head[i] == "" && name != "" {
			out.Fields = append(out.Fields, name)
		}
	}
	switch {
	case !slices.Contains(head, "number"):
		return nil, invalid("no column is the number: name it number or 号码")
	case len(out.Fields) > maxData:
		return nil, invalid("there are more than %d columns besides number, name and note", maxData)
	}
	seen := map[string]bool{}
	var people []Person
	for _, row := range rows {
		out.Rows++
		p := Person{Data: map[string]string{}}
		for i, cell := range row.Cells[:min(len(row.Cells), len(head))] {
			switch head[i] {
			case "number":
				p.Number = cell
			case "name":
				p.Name = cell
			case "note":
				p.Note = cell
			default:
				p.Data[clean(names[i])] = cell
			}
		}
		err := p.check(region)
		if row.Cells == nil {
			err = invalid(contact.Broken)
		}
		if err != nil {
			out.Failed++
			if len(out.Errors) < mostImportErrors {
				out.Errors = append(out.Errors, RowError{row.Row, strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": ")})
			}
			continue
		}
		if seen[p.Number] {
			out.There++
			continue
		}
		seen[p.Number] = true
		people = append(people, p)
	}
	return people, nil
}
