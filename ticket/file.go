package ticket

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// MaxFile bounds a file that a customer attaches, bytes; maxFiles those of one ticket.
const (
	MaxFile  = 5 << 20
	maxFiles = 20
)

// fileTypes are what customers may attach, by content.
var fileTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"}

// File is a file of a ticket.
type File struct {
	ID      string    `json:"id"`
	Comment int64     `json:"comment,omitempty"`
	Name    string    `json:"name"`
	Type    string    `json:"media_type"`
	Bytes   int       `json:"bytes"`
	At      time.Time `json:"at"`
	Data    []byte    `json:"-"`
}

// fileType is the type of a file by its content; "" is none that is taken.
func fileType(data []byte) string {
	t, _, _ := strings.Cut(http.DetectContentType(data), ";")
	if !slices.Contains(fileTypes, t) || t == "text/plain" && !utf8.Valid(data) {
		return ""
	}
	return t
}

// AddFile keeps a file that belongs to a comment.
func (s *Service) AddFile(ctx context.Context, id ID, comment int64, name string, data []byte) (File, error) {
	name = strings.ToValidUTF8(path.Base(strings.ReplaceAll(name, "\\", "/")), "")
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if r := []rune(name); len(r) > 100 {
		name = string(r[len(r)-100:])
	}
	f := File{Comment: comment, Name: name, Type: fileType(data), Bytes: len(data), At: s.now()}
	switch {
	case len(data) == 0 || len(data) > MaxFile:
		return f, invalid("file", "1 byte to %d MB", MaxFile>>20)
	case f.Type == "":
		return f, invalid("file", "pictures, PDF and plain text only")
	case name == "" || name == "." || name == "/":
		f.Name = "file"
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := lock(ctx, tx, id); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from ticket_files where ticket_id = $1`, id).Scan(&n); err != nil {
			return err
		}
		if n >= maxFiles {
			return invalid("file", "a ticket has at most %d files", maxFiles)
		}
		if err := tx.QueryRow(ctx, `insert into ticket_files (ticket_id, comment_id, name, media_type, bytes, data, at) values ($1, $2, $3, $4, $5, $6, $7) returning id::text`,
			id, pg.OrNull(comment), f.Name, f.Type, f.Bytes, data, f.At).Scan(&f.ID); err != nil {
			return err
		}
		return trailOf(ctx, tx, id, f.At, Customer, "file_added", map[string]any{"size": f.Bytes})
	})
	return f, failed("add a file to", id, err)
}

// Files are those of a ticket, in order, without their data.
func (s *Service) Files(ctx context.Context, id ID) ([]File, error) {
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (File, error) {
		var f File
		err := row.Scan(&f.ID, &f.Comment, &f.Name, &f.Type, &f.Bytes, &f.At)
		return f, err
	}, `select id::text, coalesce(comment_id, 0), name, media_type, bytes, at from ticket_files where ticket_id = $1 order by at, id`, id)
	return all, failed("read the files of", id, err)
}

// File reads one file of a ticket with its data.
func (s *Service) File(ctx context.Context, id ID, file string) (File, error) {
	f, err := pg.Row(ctx, s.db, func(row pgx.CollectableRow) (File, error) {
		var f File
		err := row.Scan(&f.ID, &f.Comment, &f.Name, &f.Type, &f.Bytes, &f.At, &f.Data)
		return f, err
	}, `select id::text, coalesce(comment_id, 0), name, media_type, bytes, at, data from ticket_files where ticket_id = $1 and id::text = $2`, id, file)
	return f, failed("read a file of", id, err)
}
