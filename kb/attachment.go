package kb

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Attachment is a file of an article, without its bytes.
type Attachment struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
	Kind string    `json:"kind" doc:"media type, as found in the bytes"`
	Size int       `json:"size" doc:"bytes"`
	At   time.Time `json:"at"`
	By   string    `json:"by"`
}

// Bounds of attachments.
const (
	MaxAttachment  = 5 << 20
	maxAttachments = 20
)

// fileKinds are what may be attached, by what is found in the bytes; text is not
// among them as nobody can tell what is in it.
var fileKinds = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"}

// fileName is a name without folders and signs that some system trips over.
func fileName(raw string) string {
	name := line(raw)
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"<>|:*?;`, r) {
			return '_'
		}
		return r
	}, name)
	if name = begin(name, 100); strings.Trim(name, ". ") == "" {
		return "file"
	}
	return name
}

func (s *Store) hasFile(ctx context.Context, id string) (bool, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return false, nil
	}
	there, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from kb_attachments where id = $1)`, parsed)
	if err != nil {
		return false, fmt.Errorf("file %s: %w", id, err)
	}
	return there, nil
}

// Attach keeps a file. What it is, is found in its bytes; the same bytes twice are one file.
func (s *Store) Attach(ctx context.Context, by Actor, article int64, name string, data []byte, also Also) (Attachment, error) {
	if !by.Edit {
		return Attachment{}, ErrRight
	}
	if len(data) == 0 || len(data) > MaxAttachment {
		return Attachment{}, wrong("a file has 1 byte to %d MB", MaxAttachment>>20)
	}
	kind, _, _ := strings.Cut(http.DetectContentType(data), ";")
	if !slices.Contains(fileKinds, kind) {
		return Attachment{}, wrong("the file is %s: it can be PNG, JPEG, GIF, WebP or PDF", kind)
	}
	id, err := uuid.NewRandom() // not to be guessed: files are public once known
	if err != nil {
		return Attachment{}, err
	}
	sum := sha256.Sum256(data)
	a := Attachment{ID: id, Name: fileName(name), Kind: kind, Size: len(data), At: s.now(), By: by.Name}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		r, err := lock(ctx, tx, article)
		if err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from kb_attachments where article_id = $1`, article).Scan(&n); err != nil {
			return err
		}
		if n >= maxAttachments {
			return wrong("an article has at most %d files", maxAttachments)
		}
		_, err = tx.Exec(ctx, `insert into kb_attachments (id, article_id, name, kind, size, sha256, data, at, by_user) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			a.ID, article, a.Name, a.Kind, a.Size, sum[:], data, a.At, a.By)
		if err != nil {
			return err
		}
		return then(also, tx, r)
	})
	if err != nil {
		return Attachment{}, fmt.Errorf("attach to article %d: %w", article, err)
	}
	return a, nil
}

// Attachments of an article, oldest first.
func (s *Store) Attachments(ctx context.Context, article int64) ([]Attachment, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Attachment], `select id, name, kind, size, at, by_user from kb_attachments where article_id = $1 order by at, id`, article)
}

// Detach takes a file away.
func (s *Store) Detach(ctx context.Context, by Actor, article int64, id uuid.UUID, also Also) error {
	if !by.Edit {
		return ErrRight
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		r, err := lock(ctx, tx, article)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from kb_attachments where id = $1 and article_id = $2`, id, article)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return pg.ErrNotFound
		}
		return then(also, tx, r)
	})
	if err != nil {
		return fmt.Errorf("detach %s: %w", id, err)
	}
	return nil
}

// File is an attachment with its bytes.
type File struct {
	Attachment
	Article int64
	Data    []byte
}

// File reads an attachment.
func (s *Store) File(ctx context.Context, id uuid.UUID) (File, error) {
	f, err := pg.Row(ctx, s.db, func(row pgx.CollectableRow) (File, error) {
		var f File
		err := row.Scan(&f.ID, &f.Name, &f.Kind, &f.Size, &f.At, &f.By, &f.Article, &f.Data)
		return f, err
	}, `select id, name, kind, size, at, by_user, article_id, data from kb_attachments where id = $1`, id)
	if err != nil {
		return f, fmt.Errorf("file %s: %w", id, err)
	}
	return f, nil
}
